"""Volumes and short videos: `.npz` files with arrays of them under keys that say so.

    volumes, labels                  one set; a tenth is held out
    PART_volumes, PART_labels        given parts: train, val, test
    classes                          names of the classes by number (optional)

Volumes are [N, D, H, W] or [N, D, H, W, C] with C of 1, 3 or 4, of the types that `array_values` documents. They are
read into memory as they are: no size is changed.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sparring.data.array_values import Array, describe, index_classes, to_uint8
from sparring.data.arrays import DAMAGE, read_members
from sparring.data.collection import Split
from sparring.data.opened import Data, Part
from sparring.data.report import DataReport, PartReport, part_report
from sparring.data.spec import ImageSpec
from sparring.data.split import Labels, assign, content_hashes, limit_labels
from sparring.errors import DataError

KEYS: Mapping[str, Split | None] = {
    "volumes": None,
    "train_volumes": "train",
    "val_volumes": "validation",
    "test_volumes": "test",
}
SMALLEST, LARGEST = 2, 512


def is_volume_file(source: str) -> bool:
    """Whether it is an `.npz` in which an array says that it is one of volumes; no content is read."""
    path = Path(source).expanduser()
    if path.suffix.lower() != ".npz" or not path.is_file():
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.removesuffix(".npy").lower() in KEYS for name in archive.namelist())
    except DAMAGE:
        return False


def open_volumes(source: str, *, conditional: bool = True, labels: int | None = None, seed: int = 0) -> Data:
    """Open a file of volumes; arguments as for `open_data`.

    Raises:
        DataError: damaged, of other shapes or values, or without a volume to train on; the message says which.
    """
    path = Path(source).expanduser()
    x, y, splits, classes, layout = _read(path)
    hashes = content_hashes(x)
    rows = assign(hashes, splits)
    used = classes if conditional else ()
    known = y.copy()
    if labels is not None:
        train = rows["train"]
        known[train] = limit_labels(y[train], hashes[train], keep=labels, classes=classes, seed=seed)
    parts: dict[str, Part] = {name: Part(x=x[row], y=known[row] if used else None) for name, row in rows.items()}
    _, depth, height, width, channels = x.shape
    spec = ImageSpec(channels=channels, height=height, width=width, depth=depth, classes=used)
    reports = {name: part_report(hashes[row], parts[name].y, used) for name, row in rows.items()}
    return Data(
        name=path.stem,
        spec=spec,
        parts=parts,
        report=_data_report(path, layout, (depth, height, width), channels, reports, labels, seed),
        classes=classes,
        labels={name: y[row] for name, row in rows.items()} if classes else {},
    )


def _read(path: Path) -> tuple[npt.NDArray[np.uint8], Labels, list[Split | None], tuple[str, ...], str]:
    """All volumes uint8 [N, D, H, W, C], labels [N], given splits, names of the classes, and how they were read."""
    stored, names = read_members(path)
    wheres = {key: f"{path}: '{key}'" for key in stored}
    arrays = {key: _laid_out(stored[key], wheres[key]) for key in KEYS if key in stored}
    shapes = {array.shape[1:] for array in arrays.values()}
    if len(shapes) > 1:
        raise DataError(f"{path}: volumes of different shapes: {', '.join(map(str, sorted(shapes)))}. Save one shape.")
    x = to_uint8(arrays, wheres)
    given = {key: stored[_labels_of(key)] for key in arrays if _labels_of(key) in stored}
    classes, numbers = index_classes(given, {key: wheres[_labels_of(key)] for key in given}, names if given else ())
    for key, labels in numbers.items():
        if len(labels) != len(x[key]):
            raise DataError(f"{wheres[_labels_of(key)]}: {len(labels):,} labels for {len(x[key]):,} volumes.")
    y = np.concatenate([numbers.get(key, np.full(len(array), -1, np.int64)) for key, array in x.items()])
    splits = [KEYS[key] for key, array in x.items() for _ in range(len(array))]
    layout = "volumes " + ", ".join(f"{key} {describe(stored[key])}" for key in x)
    return np.concatenate(list(x.values())), y, splits, classes, layout


def _labels_of(key: str) -> str:
    return key.replace("volumes", "labels")


def _laid_out(array: Array, where: str) -> Array:
    """[N, D, H, W, C]."""
    laid = array[..., None] if array.ndim == 4 else array
    fits = laid.ndim == 5 and laid.shape[4] in (1, 3, 4)
    if not fits or not all(SMALLEST <= side <= LARGEST for side in laid.shape[1:4]):
        raise DataError(
            f"{where} is {describe(array)}; expected [N, D, H, W] or [N, D, H, W, C] with C of 1, 3 or 4 and sides of "
            f"{SMALLEST} to {LARGEST}."
        )
    return laid


def _data_report(
    path: Path,
    layout: str,
    volume: tuple[int, int, int],
    channels: int,
    parts: Mapping[Split, PartReport],
    labels: int | None,
    seed: int,
) -> DataReport:
    return DataReport(
        name=path.stem,
        source=str(path),
        layout=layout,
        exact=True,
        parts=parts,
        shorter_side={},
        longer_side={},
        formats={},
        modes={},
        size=volume[1],
        size_why="as they are",
        channels=channels,
        channels_why="as they are",
        fit="",
        labels=labels,
        seed=seed,
        skipped=(),
        duplicates=0,
        notes=(),
        volume=volume,
    )
