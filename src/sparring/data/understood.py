"""What an archive was understood to hold, kept beside its pack: opening it again then looks at none of its names.

Listing a million members and finding classes among their folders takes ten seconds, each time. What follows from it is
a number for each picture; it is kept under a key of the archive's path, size and times, and of how it was to be read.
"""

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL

from sparring.data import archive
from sparring.data.cache import Cache
from sparring.data.collection import Collection, Skipped, Split
from sparring.data.facts import Shape, Wish
from sparring.data.pack import FORMAT, Packed, load
from sparring.data.split import PARTS, Labels, part_codes

UNDERSTOOD = 1
"""To be raised when names, folders or metadata files come to mean something else than before."""


@dataclass(frozen=True, kw_only=True)
class Understood:
    """A packed archive, as it was opened before.

    Args:
        collection: what its reader found, without the pictures.
        codes: of every picture the number of its class, int64 [N], -1 without one.
        names: of those that could not be read, by their number.
    """

    collection: Collection
    packed: Packed
    codes: Labels
    names: Mapping[int, str]


def key_of(source: str, wish: Wish, *, pairs: bool) -> str | None:
    """Under which name what is understood of a source is kept; None where it is no archive."""
    path = Path(source).expanduser()
    try:
        if not path.is_file() or archive.kind_of(path) is None:
            return None
        stamp = archive.stamp(path)
    except OSError:
        return None
    digest = hashlib.blake2b(stamp, digest_size=16)
    digest.update(json.dumps([UNDERSTOOD, FORMAT, PIL.__version__, source, asdict(wish), pairs]).encode("ascii"))
    return f"understood-{digest.hexdigest()}"


def remember(
    cache: Cache,
    key: str,
    collection: Collection,
    packed: Packed,
    codes: Labels,
    names: Sequence[str],
    given: Sequence[Split | None],
) -> None:
    """Keep what was understood; that it can't be kept costs time, not correctness."""
    record = {
        "pack": packed.folder.name,
        "shape": asdict(packed.shape),
        "name": collection.name,
        "layout": collection.layout,
        "classes": collection.classes,
        "skipped": [[skipped.name, skipped.reason] for skipped in collection.skipped],
        "notes": list(collection.notes),
        "paired": collection.paired,
        "names": [[index, names[index]] for index, _ in packed.errors],
        "splits": sorted({split for split in given if split}),
    }
    data = io.BytesIO()
    text = np.frombuffer(json.dumps(record).encode("ascii"), np.uint8)
    np.savez(data, record=text, codes=codes.astype(np.int32), given=part_codes(given).astype(np.int8))
    with suppress(OSError):
        handle, name = tempfile.mkstemp(dir=cache.listings)
        with os.fdopen(handle, "wb") as file:
            file.write(data.getvalue())
        Path(name).replace(cache.listings / key)


def recall(cache: Cache, key: str, source: str) -> Understood | None:
    """What was kept, where its pack is whole; None: to be understood anew."""
    try:
        with np.load(cache.listings / key, allow_pickle=False) as kept:
            record: dict[str, Any] = json.loads(kept["record"].tobytes())
            codes, parts = kept["codes"].astype(np.int64), kept["given"]
        found = _understood(cache, record, codes, parts, source)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    return found


def _understood(
    cache: Cache, record: Mapping[str, Any], codes: Labels, parts: npt.NDArray[np.int8], source: str
) -> Understood | None:
    told = set(record["splits"])
    given: list[Split | None] = [name if name in told else None for name in PARTS]
    packed = load(cache.packs / record["pack"], [given[part] for part in parts.tolist()])
    if packed is None or len(codes) != len(packed.facts):
        return None
    collection = Collection(
        name=record["name"],
        source=source,
        layout=record["layout"],
        classes=tuple(record["classes"]),
        skipped=[Skipped(name=name, reason=reason) for name, reason in record["skipped"]],
        notes=tuple(record["notes"]),
        paired=record["paired"],
    )
    return Understood(
        collection=collection,
        packed=replace(packed, shape=Shape(**record["shape"])),
        codes=codes,
        names={int(index): name for index, name in record["names"]},
    )
