"""Where the bytes of a picture lie, and how they are fetched: the one place that opens the user's files, read-only."""

import zipfile
from functools import lru_cache

from sparring.data.collection import FilePlace, ZipPlace

LARGEST_FILE = 1 << 30
Record = list[str | int | None]


class TooLargeError(ValueError):
    """An encoded picture that is larger than any picture within our limits of pixels can be."""


def read_bytes(place: FilePlace | ZipPlace) -> bytes:
    """The encoded bytes of a picture.

    Raises:
        OSError: the file can't be read any more.
        TooLargeError: it holds more than 1 GiB.
    """
    return read_record(list(place))


def read_record(record: Record) -> bytes:
    """The bytes at a place whose fields came through JSON, as a list; raises as `read_bytes`."""
    if len(record) == 2:
        return _read_member(str(record[0]), str(record[1]))
    path, offset, size = record
    if isinstance(size, int) and size > LARGEST_FILE:
        raise TooLargeError(f"{size:,} bytes; at most {LARGEST_FILE:,} are read")
    with open(str(path), "rb", buffering=0) as file:  # noqa: PTH123  a Path costs 5 us a picture
        if offset:
            file.seek(int(offset))
        return file.read(-1 if size is None else int(size))


def _read_member(path: str, member: str) -> bytes:
    archive = _open_zip(path)
    info = archive.getinfo(member)
    if info.file_size > LARGEST_FILE:
        raise TooLargeError(f"{info.file_size:,} bytes; at most {LARGEST_FILE:,} are read")
    return archive.read(info)


@lru_cache(maxsize=2)
def _open_zip(path: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)
