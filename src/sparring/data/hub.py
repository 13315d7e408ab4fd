"""Data sets of the Hugging Face hub, by the library `datasets`: a shard is one of a data set's own files.

Each file is turned into a tar as WebDataset has it when it is read; from there on all shards are alike. Only parquet,
arrow, picture folders and the like are read: `datasets` runs no code of a data set.
"""

import errno
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sparring.data.collection import Split
from sparring.data.listing import PICTURE_SUFFIXES, printable, suffix
from sparring.data.metadata import SPLIT_WORDS
from sparring.data.shards import Shard, ShardSet
from sparring.errors import DataError, MachineError, UsageError


def list_hub(address: str) -> ShardSet:
    """The shards of `hf:NAME` or `hf:NAME@CONFIG`, NAME being a data set of the hub or a folder.

    Raises:
        DataError: no such data set, or one without pictures.
        UsageError: `datasets` is not installed.
    """
    builder, sets = _opened(address)
    found: list[Shard] = []
    classes: tuple[str, ...] = ()
    for name, rows in sets.items():
        split = _split(str(name))
        if split is None:
            continue
        _, label = _columns(rows, address)
        names = rows.features[label].names if label is not None and _numbers_classes(rows, label) else []
        classes = classes or tuple(map(printable, names))
        found += [
            Shard(
                name=f"{name}/{number}",
                place=f"{address}#{name}/{number}",
                stamp=f"{builder.hash} {rows.num_shards}",
                split=None if split == "train" else split,
            )
            for number in range(rows.num_shards)
        ]
    if not any(shard.split is None for shard in found):
        raise DataError(f"{address}: there is no part 'train'. It has {', '.join(map(str, sets)) or 'no part'}.")
    return ShardSet(source=address, name=_short_name(address), shards=found, classes=classes)


def write_shard(place: str, target: Path) -> None:
    """Write one file's rows as a tar of `00000017.jpg` and `00000017.cls`.

    Raises:
        DataError: it can't be had any more.
        MachineError: the disk refused.
    """
    address, _, which = place.rpartition("#")
    name, _, number = which.rpartition("/")
    _, sets = _opened(address)
    rows = sets[name]
    picture, label = _columns(rows, address)
    from datasets import Image

    shard = rows.cast_column(picture, Image(decode=False)).shard(num_shards=rows.num_shards, index=int(number))
    try:
        with tarfile.open(target, "w:") as archive:
            for count, row in enumerate(shard):
                key, text = f"{count:08d}", _label(rows, label, row)
                _add(archive, key + _ending(row[picture]), _bytes(row[picture]))
                if text is not None:
                    _add(archive, f"{key}.cls", text.encode())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise MachineError(f"{target}: {error.strerror}. Set SPARRING_CACHE to a folder with room.") from error
        raise DataError(f"{place}: can't be read ({error}). Go on when it can be reached again.") from error


def _opened(address: str) -> tuple[Any, Mapping[str, Any]]:
    name, _, config = address.removeprefix("hf:").partition("@")
    try:
        import datasets
    except ImportError as error:
        raise UsageError(
            f"{address}: data sets of the hub are read with the library datasets ({error}). "
            "Install it: pip install 'sparring[stream]'"
        ) from error
    datasets.utils.disable_progress_bars()
    try:
        builder = datasets.load_dataset_builder(name, config or None)
        return builder, builder.as_streaming_dataset()
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DataError(f"{address}: can't be had ({said}). Check the name and the network.") from error


def _columns(rows: Any, address: str) -> tuple[str, str | None]:
    """The first column of pictures, and the first of classes, else one called `label`."""
    if rows.features is None:
        raise DataError(f"{address}: its columns are not declared. Expected a column of pictures.")
    kinds = {name: type(feature).__name__ for name, feature in rows.features.items()}
    pictures = [name for name, kind in kinds.items() if kind == "Image"]
    if not pictures:
        raise DataError(f"{address}: has no column of pictures, but {', '.join(kinds) or 'none at all'}.")
    labels = [name for name, kind in kinds.items() if kind == "ClassLabel"]
    labels += [name for name, kind in kinds.items() if name == "label" and kind == "Value"]
    return pictures[0], labels[0] if labels else None


def _label(rows: Any, column: str | None, row: Mapping[str, Any]) -> str | None:
    if column is None or row[column] is None:
        return None
    if not _numbers_classes(rows, column):
        return str(row[column])
    return str(rows.features[column].int2str(row[column])) if row[column] >= 0 else None


def _numbers_classes(rows: Any, column: str) -> bool:
    return type(rows.features[column]).__name__ == "ClassLabel"


def _bytes(value: Mapping[str, Any] | None) -> bytes:
    """The encoded picture; none is an empty file, which is skipped and counted like any other."""
    if value is None:
        return b""
    if value["bytes"] is not None:
        return bytes(value["bytes"])
    from datasets.download.streaming_download_manager import xopen

    with xopen(value["path"], "rb") as file:
        return bytes(file.read())


def _ending(value: Mapping[str, Any] | None) -> str:
    """Decoders look at the content: an ending is for people."""
    ending = suffix(value["path"] or "") if value is not None else ""
    return ending if ending in PICTURE_SUFFIXES else ".png"


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def _split(name: str) -> Split | None:
    return SPLIT_WORDS.get(name.lower())


def _short_name(address: str) -> str:
    return address.removeprefix("hf:").partition("@")[0].rstrip("/").rpartition("/")[2] or "hub"
