"""What lies in a source before anything is understood: names, places and stamps, junk already gone.

Both the folder and the archive readers give a `Listing`; `layout.arrange` makes a `Collection` of it.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from sparring.data.collection import FilePlace, Skipped, ZipPlace

_READ = ".jpg .jpeg .jpe .jfif .mpo .png .webp .bmp .dib .gif .tif .tiff .ppm .pgm .pbm .pnm"
_NOT_READ = (
    ".heic .heif .avif .svg .eps .ps .psd .ai .jp2 .j2k .jxl .ico .tga .pcx .exr .hdr .xcf .dcm .nef .cr2 .arw .dng"
)
PICTURE_SUFFIXES = frozenset(_READ.split())
FOREIGN_PICTURES = frozenset(_NOT_READ.split())
METADATA_NAMES = ("metadata.csv", "metadata.jsonl")
_JUNK = frozenset({"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "icon\r", "lost+found"})
_LARGEST_METADATA = 1 << 30


class Entry(NamedTuple):
    """One regular file that is a candidate: `name` is its path inside the source, with '/' between the parts."""

    name: str
    place: FilePlace | ZipPlace
    size: int


@dataclass(kw_only=True)
class Listing:
    """All that was found in a folder or an archive.

    Args:
        entries: candidates, in the byte order of their names.
        folders: names of all folders, so that empty ones can be told.
        skipped: what is no candidate, and why.
        texts: the bytes of metadata files, by name.
        notes: remarks on the source itself.
        fingerprint: changes when the source does.
    """

    entries: list[Entry] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)
    skipped: list[Skipped] = field(default_factory=list)
    texts: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    fingerprint: bytes = b""

    def skip(self, name: str, reason: str) -> None:
        """Record a file that is not used."""
        self.skipped.append(Skipped(name=printable(name), reason=reason))

    def sort(self) -> None:
        """Order everything by code points (the order of UTF-8 bytes), whatever order the file system gave."""
        self.entries.sort(key=lambda entry: entry.name)
        self.skipped.sort(key=lambda skipped: skipped.name)


def is_junk(part: str) -> bool:
    """Whether a file or folder is left by an operating system or an editor rather than by the user."""
    return part.startswith(".") or part.lower() in _JUNK


def suffix(name: str) -> str:
    """The lower-case ending of a name with its dot, or nothing."""
    last = name.rpartition("/")[2]
    stem, dot, ending = last.rpartition(".")
    return f".{ending.lower()}" if dot and stem else ""


def why_not_a_picture(name: str) -> str | None:
    """The reason to skip a file by its name, or None for a candidate."""
    ending = suffix(name)
    if ending in PICTURE_SUFFIXES:
        return None
    if ending in FOREIGN_PICTURES:
        return f"{ending[1:].upper()} is not read: convert it to PNG or JPEG"
    return f"no picture ({ending} file)" if ending else "no picture (no file ending)"


def is_metadata(name: str, size: int) -> bool:
    """Whether a file tells names, labels and splits."""
    return name.rpartition("/")[2] in METADATA_NAMES and size <= _LARGEST_METADATA


def printable(name: str) -> str:
    """A name that any terminal and any JSON file can hold: what can't be printed is escaped.

    >>> printable("a\\nb")
    'a\\\\nb'
    """
    if name.isprintable():
        return name
    return "".join(char if char.isprintable() else _escaped(char) for char in name)


def fingerprint(parts: Iterable[str]) -> bytes:
    """A digest of 16 bytes over texts."""
    text = "".join(f"{part}\0" for part in parts)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _escaped(char: str) -> str:
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")
