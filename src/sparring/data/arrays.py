"""Pictures that are arrays already: which reader a source is for, and `.npz` and `.npy` files themselves.

Keys of an `.npz` (case does not matter; PART is train, training, val, valid, validation or test):

    images, labels              one set; the parts are made by the caller
    PART_images, PART_labels    given parts
    x_PART, y_PART              the same, as Keras names them
    arr_0, arr_1                pictures and labels of `np.savez(file, pictures, labels)`
    classes                     names of the classes by number (optional)

Pictures are [N, H, W], [N, H, W, C] or [N, C, H, W] of the types that `array_values` documents; labels are whole
numbers, texts, or one-hot rows. Nothing is ever unpickled.
"""

import math
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from sparring.data.array_values import Array, channels_last, describe, index_classes, to_uint8
from sparring.data.collection import ArrayBlock, Collection, Split
from sparring.data.readers.base import reader_for, readers
from sparring.errors import DataError, MachineError

_Kind = Literal["images", "labels"]
_Role = tuple[_Kind, Split | None]

_PARTS: Mapping[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
_WHOLE: dict[str, _Role] = {
    "images": ("images", None),
    "labels": ("labels", None),
    "arr_0": ("images", None),
    "arr_1": ("labels", None),
}
_ROLES: Mapping[str, _Role] = (
    _WHOLE
    | {f"{part}_images": ("images", split) for part, split in _PARTS.items()}
    | {f"{part}_labels": ("labels", split) for part, split in _PARTS.items()}
    | {f"x_{part}": ("images", split) for part, split in _PARTS.items()}
    | {f"y_{part}": ("labels", split) for part, split in _PARTS.items()}
)
_KNOWN_KEYS = "images, labels, PART_images, PART_labels, x_PART, y_PART (PART: train, val, test) and classes"

# What numpy's reader and zipfile raise on damaged files.
DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    OSError,
    EOFError,
    RuntimeError,
    SyntaxError,
    OverflowError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def is_array_source(path: Path) -> bool:
    """Whether `path` is an array file or a folder of them, judged by names; no content is read."""
    try:
        return reader_for(path) is not None
    except OSError:
        return False


def read_arrays(path: Path) -> Collection:
    """Read an array file, or a folder of IDX files or CIFAR batches.

    Returns:
        Blocks of uint8 pictures, [N, H, W] or [N, H, W, C], in the file's order. The pictures of a uint8 `.npy` stay on
        the disk (memory-mapped, read-only).

    Raises:
        DataError: damaged, of another kind, or with values that are no pictures or labels; the message says which.
        MachineError: it does not fit in the memory.
    """
    reader = reader_for(path)
    if reader is None:
        raise DataError(f"{path}: no array file that is known. Expected one of: {', '.join(readers)}.")
    try:
        return reader.read(path)
    except MemoryError as error:
        size = f" ({path.stat().st_size / 1e9:.1f} GB)" if path.is_file() else ""
        raise MachineError(f"{path}{size} does not fit in the memory. A uint8 .npy stays on the disk.") from error


def read_npy(path: Path) -> Collection:
    """Read one array of pictures, see `read_arrays`."""
    try:
        with path.open("rb") as file:
            _check_header(file, path.stat().st_size, str(path))
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except DAMAGE as error:
        raise _damaged(str(path), error) from error
    pictures = to_uint8({path: channels_last(array, str(path))}, {path: str(path)})[path]
    return Collection(
        name=path.stem,
        source=str(path),
        layout=f"pictures in one array, {describe(array)}, without labels",
        blocks=(ArrayBlock(name=path.name, pictures=pictures),),
    )


def read_npz(path: Path) -> Collection:
    """Read named arrays of pictures and labels, see `read_arrays`."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {_key(name): name for name in archive.namelist() if name.endswith(".npy")}
            roles = _assign_roles(members, path)
            stored = {role: _member(archive, members[key], path) for role, key in roles.items()}
            names = _class_names(_member(archive, members["classes"], path), path) if "classes" in members else ()
    except DAMAGE as error:
        raise _damaged(str(path), error) from error
    return _assemble(path, {role: members[key] for role, key in roles.items()}, stored, names, _unused(members, roles))


def read_members(path: Path) -> tuple[dict[str, Array], tuple[str, ...]]:
    """All arrays of an `.npz` by their keys in lower case, and the names of its classes, where it has them.

    Raises:
        DataError: damaged, or with arrays of objects.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {_key(name): name for name in archive.namelist() if name.endswith(".npy")}
            stored = {key: _member(archive, name, path) for key, name in members.items()}
    except DAMAGE as error:
        raise _damaged(str(path), error) from error
    return stored, _class_names(stored["classes"], path) if "classes" in stored else ()


def member_shape(archive: zipfile.ZipFile, member: str) -> tuple[int, ...]:
    """The shape of an array, from its header alone.

    Raises:
        what `DAMAGE` lists: it has none that can be read.
    """
    with archive.open(member) as file:
        return _read_header(file, member)[0]


def _key(member: str) -> str:
    return member.removesuffix(".npy").lower()


def _assign_roles(keys: Mapping[str, str], path: Path) -> dict[_Role, str]:
    """What each known key stands for; the checks that need no content."""
    roles: dict[_Role, str] = {}
    for key in keys:
        role = _ROLES.get(key)
        if role is None:
            continue
        if role in roles:
            raise DataError(f"{path}: '{roles[role]}' and '{key}' are the same part. Keep one of them.")
        roles[role] = key
    if not any(kind == "images" for kind, _ in roles):
        found = ", ".join(sorted(keys)) or "none"
        raise DataError(f"{path} holds no pictures under a known key. Found: {found}. Known: {_KNOWN_KEYS}.")
    for (kind, split), key in roles.items():
        if kind == "labels" and ("images", split) not in roles:
            raise DataError(f"{path}: '{key}' has no pictures to belong to. Found: {', '.join(sorted(keys))}.")
    return roles


def _unused(members: Mapping[str, str], roles: Mapping[_Role, str]) -> list[str]:
    return sorted(members.keys() - set(roles.values()) - {"classes"})


def _assemble(
    path: Path, keys: Mapping[_Role, str], stored: Mapping[_Role, Array], names: tuple[str, ...], unused: list[str]
) -> Collection:
    where = {role: f"{path}: '{member.removesuffix('.npy')}'" for role, member in keys.items()}
    laid_out = {role: channels_last(array, where[role]) for role, array in stored.items() if role[0] == "images"}
    pictures = to_uint8(laid_out, where)
    labels = {role: array for role, array in stored.items() if role[0] == "labels"}
    for role, array in labels.items():
        _check_count(array, stored["images", role[1]], where[role], where["images", role[1]])
    classes, numbers = index_classes(labels, {role: where[role] for role in labels}, names if labels else ())
    return Collection(
        name=path.stem,
        source=str(path),
        layout="arrays " + ", ".join(f"{_key(keys[role])} {describe(stored[role])}" for role in pictures),
        classes=classes,
        blocks=tuple(
            ArrayBlock(
                name=_key(keys[role]),
                pictures=array,
                labels=_labels_of(numbers.get(("labels", role[1])), len(array), classes),
                split=role[1],
            )
            for role, array in pictures.items()
        ),
        notes=(f"keys that are not used: {', '.join(unused)}",) if unused else (),
    )


def _labels_of(
    labels: npt.NDArray[np.int64] | None, count: int, classes: tuple[str, ...]
) -> npt.NDArray[np.int64] | None:
    if labels is None and classes:
        return np.full(count, -1, np.int64)
    return labels if classes else None


def _check_count(labels: Array, pictures: Array, where: str, where_pictures: str) -> None:
    found = labels.shape[0] if labels.ndim else 0
    if found != pictures.shape[0]:
        raise DataError(
            f"{where} is {describe(labels)}, but {where_pictures} holds {pictures.shape[0]} pictures. "
            "There must be one label a picture (-1 or an empty text where there is none)."
        )


def _class_names(array: Array, path: Path) -> tuple[str, ...]:
    names = tuple(str(name) for name in array.tolist()) if array.ndim == 1 and array.dtype.kind == "U" else ()
    if not names or len(set(names)) != len(names) or "" in names:
        raise DataError(f"{path}: 'classes' is {describe(array)}; expected different names, one text a class.")
    return names


# Reading without trust: a header may claim any size, and an array of objects is a pickle.


def _member(archive: zipfile.ZipFile, member: str, path: Path) -> Array:
    where = f"{path}: '{member.removesuffix('.npy')}'"
    try:
        with archive.open(member) as file:
            _check_header(file, archive.getinfo(member).file_size, where)
        with archive.open(member) as file:
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
    except DataError:
        raise
    except DAMAGE as error:
        raise _damaged(where, error) from error


def _check_header(file: IO[bytes], size: int, where: str) -> None:
    """Compare what the header promises with the bytes that are there, before anything is reserved for it."""
    shape, dtype = _read_header(file, where)
    if dtype.hasobject:
        raise DataError(
            f"{where} is an array of Python objects (a pickle), which is never loaded. "
            "Save a plain array: np.stack(pictures) for pictures of one size, np.array(names, dtype=str) for texts."
        )
    promised = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or promised != size - file.tell():
        raise DataError(
            f"{where} is damaged: its header promises {dtype} {list(shape)}, {promised:,} bytes, "
            f"but {size - file.tell():,} are there. Save or copy the file again."
        )


def _read_header(file: IO[bytes], where: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version not in {(1, 0), (2, 0)}:
        raise DataError(f"{where} is an array of format {version}, as records have; expected plain pictures or labels.")
    first = version == (1, 0)
    read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def _damaged(where: str, error: BaseException) -> DataError:
    if isinstance(error, DataError):
        return error
    reason: Any = str(error) or type(error).__name__
    return DataError(f"{where} is damaged or no array file: {reason}. Save or copy the file again.")
