"""The files of a folder: read-only, links followed once, in an order that no file system decides."""

import os
import stat
from pathlib import Path

from sparring.data.collection import FilePlace
from sparring.data.listing import Entry, Listing, fingerprint, is_junk, is_metadata, why_not_a_picture
from sparring.errors import DataError

_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def list_folder(root: Path) -> Listing:
    """All candidates below a folder, with sizes; nothing is opened but metadata files.

    A link to a file or folder is followed. A folder that was reached before, as in a loop of links, is not read again
    but named; so are dangling links, pipes and whatever can't be opened.

    Raises:
        DataError: the folder itself can't be read.
    """
    listing = Listing()
    stamps: list[str] = [str(root.resolve())]
    try:
        seen = {_identity(root.stat())}
        with os.scandir(root):
            pass
    except OSError as error:
        raise DataError(f"{root}: this folder can't be read ({error.strerror}). Check its permissions.") from error
    waiting = [(str(root), "")]
    while waiting:
        path, prefix = waiting.pop()
        waiting += _read_folder(path, prefix, listing, seen, stamps)
    listing.sort()
    listing.fingerprint = fingerprint([stamps[0], *sorted(stamps[1:])])
    return listing


def _read_folder(
    path: str, prefix: str, listing: Listing, seen: set[tuple[int, int]], stamps: list[str]
) -> list[tuple[str, str]]:
    """Enter the files of one folder; the folders in it are returned, last name first, as a stack wants them."""
    try:
        with os.scandir(path) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        listing.skip(prefix, f"this folder can't be read: {error.strerror}")
        return []
    deeper = []
    for entry in found:
        if is_junk(entry.name):
            continue
        name = f"{prefix}/{entry.name}" if prefix else entry.name
        try:
            status = entry.stat()
        except OSError as error:
            listing.skip(name, _broken_link(entry) if entry.is_symlink() else f"can't be read: {error.strerror}")
            continue
        if stat.S_ISDIR(status.st_mode):
            deeper += _enter_folder(entry, name, status, listing, seen)
        else:
            _enter_file(entry, name, status, listing, stamps)
    return deeper[::-1]


def _enter_folder(
    entry: "os.DirEntry[str]", name: str, status: os.stat_result, listing: Listing, seen: set[tuple[int, int]]
) -> list[tuple[str, str]]:
    # Windows leaves the number out of a directory's entry.
    identity = _identity(status if status.st_ino else Path(entry.path).stat())
    if identity in seen:
        listing.skip(name, "a link to a folder that is read already")
        return []
    seen.add(identity)
    listing.folders.add(name)
    return [(entry.path, name)]


def _enter_file(
    entry: "os.DirEntry[str]", name: str, status: os.stat_result, listing: Listing, stamps: list[str]
) -> None:
    if not stat.S_ISREG(status.st_mode):
        listing.skip(name, f"no file but {_KINDS.get(stat.S_IFMT(status.st_mode), 'something else')}")
        return
    size = status.st_size
    metadata = is_metadata(name, size)
    reason = None if metadata else why_not_a_picture(name)
    if reason:
        listing.skip(name, reason)
        return
    stamps.append(f"{name}\0{size} {status.st_mtime_ns} {status.st_ctime_ns}")
    if metadata:
        listing.texts[name] = _read_text(entry.path, name)
        return
    listing.entries.append(Entry(name, FilePlace(entry.path, 0, size), size))


def _read_text(path: str, name: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{name} can't be read ({error.strerror}). Check its permissions or move it away.") from error


def _broken_link(entry: "os.DirEntry[str]") -> str:
    try:
        return f"a link to {str(Path(entry.path).readlink())!r}, which does not exist"
    except OSError:
        return "a broken link"


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
