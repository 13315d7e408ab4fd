"""Tables as arrays: `.npz` files with rows of numbers (case does not matter; PART is train, val or test).

    x, y                        one set; a tenth is held out
    PART_x, PART_y              given parts
    x_PART, y_PART              the same, as Keras names them
    columns                     names of the columns (optional)
    classes                     names of the classes by number (optional)

x is [N, F] of numbers; y [N] of whole numbers, texts or one-hot rows, with -1 or "" where there is no label. `x_PART`
of three dimensions or more are pictures.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sparring.data.array_values import Array, describe, index_classes
from sparring.data.arrays import DAMAGE, member_shape, read_members
from sparring.data.collection import Split
from sparring.data.metadata import SPLIT_WORDS
from sparring.data.rows import Table
from sparring.errors import DataError

KEYS: Mapping[str, Split | None] = {
    "x": None,
    **{f"{part}_x": split for part, split in SPLIT_WORDS.items()},
    **{f"x_{part}": split for part, split in SPLIT_WORDS.items()},
}


def is_row_file(path: Path) -> bool:
    """Whether it is an `.npz` in which an array has a name of rows and two dimensions; only headers are read."""
    if path.suffix.lower() != ".npz" or not path.is_file():
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            named = [name for name in archive.namelist() if name.removesuffix(".npy").lower() in KEYS]
            return any(len(member_shape(archive, name)) == 2 for name in named)
    except DAMAGE:
        return False


def read_row_arrays(path: Path) -> Table:
    """Read a file of rows.

    Raises:
        DataError: damaged, of other shapes or values; the message names the array.
    """
    stored, names = read_members(path)
    arrays = {key: stored[key] for key in KEYS if key in stored}
    x = {key: _values(array, f"{path}: '{key}'") for key, array in arrays.items()}
    widths = {array.shape[1] for array in x.values()}
    if len(widths) > 1:
        raise DataError(f"{path}: parts with different numbers of columns: {', '.join(map(str, sorted(widths)))}.")
    given = {key: stored[_labels_of(key)] for key in x if _labels_of(key) in stored}
    wheres = {key: f"{path}: '{_labels_of(key)}'" for key in given}
    classes, numbers = index_classes(given, wheres, names if given else ())
    for key, labels in numbers.items():
        if len(labels) != len(x[key]):
            raise DataError(f"{wheres[key]}: {len(labels):,} labels for {len(x[key]):,} rows.")
    y = [numbers.get(key, np.full(len(array), -1, np.int64)) for key, array in x.items()]
    return Table(
        name=path.stem,
        source=str(path),
        layout="rows in arrays " + ", ".join(f"{key} {describe(arrays[key])}" for key in x),
        columns=_columns(path, stored.get("columns"), widths.pop()),
        x=np.concatenate(list(x.values())),
        y=np.concatenate(y) if classes else None,
        classes=classes,
        splits=[KEYS[key] for key, array in x.items() for _ in range(len(array))],
    )


def read_unlabelled(path: Path, columns: int) -> npt.NDArray[np.float32]:
    """The rows of another file with as many columns, all of its parts together: float32 [N, F].

    Raises:
        DataError: as `read_row_arrays`, or of other columns.
    """
    stored, _ = read_members(path)
    found = [_values(stored[key], f"{path}: '{key}'") for key in KEYS if key in stored]
    if not found or any(array.shape[1] != columns for array in found):
        raise DataError(f"{path}: expected an array 'x' [N, {columns}], found {', '.join(sorted(stored)) or 'none'}.")
    return np.concatenate(found)


def _labels_of(key: str) -> str:
    """The name of the labels that belong to an array of rows: the x of its name becomes a y."""
    return "_".join("y" if word == "x" else word for word in key.split("_"))


def _values(array: Array, where: str) -> npt.NDArray[np.float32]:
    """float32 [N, F]."""
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "iufb":
        raise DataError(f"{where} is {describe(array)}; expected rows of numbers, [N, F].")
    with np.errstate(over="ignore"):
        values = array.astype(np.float32)
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise DataError(
            f"{where} holds {array[row, column]} in row {row}, column {column}; expected finite numbers of 32 bits. "
            "Fill in what is missing, or leave the row or the column out."
        )
    return values


def _columns(path: Path, given: Array | None, count: int) -> tuple[str, ...]:
    if given is None:
        return tuple(f"x{place + 1}" for place in range(count))
    names = tuple(map(str, given.tolist())) if given.ndim == 1 and given.dtype.kind == "U" else ()
    if len(names) != count or len(set(names)) < count:
        raise DataError(f"{path}: 'columns' is {describe(given)}; expected {count} different texts.")
    return names
