"""Weights kept in the cache: safetensors and JSON, complete or absent, proved by a digest whenever they are read.

<cache>/<kind>/<key>/weights.safetensors, record.json
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
from torch import Tensor

from sparring.data.cache import Cache, publish

WEIGHTS, RECORD = "weights.safetensors", "record.json"
Progress = Callable[[str, int, int | None], None]
"""A text, what is done and what there is to do (None: not known)."""


class Kept(NamedTuple):
    """Tensors by name, what was noted about them, and the sha256 of the file of tensors."""

    tensors: Mapping[str, Tensor]
    record: Mapping[str, Any]
    sha256: str


def silent(text: str, done: int, total: int | None) -> None:
    """No progress is shown."""


def encoded(tensors: Mapping[str, Tensor]) -> bytes:
    """The file of these tensors; the same tensors give the same bytes."""
    return safetensors.torch.save({name: value.detach().cpu().contiguous() for name, value in tensors.items()})


def read(folder: Path) -> Kept | None:
    """What is kept in a folder; None where it is absent, not whole, or not what was written."""
    try:
        data = (folder / WEIGHTS).read_bytes()
        note = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        digest = hashlib.sha256(data).hexdigest()
        if note["sha256"] != digest:
            return None
        return Kept(safetensors.torch.load(data), dict(note["record"]), digest)
    except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError):
        return None


def keep(store: Cache, place: Path, tensors: Mapping[str, Tensor], record: Mapping[str, Any]) -> Kept:
    """Let tensors and a record appear in the cache by one rename, in the place of a damaged entry.

    Raises:
        MachineError: the cache can't be used.
    """
    data = encoded(tensors)
    digest = hashlib.sha256(data).hexdigest()
    with store.workspace() as work:
        store.room_for(2 * len(data))
        with store.guarded():
            folder = work / "kept"
            folder.mkdir()
            (folder / WEIGHTS).write_bytes(data)
            text = json.dumps({"sha256": digest, "record": dict(record)}, indent=1)
            (folder / RECORD).write_text(text + "\n", encoding="utf-8")
            place.parent.mkdir(parents=True, exist_ok=True)
            publish(folder, place)
    return Kept(safetensors.torch.load(data), dict(record), digest)


def found_or_made(
    store: Cache,
    kind: str,
    key: str,
    make: Callable[[], tuple[Mapping[str, Tensor], Mapping[str, Any]]],
    *,
    waiting: str,
    on_progress: Progress = silent,
) -> Kept:
    """What the cache has, or what `make` gives; of several processes that want the same, one makes it.

    Args:
        kind, key: name the place in the cache.
        waiting: what is shown while another process makes it.

    Raises:
        MachineError: the cache can't be used.
    """
    place = store.root / kind / key
    if found := read(place):
        return found
    store.prepare()
    with store.exclusive(f"{kind}-{key}", on_wait=lambda: on_progress(waiting, 0, None)):
        return read(place) or keep(store, place, *make())
