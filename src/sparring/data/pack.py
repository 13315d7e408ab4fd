"""The packed store: every picture decoded once into uint8 [N, H, W, C], one memory-mapped file a part.

Of a pair the source follows its target: [N, 2, H, W, C]. Both are one entry, so splits and gaps treat them as one.

A pack holds `train.u8`, `validation.u8` and perhaps `test.u8` (plain bytes, no header), `facts.npy` (one `FACT` row for
every picture of the source, also for those that were skipped) and `manifest.json`, written last. Its key covers what
the source contains and how it is stored, so the files never change; labels and notes are not in it and are read anew
each time.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Protocol

import numpy as np
import numpy.typing as npt
import PIL

from sparring.data.cache import Cache, publish
from sparring.data.collection import Split
from sparring.data.facts import Facts, Shape, Wish, decide
from sparring.data.listing import printable
from sparring.data.split import PARTS, assign, part_codes
from sparring.errors import DataError

Progress = Callable[[str, int, int | None], None]
Errors = list[tuple[int, str]]
FORMAT = 1
_COPY_BYTES = 4 << 20
_ROOM = 1.15
_MARGIN = 16 << 20


class Pictures(Protocol):
    """A source of pictures, encoded or already decoded, in a fixed order."""

    @property
    def names(self) -> Sequence[str]:
        """How a user would call each picture."""

    @property
    def given(self) -> Sequence[Split | None]:
        """The split that the source gives to each picture."""

    @property
    def fingerprint(self) -> bytes:
        """Changes when the source does."""

    def guess(self, wish: Wish) -> Shape:
        """What `decide` will most likely say, from a look at some of the pictures."""

    def write(self, shape: Shape, plan: "Plan", on_progress: Progress) -> tuple[Facts, Errors]:
        """Decode all and put picture i into row `plan.row[i]` of the file of its given part."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Where pictures go while a pack is made: those without a given split into the file of train."""

    folder: Path
    part: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    counts: Mapping[Split, int]

    @classmethod
    def of(cls, given: Sequence[Split | None], folder: Path) -> "Plan":
        """The plan for pictures with these given splits."""
        part = part_codes(given)
        row = np.zeros(len(given), np.int64)
        counts: dict[Split, int] = {}
        for index, name in enumerate(PARTS):
            members = np.flatnonzero(part == index)
            row[members] = np.arange(len(members))
            if len(members):
                counts[name] = len(members)
        return cls(folder=folder, part=part, row=row, counts=counts)

    def file(self, name: Split) -> Path:
        """The file of a part."""
        return self.folder / f"{name}.u8"


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A complete pack, open for reading."""

    folder: Path
    shape: Shape
    facts: Facts
    errors: Errors
    parts: Mapping[Split, npt.NDArray[np.int64]]

    def pixels(self, part: Split) -> npt.NDArray[np.uint8]:
        """The pictures of a part, memory-mapped: uint8 [N, H, W, C]; of pairs the targets."""
        return self._entries(part)[:, 0]

    def sources(self, part: Split) -> npt.NDArray[np.uint8] | None:
        """The sources of a part's pairs, memory-mapped: uint8 [N, H, W, C]; None where pictures are no pairs."""
        return self._entries(part)[:, 1] if self.shape.paired else None

    def _entries(self, part: Split) -> npt.NDArray[np.uint8]:
        side, channels = self.shape.size, self.shape.channels
        shape = (len(self.parts[part]), 2 if self.shape.paired else 1, side, side, channels)
        return np.memmap(self.folder / f"{part}.u8", np.uint8, mode="r", shape=shape)


def pack(pictures: Pictures, wish: Wish, cache: Cache, on_progress: Progress) -> Packed:
    """The pack of these pictures: found in the cache, or made.

    The shape that is not asked for depends on all pictures, and those are decoded once: so it is guessed from some of
    them first, and in the rare case that all of them together say otherwise, packed again.

    Raises:
        DataError: too few pictures can be used.
        MachineError: the cache can't be used.
    """
    cache.prepare()
    chosen_key = f"chosen-{_key(pictures, asdict(wish))}"
    shape = _read_shape(cache.read_listing(chosen_key)) or pictures.guess(wish)
    packed = _find_or_make(pictures, shape, cache, on_progress)
    decided = decide(packed.facts, wish)
    if not decided.same_pixels(shape):
        packed = _find_or_make(pictures, decided, cache, on_progress)
    cache.write_listing(chosen_key, json.dumps(asdict(decided)))
    return _with_reasons(packed, decided)


def find(pictures: Pictures, wish: Wish, cache: Cache) -> Packed | None:
    """The pack of these pictures if the cache has it; nothing is written."""
    shape = _read_shape(cache.read_listing(f"chosen-{_key(pictures, asdict(wish))}"))
    if shape is None:
        return None
    packed = load(cache.packs / _shape_key(pictures, shape), pictures.given)
    return packed and _with_reasons(packed, shape)


def check_usable(facts: Facts, errors: Errors, names: Sequence[str]) -> None:
    """Whether enough pictures can be used.

    Raises:
        DataError: one or none can, or fewer than half; the first ones that can't are named.
    """
    usable = int(facts["ok"].sum())
    if usable >= 2 and usable * 2 >= len(facts):
        return
    shown = "".join(f"\n  {printable(names[index])}: {reason}" for index, reason in sorted(errors)[:5])
    if not errors:
        raise DataError("there is only one picture; training needs many: from a few hundred on it becomes worth it.")
    raise DataError(
        f"{len(errors):,} of {len(facts):,} pictures can't be used; at least half of them must be. The first:{shown}"
    )


def _find_or_make(pictures: Pictures, shape: Shape, cache: Cache, on_progress: Progress) -> Packed:
    key = _shape_key(pictures, shape)
    target = cache.packs / key
    if found := load(target, pictures.given):
        return found
    waiting = "waiting for another process that packs the same pictures"
    with cache.exclusive(key, on_wait=lambda: on_progress(waiting, 0, None)):
        return load(target, pictures.given) or _make(pictures, shape, cache, target, on_progress)


def _make(pictures: Pictures, shape: Shape, cache: Cache, target: Path, on_progress: Progress) -> Packed:
    with cache.workspace() as work:
        cache.room_for(int(len(pictures.given) * shape.bytes_each * _ROOM) + _MARGIN)
        folder = work / "pack"
        plan = Plan.of(pictures.given, folder)
        with cache.guarded():
            folder.mkdir()
            for name, count in plan.counts.items():
                with plan.file(name).open("xb") as file:
                    file.truncate(count * shape.bytes_each)
            facts, errors = pictures.write(shape, plan, on_progress)
        check_usable(facts, errors, pictures.names)
        parts = parts_of(facts, pictures.given)
        with cache.guarded():
            _sort_into_parts(plan, parts, shape)
            write_records(folder, shape, facts, errors, parts)
            publish(folder, target)
    packed = load(target, pictures.given)
    assert packed is not None, f"{target} was made but can't be read"
    return packed


def parts_of(facts: Facts, given: Sequence[Split | None]) -> dict[Split, npt.NDArray[np.int64]]:
    """Which of all pictures each part consists of, ascending; raises as `split.assign`."""
    usable = np.flatnonzero(facts["ok"])
    parts = assign(facts["hash"][usable], [given[index] for index in usable.tolist()])
    return {name: usable[rows] for name, rows in parts.items()}


def _sort_into_parts(plan: Plan, parts: Mapping[Split, npt.NDArray[np.int64]], shape: Shape) -> None:
    """Take the held-out pictures out of train's file, then close the gaps that they and unreadable ones left."""
    for name in PARTS:
        if name in parts and name not in plan.counts:
            _gather(plan.file("train"), plan.row[parts[name]], plan.file(name), shape.bytes_each)
    for name in plan.counts:
        rows = plan.row[parts[name]] if name in parts else np.zeros(0, np.int64)
        _gather(plan.file(name), rows, plan.file(name), shape.bytes_each)
        if not len(rows):
            plan.file(name).unlink()


def _gather(source: Path, rows: npt.NDArray[np.int64], target: Path, width: int) -> None:
    """Write these ascending rows one after the other. Source and target may be one file: rows only move forward."""
    same = source == target
    moved = rows != np.arange(len(rows)) if same else np.ones(len(rows), np.bool_)
    start = int(np.argmax(moved)) if moved.any() else len(rows)
    with target.open("r+b" if same else "xb", buffering=0) as write:
        write.seek(start * width)
        if start < len(rows):
            _copy_rows(source, rows[start:], write, width)
        write.truncate(len(rows) * width)


def _copy_rows(source: Path, rows: npt.NDArray[np.int64], write: IO[bytes], width: int) -> None:
    """A function of its own, so that the map is gone before the file is cut: Windows asks for that."""
    everything = np.memmap(source, np.uint8, mode="r").reshape(-1, width)
    step = max(1, _COPY_BYTES // width)
    for first in range(0, len(rows), step):
        data = everything[rows[first : first + step]].data.cast("B")
        while data.nbytes:
            data = data[write.write(data) :]


def write_records(
    folder: Path, shape: Shape, facts: Facts, errors: Errors, parts: Mapping[Split, npt.NDArray[np.int64]]
) -> None:
    """Write what `load` reads beside the pixels."""
    np.save(folder / "facts.npy", facts)
    manifest = {
        "format": FORMAT,
        "shape": asdict(shape),
        "bytes": {name: len(rows) * shape.bytes_each for name, rows in parts.items()},
        "errors": sorted(errors),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="ascii")


def load(folder: Path, given: Sequence[Split | None]) -> Packed | None:
    """A complete pack, or None where there is none or where it is damaged."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="ascii"))
        facts: Facts = np.load(folder / "facts.npy", allow_pickle=False)
        sizes = {name: (folder / f"{name}.u8").stat().st_size for name in manifest["bytes"]}
        shape = Shape(**manifest["shape"])
        errors = [(int(index), str(reason)) for index, reason in manifest["errors"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if manifest["format"] != FORMAT or sizes != manifest["bytes"] or len(facts) != len(given):
        return None
    return Packed(folder=folder, shape=shape, facts=facts, errors=errors, parts=parts_of(facts, given))


def _with_reasons(packed: Packed, shape: Shape) -> Packed:
    """The pack with the reasons of this call: the one that made it may have asked for what this one found."""
    return replace(packed, shape=shape)


def _read_shape(text: str | None) -> Shape | None:
    if text is None:
        return None
    try:
        return Shape(**json.loads(text))
    except (ValueError, TypeError):
        return None


def _shape_key(pictures: Pictures, shape: Shape) -> str:
    paired = {"paired": True} if shape.paired else {}
    return _key(pictures, {"size": shape.size, "channels": shape.channels, "fit": shape.fit, **paired})


def _key(pictures: Pictures, settings: Mapping[str, object]) -> str:
    """A name for what the source contains and how it is stored; a newer Pillow may decode some pixels otherwise."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps([FORMAT, PIL.__version__, settings], sort_keys=True).encode("ascii"))
    digest.update(pictures.fingerprint)
    digest.update("\0".join(pictures.names).encode("utf-8", "surrogatepass"))
    digest.update("\0".join(split or "" for split in pictures.given).encode("ascii"))
    return digest.hexdigest()
