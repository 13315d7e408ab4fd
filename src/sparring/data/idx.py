"""IDX files, the format of MNIST and its relatives: plain or gzip-compressed.

A file is a magic number (two zero bytes, a type, the number of axes), the length of each axis as a big-endian uint32,
and the values. Source: the description on the MNIST page (LeCun, Cortes, Burges).

The pictures of EMNIST are stored with rows and columns exchanged; they are read as stored, and a note says so.
"""

import gzip
import math
import re
import zlib
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from sparring.data.array_values import channels_last, describe, index_classes, to_uint8
from sparring.data.collection import ArrayBlock, Collection, Split
from sparring.errors import DataError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_ANY_FILE = re.compile(r".+[-.]idx[1-4]-[a-z]+(\.gz)?|.+\.idx[1-4]?(\.gz)?", re.IGNORECASE)
_PART_FILE = re.compile(r"(.+-)?(train|t10k|test)-(images|labels)[-.]idx[1-4]-[a-z]+(\.gz)?", re.IGNORECASE)
_READ_BYTES = 1 << 20
_ORDER: tuple[Split, ...] = ("train", "test")

_Part = tuple[Split, str]
_Stream = BinaryIO | gzip.GzipFile


def is_idx_source(path: Path) -> bool:
    """Whether `path` is an IDX file by its name, or a folder that holds the pictures of a train or test part."""
    if path.is_dir():
        return any(match[3].lower() == "images" for _, match in _part_files(path))
    return path.is_file() and _ANY_FILE.fullmatch(path.name) is not None


def read_idx(path: Path, *, classes: tuple[str, ...] = ()) -> Collection:
    """Read a file of pictures (no labels), or a folder with `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, ...

    Args:
        path: the file or folder; each file may end in `.gz`, and `-idx3` may be written `.idx3`.
        classes: names by number; otherwise the numbers that occur are the names.

    Returns:
        One block a part: uint8 [N, H, W] or [N, H, W, C].

    Raises:
        DataError: no IDX file, one that is cut short or too long, labels without pictures, or different counts.
    """
    return _read_folder(path, classes) if path.is_dir() else _read_file(path)


def read_idx_array(path: Path) -> npt.NDArray[Any]:
    """The array of one IDX file, in its own shape and type; read-only.

    Raises:
        DataError: not an IDX file, or its size is not what its header says.
    """
    try:
        with path.open("rb") as file:
            packed = path.suffix.lower() == ".gz"
            return _parse(gzip.GzipFile(fileobj=file) if packed else file, path)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} can't be read: {error}. Fetch or copy the file again.") from error


def _parse(file: _Stream, path: Path) -> npt.NDArray[Any]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _TYPES or not 1 <= magic[3] <= 4:
        raise DataError(
            f"{path} is no IDX file: it starts with the bytes [{magic.hex(' ')}], "
            "where [00 00], a type (08 is uint8) and 1 to 4 axes are expected."
        )
    shape = _axes(file, magic[3], path)
    dtype = np.dtype(_TYPES[magic[2]])
    expected = math.prod(shape) * dtype.itemsize
    values = _read_up_to(file, expected + 1)
    if len(values) != expected:
        raise DataError(_wrong_size(path, shape, expected, len(values)))
    return np.frombuffer(values, dtype).reshape(shape)


def _axes(file: _Stream, count: int, path: Path) -> tuple[int, ...]:
    header = file.read(4 * count)
    if len(header) < 4 * count:
        raise DataError(f"{path} is cut short: it ends inside its header. Fetch or copy the file again.")
    return tuple(np.frombuffer(header, ">u4").tolist())


def _read_up_to(file: _Stream, limit: int) -> bytes:
    # In pieces: a header that claims terabytes must not reserve them.
    pieces = bytearray()
    while len(pieces) < limit and (piece := file.read(min(_READ_BYTES, limit - len(pieces)))):
        pieces += piece
    return bytes(pieces)


def _wrong_size(path: Path, shape: tuple[int, ...], expected: int, found: int) -> str:
    what = f"{found:,} bytes of values" if found < expected else "more bytes"
    verdict = "cut short" if found < expected else "too long"
    return (
        f"{path} is {verdict}: its header promises {list(shape)}, {expected:,} bytes, but {what} are there. "
        "Fetch or copy the file again."
    )


def _read_file(path: Path) -> Collection:
    array = read_idx_array(path)
    if array.ndim < 3:
        raise DataError(
            f"{path} is {describe(array)}: labels, not pictures. "
            "Give the file of pictures ([N, H, W]), or the folder that holds both."
        )
    pictures = to_uint8({path: channels_last(array, str(path))}, {path: str(path)})[path]
    return Collection(
        name=re.split(r"[-.]idx", path.name, maxsplit=1, flags=re.IGNORECASE)[0],
        source=str(path),
        layout=f"IDX file of pictures, {describe(array)}, without labels",
        blocks=(ArrayBlock(name=path.name, pictures=pictures),),
        notes=_notes([path]),
    )


def _read_folder(folder: Path, classes: tuple[str, ...]) -> Collection:
    files = _parts_in(folder)
    splits = [split for split in _ORDER if (split, "images") in files]
    _check_labels_have_pictures(folder, files)
    images = {split: files[split, "images"] for split in splits}
    labels = {split: files[split, "labels"] for split in splits if (split, "labels") in files}
    where = {split: str(path) for split, path in images.items()}
    stored = {split: channels_last(read_idx_array(path), str(path)) for split, path in images.items()}
    pictures = to_uint8(stored, where)
    names, numbers = _read_labels(labels, pictures, classes)
    return Collection(
        name=folder.name,
        source=str(folder),
        layout="IDX files, " + ", ".join(f"{split} {describe(stored[split])}" for split in splits),
        classes=names,
        blocks=tuple(_block(split, images[split], pictures[split], names, numbers.get(split)) for split in splits),
        notes=_notes(files.values()),
    )


def _block(
    split: Split,
    path: Path,
    pictures: npt.NDArray[np.uint8],
    classes: tuple[str, ...],
    labels: npt.NDArray[np.int64] | None,
) -> ArrayBlock:
    if classes and labels is None:
        labels = np.full(len(pictures), -1, np.int64)
    return ArrayBlock(name=path.name, pictures=pictures, labels=labels, split=split)


def _read_labels(
    files: dict[Split, Path], pictures: dict[Split, npt.NDArray[np.uint8]], classes: tuple[str, ...]
) -> tuple[tuple[str, ...], dict[Split, npt.NDArray[np.int64]]]:
    arrays = {split: read_idx_array(path) for split, path in files.items()}
    for split, path in files.items():
        if arrays[split].shape[0] != len(pictures[split]):
            raise DataError(
                f"{path} holds {arrays[split].shape[0]} labels, but {len(pictures[split])} pictures are beside it. "
                "Both files must come from the same set."
            )
    if not files:
        return (), {}
    return index_classes(arrays, {split: str(path) for split, path in files.items()}, classes)


def _check_labels_have_pictures(folder: Path, files: dict[_Part, Path]) -> None:
    for (split, kind), path in files.items():
        if kind == "labels" and (split, "images") not in files:
            raise DataError(f"{folder} holds the labels {path.name}, but not the pictures that belong to them.")


def _part_files(folder: Path) -> Iterator[tuple[Path, re.Match[str]]]:
    for path in folder.iterdir():
        match = _PART_FILE.fullmatch(path.name)
        if match is not None and path.is_file():
            yield path, match


def _parts_in(folder: Path) -> dict[_Part, Path]:
    """The files of a folder by part; of a file and its compressed twin, the plain one."""
    found: dict[_Part, Path] = {}
    for path, match in sorted(_part_files(folder), key=itemgetter(0)):
        part: _Part = ("train" if match[2].lower() == "train" else "test", match[3].lower())
        first = found.setdefault(part, path)
        if first.name.removesuffix(".gz") != path.name.removesuffix(".gz"):
            raise DataError(f"{folder} holds {first.name} and {path.name} for one part. Keep one set a folder.")
    return found


def _notes(paths: Iterable[Path]) -> tuple[str, ...]:
    if not any("emnist" in path.name.lower() for path in paths):
        return ()
    return ("EMNIST stores pictures with rows and columns exchanged; they are read as stored",)
