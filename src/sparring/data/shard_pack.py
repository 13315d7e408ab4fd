"""Shards into the packed store, one after the other: no more than two of them lie on the disk at any time.

While it is made, a pack lies in `<cache>/partial/<key>/`. Each shard's rows are added to the files of their parts, and
only then noted in a file of the shard's own, which appears at once: whatever was not noted is cut off again. So
whoever is killed goes on with the shard that was not complete, and nothing is fetched twice.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL

from sparring.data.cache import Cache, publish
from sparring.data.collection import Item, Skipped, Split
from sparring.data.facts import Shape, Wish
from sparring.data.fetching import Fetching
from sparring.data.pack import FORMAT, Packed, Progress, check_usable, load, parts_of, write_records
from sparring.data.pool import Pool, usable_cores
from sparring.data.shard_rows import ShardRows, decode_shard, mapped, read_listing
from sparring.data.shards import Shard
from sparring.data.sources import EncodedPictures
from sparring.data.split import PARTS, lies_low, part_codes
from sparring.errors import DataError

_COPIED = 4 << 20
_MARGIN = 64 << 20
Offsets = dict[str, int]


@dataclass(frozen=True, kw_only=True)
class PackedShards:
    """A complete pack of shards.

    Args:
        labels: number in `words` of every picture's label, int64 [N], -1 without one.
        words: the labels that occur, in the order in which they were met.
        skipped: what is not used.
        read: which of the shards were.
    """

    packed: Packed
    labels: npt.NDArray[np.int64]
    words: tuple[str, ...]
    skipped: Sequence[Skipped]
    read: Sequence[int]


def pack_shards(
    shards: Sequence[Shard], wish: Wish, cache: Cache, on_progress: Progress, *, enough: int | None = None
) -> PackedShards:
    """The pack of these shards: found in the cache, or made, or gone on with.

    Args:
        enough: of each part no further shard is read once it has so many pictures; None: all are read.

    Raises:
        DataError: a shard can't be had, or too few pictures can be used.
        MachineError: the cache can't be used.
    """
    cache.prepare()
    key = _key(shards, wish, enough)
    target = cache.packs / key
    if found := find_packed(shards, wish, cache, enough=enough):
        return found
    waiting = "waiting for another process that packs the same shards"
    with cache.exclusive(key, on_wait=lambda: on_progress(waiting, 0, None)):
        if found := _load(target):
            return found
        partial = _Partial(cache, key, shards, wish)
        partial.fill(enough, on_progress)
        partial.publish(target)
    made = _load(target)
    assert made is not None, f"{target} was made but can't be read"
    return made


def find_packed(shards: Sequence[Shard], wish: Wish, cache: Cache, *, enough: int | None = None) -> PackedShards | None:
    """The pack if the cache has it; nothing is written."""
    return _load(cache.packs / _key(shards, wish, enough))


def first_look(shard: Shard, tar: Path, wish: Wish) -> Shape:
    """The shape that a shard's first pictures speak for."""
    listing = read_listing(shard, tar)
    items = [Item(name, place) for name, place in zip(listing.names, listing.places, strict=True)]
    with EncodedPictures(items, fingerprint=b"", stage=_nothing) as pictures:
        shape = pictures.guess(wish)
    of = f"by {shard.name}"
    return replace(
        shape,
        size_why=shape.size_why if wish.size else f"{shape.size_why}, {of}",
        channels_why=shape.channels_why if wish.channels else f"{shape.channels_why}, {of}",
    )


class _Partial:
    """A pack that is being made."""

    def __init__(self, cache: Cache, key: str, shards: Sequence[Shard], wish: Wish) -> None:
        self._cache = cache
        self._shards = shards
        self._wish = wish
        self._folder = cache.root / "partial" / key
        self._notes = self._folder / "shards"
        self._rows: list[ShardRows] = []
        self._ends: list[Offsets] = []
        self._read: list[int] = []
        self._draws = all(shard.split != "validation" for shard in shards)

    def fill(self, enough: int | None, on_progress: Progress) -> None:
        """Read what is not there yet."""
        with self._cache.guarded():
            self._notes.mkdir(parents=True, exist_ok=True)
        counts: dict[str, int] = {}
        wanted = list(enumerate(self._shards))
        with ExitStack() as stack:
            work = stack.enter_context(self._cache.workspace())
            ahead = stack.enter_context(Fetching(work))
            pool: Pool | None = None
            for place, (number, shard) in enumerate(wanted):
                on_progress("reading shards", place, len(wanted))
                part = shard.split or "train"
                if enough is not None and counts.get(part, 0) >= enough:
                    continue
                if not self._take_noted(number):
                    pool = pool or stack.enter_context(Pool(usable_cores()))
                    ahead.begin(shard)
                    for n, later in wanted[place + 1 : place + 2] if enough is None else []:
                        if not self._note(n).exists():
                            ahead.begin(later)
                    fetched = ahead.take(shard)
                    self._add(number, shard, fetched.tar, work, pool)
                    fetched.forget()
                counts[part] = counts.get(part, 0) + int(self._rows[-1].facts["ok"].sum())
        on_progress("reading shards", len(wanted), len(wanted))

    def publish(self, target: Path) -> None:
        """Let the complete pack appear at its place."""
        facts = np.concatenate([rows.facts for rows in self._rows])
        skipped = [skipped for rows in self._rows for skipped in rows.skipped]
        check_usable(facts, [(n, s.reason) for n, s in enumerate(skipped)], [s.name for s in skipped])
        given: list[Split | None] = [
            self._shards[number].split
            for number, rows in zip(self._read, self._rows, strict=True)
            for _ in range(len(rows.facts))
        ]
        parts = parts_of(facts, given)
        if {name: len(rows) for name, rows in parts.items()} != {n: end for n, end in self._end().items() if end}:
            raise DataError(
                f"{int(facts['ok'].sum()):,} pictures are so few that none is held out by its content. Put some into "
                "a shard of their own, called val-000.tar."
            )
        words, labels = _numbered([label for rows in self._rows for label in rows.labels])
        shape = self._shape()
        assert shape is not None
        with self._cache.guarded():
            self._cut()
            for name in PARTS:
                if not self._end()[name]:
                    self._file(name).unlink(missing_ok=True)
            np.save(self._folder / "labels.npy", labels)
            np.save(self._folder / "given.npy", part_codes(given).astype(np.int8))
            record = {"words": words, "skipped": [[s.name, s.reason] for s in skipped], "read": self._read}
            record["splits"] = sorted({split for split in given if split})
            (self._folder / "shards.json").write_text(json.dumps(record), encoding="ascii")
            write_records(self._folder, shape, facts, [], parts)
            publish(self._folder, target)
            shutil.rmtree(target / "shards", ignore_errors=True)

    def _add(self, number: int, shard: Shard, tar: Path, work: Path, pool: Pool) -> None:
        shape = self._shape() or self._choose(shard, tar)
        listing = read_listing(shard, tar)
        self._cache.room_for(2 * len(listing.places) * shape.bytes_each + _MARGIN)
        decoded = work / "rows.u8"
        rows = decode_shard(listing, shape, decoded, pool)
        with self._cache.guarded():
            self._cut()
            self._append(number, mapped(decoded, len(rows.facts), shape), rows, shape)
            decoded.unlink()
            _write_atomic(self._note(number), json.dumps({"ends": self._ends[-1], **rows.to_json()}))

    def _append(self, number: int, x: npt.NDArray[np.uint8], rows: ShardRows, shape: Shape) -> None:
        end = self._end()
        for name, chosen in self._chosen(rows, self._shards[number]).items():
            step = max(1, _COPIED // shape.bytes_each)
            with self._file(name).open("ab") as file:
                for first in range(0, len(chosen), step):
                    file.write(x[chosen[first : first + step]].data)
                file.flush()
                os.fsync(file.fileno())
            end[name] += len(chosen)
        self._note_taken(number, rows, end)

    def _chosen(self, rows: ShardRows, shard: Shard) -> dict[Split, npt.NDArray[np.int64]]:
        """Rows of each part; the same ones that `split.assign` gives of all pictures together."""
        usable = np.flatnonzero(rows.facts["ok"])
        if shard.split not in (None, "train") or not self._draws:
            return {shard.split or "train": usable}
        low = lies_low(rows.facts["hash"][usable])
        return {"train": usable[~low], "validation": usable[low]}

    def _take_noted(self, number: int) -> bool:
        """Whether a shard was added before, by a process that is gone."""
        try:
            record = json.loads(self._note(number).read_text(encoding="ascii"))
            rows, end = ShardRows.from_json(record), dict(record["ends"])
        except (OSError, ValueError, KeyError, TypeError):
            return False
        self._note_taken(number, rows, end)
        return True

    def _note_taken(self, number: int, rows: ShardRows, end: Offsets) -> None:
        self._rows.append(rows)
        self._read.append(number)
        self._ends.append(end)

    def _end(self) -> Offsets:
        return dict(self._ends[-1]) if self._ends else dict.fromkeys(PARTS, 0)

    def _cut(self) -> None:
        """Take away what a killed process wrote and did not note."""
        shape = self._shape()
        assert shape is not None
        for name, rows in self._end().items():
            with (self._folder / f"{name}.u8").open("ab") as file:
                file.truncate(rows * shape.bytes_each)

    def _choose(self, shard: Shard, tar: Path) -> Shape:
        shape = first_look(shard, tar, self._wish)
        with self._cache.guarded():
            _write_atomic(self._folder / "shape.json", json.dumps(asdict(shape)))
        return shape

    def _shape(self) -> Shape | None:
        try:
            return Shape(**json.loads((self._folder / "shape.json").read_text(encoding="ascii")))
        except (OSError, ValueError, TypeError):
            return None

    def _file(self, name: Split) -> Path:
        return self._folder / f"{name}.u8"

    def _note(self, number: int) -> Path:
        return self._notes / f"{number:07d}.json"


def _load(folder: Path) -> PackedShards | None:
    """A complete pack, or None where there is none or where it is damaged."""
    try:
        record: dict[str, Any] = json.loads((folder / "shards.json").read_text(encoding="ascii"))
        labels = np.load(folder / "labels.npy", allow_pickle=False)
        codes = np.load(folder / "given.npy", allow_pickle=False)
        skipped = [Skipped(name=name, reason=reason) for name, reason in record["skipped"]]
        told = set(record["splits"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    given: list[Split | None] = [name if name in told else None for name in PARTS]
    packed = load(folder, [given[code] for code in codes.tolist()])
    if packed is None:
        return None
    return PackedShards(
        packed=packed, labels=labels, words=tuple(record["words"]), skipped=skipped, read=record["read"]
    )


def _numbered(labels: Sequence[str | None]) -> tuple[list[str], npt.NDArray[np.int64]]:
    words = list(dict.fromkeys(label for label in labels if label is not None))
    index: dict[str | None, int] = {word: number for number, word in enumerate(words)}
    return words, np.fromiter((index.get(label, -1) for label in labels), np.int64, len(labels))


def _key(shards: Sequence[Shard], wish: Wish, enough: int | None) -> str:
    """A name for what the shards contain and how it is stored; a newer Pillow may decode some pixels otherwise."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps(["shards", FORMAT, PIL.__version__, asdict(wish), enough]).encode("ascii"))
    for shard in shards:
        digest.update(f"{shard.place}\0{shard.stamp}\0{shard.split}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _write_atomic(path: Path, text: str) -> None:
    """Whole or not at all, and on the disk before its name."""
    beside = path.with_name(f".{path.name}")
    with beside.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _nothing() -> None:
    """A shard's tar is there."""
