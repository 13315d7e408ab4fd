"""CIFAR-10 and CIFAR-100 as their authors publish them: binary and python version, packed or unpacked.

The python batches are read without executing anything (`plain_pickle`). Archives are read member by member in memory
and never unpacked to the disk. Source and format: https://www.cs.toronto.edu/~kriz/cifar.html.
"""

import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparring.data.collection import ArrayBlock, Collection, Split
from sparring.data.plain_pickle import read_plain
from sparring.errors import DataError

SIDE = 32
PIXELS = 3 * SIDE * SIDE
_LARGEST_MEMBER = 1 << 28
_ARCHIVE = re.compile(r"cifar-?100?-(binary|python)(\.tar(\.(gz|xz|bz2))?|\.tgz)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class _Form:
    """One published version: its files, and how a record is laid out."""

    name: str
    folder: str
    classes: int
    train: tuple[str, ...]
    test: str
    names_file: str
    label_bytes: int = 0
    labels_key: str = ""
    names_key: str = ""

    @property
    def splits(self) -> dict[str, Split]:
        splits: dict[str, Split] = dict.fromkeys(self.train, "train")
        return splits | {self.test: "test"}


_FORMS = (
    _Form(
        name="CIFAR-10, binary version",
        folder="cifar-10-batches-bin",
        classes=10,
        train=tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
        test="test_batch.bin",
        names_file="batches.meta.txt",
        label_bytes=1,
    ),
    _Form(
        name="CIFAR-100, binary version",
        folder="cifar-100-binary",
        classes=100,
        train=("train.bin",),
        test="test.bin",
        names_file="fine_label_names.txt",
        label_bytes=2,
    ),
    _Form(
        name="CIFAR-10, python version",
        folder="cifar-10-batches-py",
        classes=10,
        train=tuple(f"data_batch_{number}" for number in range(1, 6)),
        test="test_batch",
        names_file="batches.meta",
        labels_key="labels",
        names_key="label_names",
    ),
    _Form(
        name="CIFAR-100, python version",
        folder="cifar-100-python",
        classes=100,
        train=("train",),
        test="test",
        names_file="meta",
        labels_key="fine_labels",
        names_key="fine_label_names",
    ),
)

_FORM_OF = {name: form for form in _FORMS for name in (*form.splits, form.names_file)}


def is_cifar_source(path: Path) -> bool:
    """Whether `path` is a folder of CIFAR batches (or one that holds such a folder), or a CIFAR archive by its name."""
    if path.is_dir():
        return _find_batches(path) is not None
    return path.is_file() and _ARCHIVE.fullmatch(path.name) is not None


def read_cifar(path: Path) -> Collection:
    """Read CIFAR-10 or CIFAR-100; of CIFAR-100's two labels, the fine one.

    Returns:
        One block a batch file: uint8 [N, 32, 32, 3], labels, and the split that the file stands for. The classes are in
        the order of their numbers: named by the file of names, or "0", "1", ... where it is absent.

    Raises:
        DataError: no batches, a damaged file, or a python batch that asks to run code.
    """
    blocks: dict[str, ArrayBlock] = {}
    names: tuple[str, ...] = ()
    for name, data in _folder_files(path) if path.is_dir() else _archive_files(path):
        form, where = _FORM_OF[name], f"{path}: {name}"
        if name == form.names_file:
            names = _class_names(form, data, where)
        else:
            blocks[name] = _block(form, name, data, where)
    return _collection(path, _one_form(blocks, path), blocks, names)


def _one_form(blocks: Iterable[str], path: Path) -> _Form:
    forms = {_FORM_OF[name].name: _FORM_OF[name] for name in blocks}
    if len(forms) == 1:
        return forms.popitem()[1]
    if forms:
        raise DataError(f"{path} mixes {' and '.join(sorted(forms))}. Keep one version.")
    known = ", ".join(f"{form.train[0]} ({form.name})" for form in _FORMS)
    raise DataError(f"{path} holds no CIFAR batch. Expected files such as {known}.")


def _collection(path: Path, form: _Form, blocks: dict[str, ArrayBlock], names: tuple[str, ...]) -> Collection:
    missing = [name for name in form.splits if name not in blocks]
    return Collection(
        name=f"cifar{form.classes}",
        source=str(path),
        layout=f"{form.name}: {', '.join(name for name in form.splits if name in blocks)}",
        classes=names or tuple(str(number) for number in range(form.classes)),
        blocks=tuple(blocks[name] for name in form.splits if name in blocks),
        notes=(f"not there, so not used: {', '.join(missing)}",) if missing else (),
    )


# Where the bytes come from


def _find_batches(path: Path) -> tuple[Path, _Form] | None:
    for form in _FORMS:
        for folder in (path, path / form.folder):
            if _has_form(folder, form):
                return folder, form
    return None


def _has_form(folder: Path, form: _Form) -> bool:
    batches = [folder / name for name in form.splits if (folder / name).is_file()]
    if form.classes == 10 or not batches:
        return bool(batches)
    # `train.bin` and `train` are names that others use as well
    record = form.label_bytes + PIXELS
    sized = form.label_bytes > 0 and all(file.stat().st_size % record == 0 for file in batches)
    return sized or (folder / form.names_file).is_file()


def _folder_files(path: Path) -> Iterator[tuple[str, bytes]]:
    found = _find_batches(path)
    if found is None:
        return
    folder, form = found
    for name in (*form.splits, form.names_file):
        file = folder / name
        if not file.is_file():
            continue
        try:
            yield name, file.read_bytes()
        except OSError as error:
            raise DataError(f"{file} can't be read: {error.strerror}.") from error


def _archive_files(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = Path(member.name).name
                if name in _FORM_OF and member.isreg():
                    yield name, _member_bytes(archive, member, path)
    except (tarfile.TarError, OSError, EOFError, zlib.error, LZMAError) as error:
        raise DataError(f"{path} can't be read: {error}. It may be cut short; fetch or copy it again.") from error


def _member_bytes(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> bytes:
    if member.size > _LARGEST_MEMBER:
        raise DataError(f"{path}: {member.name} is {member.size:,} bytes; a CIFAR batch is at most 160 MB.")
    stream = archive.extractfile(member)
    assert stream is not None, "a regular member has bytes"
    return stream.read()


# What the bytes say


def _block(form: _Form, name: str, data: bytes, where: str) -> ArrayBlock:
    planes, labels = _python_batch(form, data, where) if form.labels_key else _binary_batch(form, data, where)
    if len(planes) == 0:
        raise DataError(f"{where} is empty. Fetch or copy the file again.")
    if labels.min() < 0 or labels.max() >= form.classes:
        raise DataError(
            f"{where} holds labels from {labels.min()} to {labels.max()}, where 0 to {form.classes - 1} are expected: "
            "damaged, or another version of CIFAR."
        )
    pictures = np.ascontiguousarray(planes.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))
    return ArrayBlock(name=name, pictures=pictures, labels=labels.astype(np.int64), split=form.splits[name])


def _binary_batch(form: _Form, data: bytes, where: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]:
    record = form.label_bytes + PIXELS
    if len(data) % record:
        raise DataError(
            f"{where} is {len(data):,} bytes, no multiple of {record:,} (a record of {form.name}): "
            "cut short, or another version. Fetch or copy the file again."
        )
    rows = np.frombuffer(data, np.uint8).reshape(-1, record)
    return rows[:, form.label_bytes :], rows[:, form.label_bytes - 1]


def _python_batch(form: _Form, data: bytes, where: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]:
    batch = read_plain(data, where)
    if "data" not in batch or form.labels_key not in batch:
        raise DataError(f"{where} holds {sorted(batch)}; expected 'data' and '{form.labels_key}'.")
    planes, labels = batch["data"], _labels(batch[form.labels_key], where)
    if not isinstance(planes, np.ndarray) or planes.dtype != np.uint8 or planes.shape != (len(labels), PIXELS):
        found = f"{planes.dtype} {list(planes.shape)}" if isinstance(planes, np.ndarray) else type(planes).__name__
        raise DataError(f"{where}: 'data' is {found}, where uint8 [{len(labels)}, {PIXELS}] is expected.")
    return planes, labels


def _labels(value: object, where: str) -> npt.NDArray[Any]:
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return value
    if isinstance(value, list) and all(type(label) is int and abs(label) < 2**31 for label in value):
        return np.array(value, np.int64)
    raise DataError(f"{where}: the labels are no list of whole numbers.")


def _class_names(form: _Form, data: bytes, where: str) -> tuple[str, ...]:
    names = _python_names(form, data, where) if form.names_key else _text_names(data, where)
    if len(names) != form.classes or len(set(names)) != form.classes:
        raise DataError(f"{where} names {len(set(names))} classes, where {form.classes} are expected.")
    return names


def _text_names(data: bytes, where: str) -> tuple[str, ...]:
    try:
        return tuple(line.strip() for line in data.decode("utf-8").splitlines() if line.strip())
    except UnicodeDecodeError as error:
        raise DataError(f"{where} is no text of class names: {error}.") from error


def _python_names(form: _Form, data: bytes, where: str) -> tuple[str, ...]:
    names = read_plain(data, where).get(form.names_key)
    if not isinstance(names, list) or not all(isinstance(name, str | bytes) for name in names):
        raise DataError(f"{where} holds no list '{form.names_key}' of class names.")
    return tuple(name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in names)
