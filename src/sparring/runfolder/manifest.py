"""The manifest of a checkpoint: written last, it says what the checkpoint consists of, and proves it.

It carries a sha256 of every file and one of itself, so that a single changed byte anywhere is found.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sparring.errors import UsageError

FORMAT = 1
NAME = "manifest.json"
_LARGEST = 1 << 20
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.(safetensors|json)")


class DamagedError(Exception):
    """A checkpoint that is not what its manifest says; the message names the file and the reason."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Size in bytes and sha256 (hexadecimal) of one file."""

    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a checkpoint holds.

    Args:
        images: count of reals seen.
        best: whether it was the best one when it was saved.
        offsets: size in bytes of each table at that moment, by file name.
        files: mark of each file, by name.
    """

    images: int
    best: bool
    offsets: Mapping[str, int]
    files: Mapping[str, Mark]


def encode(manifest: Manifest) -> bytes:
    """The bytes of manifest.json, the same for the same manifest."""
    return _seal({"format": FORMAT, **asdict(manifest)})


def read(folder: Path) -> Manifest:
    """Read and prove the manifest of a checkpoint.

    Args:
        folder: the checkpoint.

    Raises:
        DamagedError: missing, too large, or a byte of it changed.
        UsageError: it is sound, and a newer version of sparring wrote it.
        OSError: the system can't read it.
    """
    body = _open_seal(_read_limited(folder / NAME))
    if body.get("format", 0) > FORMAT:
        raise UsageError(
            f"{folder}: made by a newer version of sparring (checkpoint format {body['format']}, this one reads up to "
            f"{FORMAT}). Update sparring."
        )
    try:
        manifest = _from_body(body)
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{NAME}: an entry is missing or of the wrong kind ({error})") from None
    unfit = [name for name in manifest.files if not _FILE_NAME.fullmatch(name)]
    if unfit:
        raise DamagedError(f"{NAME}: lists {unfit[0]!r}, which is no file of a checkpoint")
    return manifest


def mark(data: bytes) -> Mark:
    """The mark of a file with these bytes."""
    return Mark(size=len(data), sha256=hashlib.sha256(data).hexdigest())


def prove(name: str, data: bytes, expected: Mark) -> None:
    """Raise `DamagedError` unless `data` are the bytes that were marked."""
    if len(data) != expected.size:
        raise DamagedError(f"{name}: {len(data):,} bytes, {expected.size:,} were written")
    if hashlib.sha256(data).hexdigest() != expected.sha256:
        raise DamagedError(f"{name}: its bytes have changed since it was written (sha256 differs)")


def _read_limited(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise DamagedError(f"{NAME}: missing") from None
    if len(raw) > _LARGEST:
        raise DamagedError(f"{NAME}: larger than any manifest")
    return raw


def _seal(body: Mapping[str, Any]) -> bytes:
    digest = hashlib.sha256(_text(body).encode()).hexdigest()
    return (_text({"manifest": body, "sha256": digest}) + "\n").encode()


def _open_seal(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)["manifest"]
        sound = isinstance(body, dict) and _seal(body) == raw
    except (ValueError, KeyError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise DamagedError(f"{NAME}: its bytes have changed since it was written")
    return dict(body)


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, indent=1)


def _from_body(body: Mapping[str, Any]) -> Manifest:
    files = {str(name): Mark(size=int(value["size"]), sha256=value["sha256"]) for name, value in body["files"].items()}
    offsets = {str(name): int(size) for name, size in body["offsets"].items()}
    return Manifest(images=int(body["images"]), best=bool(body["best"]), offsets=offsets, files=files)
