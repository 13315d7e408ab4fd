"""Zip and tar archives, read where they are: nothing is ever written by a member's name, so no name can do harm.

Members of zips and of plain tars are read in place. A compressed tar can't be read in the middle: it is decompressed
once, as one stream, into a plain tar in the cache, which is removed after packing.
"""

import bz2
import gzip
import json
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

from sparring.data.collection import FilePlace, Skipped, ZipPlace
from sparring.data.listing import (
    Entry,
    Listing,
    fingerprint,
    is_junk,
    is_metadata,
    printable,
    why_not_a_picture,
)
from sparring.errors import DataError, MachineError

Progress = Callable[[str, int, int | None], None]
_OPENERS: dict[bytes, Callable[[Path], IO[bytes]]] = {
    b"\x1f\x8b": lambda path: cast(IO[bytes], gzip.GzipFile(path)),
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"BZh": bz2.BZ2File,
}
_ENDINGS = (".tar", ".zip", ".tgz", ".txz", ".tbz2", ".gz", ".xz", ".bz2")
_BLOCK = 512
_COPY_BYTES = 1 << 20
_BOMB_BYTES, _BOMB_RATIO = 1 << 30, 200


def kind_of(path: Path) -> str | None:
    """What a file is by its first bytes: "zip", "tar", "compressed", or None."""
    with path.open("rb") as file:
        head = file.read(_BLOCK)
    if any(head.startswith(magic) for magic in _OPENERS):
        return "compressed"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    return "tar" if head[257:262] == b"ustar" or _old_tar(path, head) else None


def short_name(path: Path) -> str:
    """The name of an archive without the endings that say how it is packed."""
    name = path.name
    while True:
        ending = next((ending for ending in _ENDINGS if name.lower().endswith(ending) and len(name) > len(ending)), "")
        if not ending:
            return name
        name = name[: -len(ending)]


def stamp(path: Path) -> bytes:
    """A digest that changes when an archive does: its path, size and times."""
    status = path.stat()
    times = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return fingerprint([str(path.resolve()), *map(str, times)])


def list_zip(path: Path) -> Listing:
    """All candidates in a zip archive.

    Raises:
        DataError: damaged, cut short, or encrypted.
    """
    listing = Listing(fingerprint=stamp(path))
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                _enter_zip_member(archive, info, path, listing)
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, NotImplementedError) as error:
        raise DataError(f"{path}: this zip archive is damaged or cut short ({error}). Get it again.") from error
    return _finish(listing)


def list_tar(path: Path, *, shown: Path) -> Listing:
    """All candidates in an uncompressed tar archive, each as bytes at an offset of `path`.

    Args:
        path: the plain tar.
        shown: what the user gave, for messages and the stamp.

    Raises:
        DataError: damaged or cut short.
    """
    listing = Listing(fingerprint=stamp(shown))
    length = path.stat().st_size
    try:
        with tarfile.open(path, "r:") as archive:
            while (member := archive.next()) is not None:
                if member.offset_data + member.size > length and member.isreg():
                    raise tarfile.ReadError(f"{printable(member.name)} goes beyond the end")
                _enter_tar_member(archive, member, path, listing)
                archive.members.clear()  # type: ignore[attr-defined]  # tarfile keeps every header; half a gigabyte for a million pictures
            if length - archive.offset < _BLOCK:
                listing.notes.append("the archive has no end mark: it may have been cut short")
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise DataError(f"{shown}: this tar archive is damaged or cut short ({error}). Get it again.") from error
    return _finish(listing)


def decompress(path: Path, target: Path, on_progress: Progress) -> None:
    """Write the plain tar of a compressed one to `target`.

    Raises:
        DataError: damaged, cut short, no tar inside, or it grows beyond reason.
        MachineError: the disk refused.
    """
    packed_size = path.stat().st_size
    with path.open("rb") as file:
        magic = file.read(6)
    opener = next(opener for key, opener in _OPENERS.items() if magic.startswith(key))
    written = 0
    with opener(path) as source, _create(target) as plain:
        while block := _read_block(source, path):
            if not written and block[257:262] != b"ustar":
                raise DataError(f"{path}: there is no tar archive inside. Expected .tar.gz, .tar.xz or .tar.bz2.")
            _write_block(plain, block, target)
            written += len(block)
            on_progress(f"decompressing {path.name}", written, None)
            if written > max(_BOMB_BYTES, _BOMB_RATIO * packed_size):
                raise DataError(f"{path}: grows more than {_BOMB_RATIO} times when decompressed; no pictures do that.")


def to_json(listing: Listing) -> str:
    """A tar's listing as text, kept in the cache so that the next call need not walk 60,000 headers."""
    return json.dumps(
        {
            "entries": [[entry.name, _offset(entry), entry.size] for entry in listing.entries],
            "folders": sorted(listing.folders),
            "skipped": [[skipped.name, skipped.reason] for skipped in listing.skipped],
            "texts": {name: text.hex() for name, text in listing.texts.items()},
            "notes": listing.notes,
            "fingerprint": listing.fingerprint.hex(),
        }
    )


def from_json(text: str, path: Path) -> Listing:
    """The listing that `to_json` wrote, its places pointing into the plain tar `path`.

    Raises:
        ValueError, KeyError: the text is damaged.
    """
    record = json.loads(text)
    return Listing(
        entries=[Entry(name, FilePlace(str(path), offset, size), size) for name, offset, size in record["entries"]],
        folders=set(record["folders"]),
        skipped=[Skipped(name=name, reason=reason) for name, reason in record["skipped"]],
        texts={name: bytes.fromhex(text) for name, text in record["texts"].items()},
        notes=list(record["notes"]),
        fingerprint=bytes.fromhex(record["fingerprint"]),
    )


def _offset(entry: Entry) -> int:
    assert isinstance(entry.place, FilePlace)
    return entry.place.offset


def _old_tar(path: Path, head: bytes) -> bool:
    """Tars from before 1988 have no magic; their first header must then add up."""
    if len(head) < _BLOCK or not any(head):
        return False
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return path.stat().st_size % _BLOCK == 0


def _clean_name(name: str) -> str | None:
    """A member's name as parts with '/' between; None for junk. Names are labels here, never paths to write to."""
    if "\\" in name and "/" not in name:
        name = name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    return None if not parts or any(is_junk(part) for part in parts) else "/".join(parts)


def _enter_zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, listing: Listing) -> None:
    name = _clean_name(info.filename)
    if name is None:
        return
    if info.is_dir():
        listing.folders.add(name)
        return
    kind = (info.external_attr >> 16) & 0o170000
    if kind not in (0, 0o100000):
        listing.skip(name, "no file but a link or a device inside an archive")
        return
    metadata = is_metadata(name, info.file_size)
    reason = None if metadata else why_not_a_picture(name)
    if reason:
        listing.skip(name, reason)
    elif info.flag_bits & 1:
        raise DataError(f"{path}: the archive is encrypted ({printable(name)}). Unpack it with its password first.")
    elif metadata:
        listing.texts[name] = archive.read(info)
    else:
        listing.entries.append(Entry(name, ZipPlace(str(path), info.filename), info.file_size))


def _enter_tar_member(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path, listing: Listing) -> None:
    name = _clean_name(member.name)
    if name is None:
        return
    if member.isdir():
        listing.folders.add(name)
        return
    if not member.isreg() or member.issparse():
        listing.skip(name, f"no file but {_member_kind(member)} inside an archive")
        return
    metadata = is_metadata(name, member.size)
    reason = None if metadata else why_not_a_picture(name)
    if reason:
        listing.skip(name, reason)
    elif metadata:
        content = archive.extractfile(member)
        assert content is not None
        listing.texts[name] = content.read()
    else:
        listing.entries.append(Entry(name, FilePlace(str(path), member.offset_data, member.size), member.size))


def _member_kind(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return "a link"
    return "a sparse file" if member.issparse() else "a device or pipe"


def _finish(listing: Listing) -> Listing:
    """Sort; of members with one name the last counts, as when unpacking; name the folders that files lie in."""
    last = {entry.name: entry for entry in listing.entries}
    if len(last) < len(listing.entries):
        listing.notes.append(
            f"{len(listing.entries) - len(last)} members have the name of a later one: the last of each is read"
        )
    listing.entries = list(last.values())
    for entry in listing.entries:
        folder = entry.name.rpartition("/")[0]
        while folder and folder not in listing.folders:
            listing.folders.add(folder)
            folder = folder.rpartition("/")[0]
    listing.sort()
    return listing


def _create(target: Path) -> IO[bytes]:
    try:
        return target.open("xb")
    except OSError as error:
        raise MachineError(f"{target.parent}: {error.strerror}. Set SPARRING_CACHE to a folder with room.") from error


def _read_block(source: IO[bytes], path: Path) -> bytes:
    try:
        return source.read(_COPY_BYTES)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{path}: this archive is damaged or cut short ({error}). Get it again.") from error


def _write_block(plain: IO[bytes], block: bytes, target: Path) -> None:
    try:
        plain.write(block)
    except OSError as error:
        raise MachineError(f"{target.parent}: {error.strerror}. Set SPARRING_CACHE to a folder with room.") from error
