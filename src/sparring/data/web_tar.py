"""One WebDataset shard: a tar in which files that share a name up to its first dot are one example.

    000017.jpg  000017.cls           a picture, and its class as a number or a word
    000017.png  000017.json          a picture, and an object with `label`, `cls` or `class`

What else an example has (captions, masks) is not used. An example whose label is missing is one without a label.
"""

import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sparring.data.collection import FilePlace, Skipped
from sparring.data.listing import PICTURE_SUFFIXES, is_junk, printable, suffix

LABEL_ENDINGS = frozenset({".cls", ".json"})
KEYS = ("label", "cls", "class")
_LARGEST_LABEL = 1 << 20
_PEEKED = 8


@dataclass(frozen=True, kw_only=True)
class ShardListing:
    """What a shard holds: pictures in the order in which they lie, with the text of their labels.

    Args:
        skipped: what is not used, with its reason; a shard that was cut short is named here too.
    """

    names: list[str] = field(default_factory=list)
    places: list[FilePlace] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def list_shard(path: Path, *, shown: str) -> ShardListing:
    """All examples of a plain tar. Of one that was cut short, those before the cut.

    Args:
        shown: how the shard is called in messages.
    """
    found = ShardListing()
    texts: dict[str, str] = {}
    pictures: dict[str, int] = {}
    with path.open("rb") as file:
        for member in _members(file, path, shown, found.skipped):
            key, ending = _parted(member.name)
            if suffix(member.name) in PICTURE_SUFFIXES:
                _enter_picture(member, key, path, shown, found, pictures)
            elif ending in LABEL_ENDINGS and member.size <= _LARGEST_LABEL:
                file.seek(member.offset_data)
                text = _label(file.read(member.size), ending)
                if text is not None:
                    texts[key] = text
    found.labels.extend(texts.get(key) for key in pictures)
    return found


def first_names(path: Path) -> list[str]:
    """Names of the first files in a plain tar; fewer where it is damaged."""
    with path.open("rb") as file:
        members = _members(file, path, path.name, [])
        return [member.name for _, member in zip(range(_PEEKED), members, strict=False)]


def _enter_picture(
    member: tarfile.TarInfo, key: str, path: Path, shown: str, found: ShardListing, pictures: dict[str, int]
) -> None:
    name, place = f"{shown}/{printable(member.name)}", FilePlace(str(path), member.offset_data, member.size)
    if key not in pictures:
        pictures[key] = len(found.names)
        found.names.append(name)
        found.places.append(place)
        return
    # Of `a.mask.png` and `a.jpg` the one with the plain ending is the picture, whichever comes first.
    first = pictures[key]
    if len(_parted(found.names[first])[1]) > len(_parted(name)[1]) and _parted(name)[1] == suffix(name):
        found.names[first], name = name, found.names[first]
        found.places[first] = place
    found.skipped.append(Skipped(name=name, reason="a second picture of one example"))


def _members(file: Any, path: Path, shown: str, skipped: list[Skipped]) -> Iterator[tarfile.TarInfo]:
    """The regular files of a tar that lie in it whole."""
    length = path.stat().st_size
    count = 0
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # tarfile keeps every header
                if not member.isreg() or member.issparse() or is_junk(member.name.rpartition("/")[2]):
                    continue
                if member.offset_data + member.size > length:
                    raise tarfile.ReadError(f"{printable(member.name)} goes beyond its end")
                count += 1
                yield member
            if length - archive.offset < tarfile.BLOCKSIZE:
                raise tarfile.ReadError("it has no end mark")
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        reason = f"this tar is damaged or cut short after {count:,} files ({error}): get it again"
        skipped.append(Skipped(name=shown, reason=reason))


def _parted(name: str) -> tuple[str, str]:
    """The key of an example, with its folder, and the ending behind the first dot."""
    folder, slash, last = name.rpartition("/")
    stem, dot, ending = last.partition(".")
    return f"{folder}{slash}{stem}", f"{dot}{ending}".lower()


def _label(data: bytes, ending: str) -> str | None:
    """The label in words; None where there is none in it."""
    try:
        text = data.decode("utf-8-sig").strip()
        if ending == ".json":
            record = json.loads(text)
            values = [record[key] for key in KEYS if key in record] if isinstance(record, dict) else []
            text = "" if not values or isinstance(values[0], list | dict | None) else str(values[0])
    except (UnicodeDecodeError, ValueError, RecursionError):
        return None
    return re.sub(r"\s+", " ", printable(text)) or None
