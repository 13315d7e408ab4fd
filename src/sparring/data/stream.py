"""Training pictures of shards that are read anew whenever they are wanted: for what no disk holds.

Shards are fetched and decoded in the background into files of the cache, which go as soon as nobody wants them. Which
of its pictures may be trained on is a shard's own matter: those whose content hash lies in the lowest tenth are held
out, in all shards by the same rule, so that no copy of a held-out picture is ever trained on.
"""

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sparring.data.cache import Cache
from sparring.data.facts import Shape
from sparring.data.fetching import Fetching
from sparring.data.listing import printable
from sparring.data.pool import Pool
from sparring.data.shard_rows import ShardRows, decode_shard, mapped, read_listing
from sparring.data.shards import Shard
from sparring.data.split import Labels, lies_low
from sparring.errors import DataError

CONNECTIONS = 4
_MARGIN = 64 << 20


def code_of(word: str, classes: Sequence[str], where: str) -> int:
    """The number of a label among classes, by name or, where it is one, by number.

    Raises:
        DataError: there is no such class.
    """
    if word in classes:
        return classes.index(word)
    if word.isascii() and word.isdigit() and int(word) < len(classes) and not all(c.isdigit() for c in classes):
        return int(word)
    shown = ", ".join(classes[:10]) + (", ..." if len(classes) > 10 else "")
    raise DataError(
        f"{where}: a picture is labelled '{printable(word)[:40]}', and the classes are {shown}. Write all of them into "
        "a file classes.txt beside the shards, one a line."
    )


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """A shard that is there.

    Args:
        x: its pictures uint8 [N, H, W, C], memory-mapped.
        y: int64 [N], -1 without a label, or None without classes.
        rows: those that may be trained on, int64 [M].
        labelled: of these the ones with a label.
    """

    x: npt.NDArray[np.uint8]
    y: Labels | None
    rows: npt.NDArray[np.int64]
    labelled: npt.NDArray[np.int64]


class ShardStream:
    """Shards to train on, numbered from 0.

    Args:
        shape: how their pictures are stored.
        classes: names of the classes; empty: labels are not read.
        holds_out: whether pictures are held out of them by their content.
        quotas: how many pictures are dealt from each before its next turn.
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        *,
        shape: Shape,
        classes: tuple[str, ...],
        holds_out: bool,
        quotas: Sequence[int],
        cache: Cache,
    ) -> None:
        self.shards = shards
        self.quotas = quotas
        self.shape = shape
        self.classes = classes
        self._holds_out = holds_out
        self._cache = cache
        self._reader: Reader | None = None

    @property
    def length(self) -> int:
        """Pictures of an epoch, by an estimate."""
        return sum(self.quotas)

    def reader(self, workers: int) -> "Reader":
        """What reads them; begun when it is first asked for, and the same until `close`."""
        if self._reader is None:
            self._reader = Reader(self, self._cache, workers)
        return self._reader

    def close(self) -> None:
        """End the reader's processes and remove its files."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def decoded(self, rows: ShardRows, x: npt.NDArray[np.uint8], shard: Shard) -> Decoded:
        """What of a shard may be trained on.

        Raises:
            DataError: nothing can, or a class is unknown.
        """
        usable = np.flatnonzero(rows.facts["ok"])
        if self._holds_out:
            usable = usable[~lies_low(rows.facts["hash"][usable])]
        if not len(usable):
            why = rows.skipped[0].reason if rows.skipped else "it is empty"
            raise DataError(
                f"{shard.place}: none of its pictures can be trained on ({why}). Leave it out of the pattern."
            )
        if not self.classes:
            return Decoded(x=x, y=None, rows=usable, labelled=usable[:0])
        codes: dict[str | None, int] = {None: -1}
        for word in dict.fromkeys(rows.labels):
            if word is not None:
                codes[word] = code_of(word, self.classes, shard.name)
        y = np.fromiter((codes[label] for label in rows.labels), np.int64, len(rows.labels))
        return Decoded(x=x, y=y, rows=usable, labelled=usable[y[usable] >= 0])


class Reader:
    """Keeps the shards that are wanted decoded, in the order in which they will be needed.

    Attributes:
        waited: seconds that whoever asked had to wait so far.
        skipped: pictures that could not be used so far.
    """

    def __init__(self, stream: ShardStream, cache: Cache, workers: int) -> None:
        self.waited = 0.0
        self.skipped = 0
        self._stream = stream
        self._cache = cache
        self._stack = ExitStack()
        self._work = self._stack.enter_context(cache.workspace())
        self._fetching = self._stack.enter_context(Fetching(self._work, CONNECTIONS))
        self._pool = self._stack.enter_context(Pool(workers))
        self._wanted: dict[str, Sequence[int]] = {}
        self._there: dict[int, Decoded] = {}
        self._failure: BaseException | None = None
        self._closed = False
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def want(self, owner: str, numbers: Sequence[int]) -> None:
        """Have these shards ready for `owner`, the first ones first; others that nobody wants go."""
        with self._change:
            self._wanted[owner] = numbers
            wanted = {number for numbers in self._wanted.values() for number in numbers}
            for number in [number for number in self._there if number not in wanted]:
                del self._there[number]
                # A file that is mapped can't be removed on Windows: it goes with the folder.
                with suppress(OSError):
                    self._file(number).unlink()
            self._change.notify_all()

    def get(self, number: int) -> Decoded:
        """A shard that is wanted.

        Raises:
            DataError: it can't be had, or holds nothing to train on.
            MachineError: the disk refused, or processes die again and again.
        """
        if (there := self._there.get(number)) is not None:
            return there
        started = time.perf_counter()
        with self._change:
            self._change.wait_for(lambda: number in self._there or self._failure is not None or self._closed)
            self.waited += time.perf_counter() - started
            if number in self._there:
                return self._there[number]
            assert self._failure is not None, "nobody asks a reader that was closed"
            raise self._failure

    def close(self) -> None:
        """End."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        self._there.clear()
        self._stack.close()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        try:
            while (number := self._next()) is not None:
                decoded = self._decode(number)
                with self._change:
                    self._there[number] = decoded
                    self._change.notify_all()
        except BaseException as error:  # carried to whoever waits for a shard
            with self._change:
                self._failure = error
                self._change.notify_all()

    def _next(self) -> int | None:
        """The shard that is needed first and not there; None at the end."""
        with self._change:
            while not self._closed:
                missing = [number for number in self._in_order() if number not in self._there]
                for number in missing[:CONNECTIONS]:
                    self._fetching.begin(self._stream.shards[number])
                if missing:
                    return missing[0]
                self._change.wait()
        return None

    def _in_order(self) -> Sequence[int]:
        """What all owners want, in turns."""
        turns = chain.from_iterable(zip_longest(*self._wanted.values()))
        return [number for number in dict.fromkeys(turns) if number is not None]

    def _decode(self, number: int) -> Decoded:
        shard, shape = self._stream.shards[number], self._stream.shape
        fetched = self._fetching.take(shard)
        listing = read_listing(shard, fetched.tar)
        self._cache.room_for(len(listing.places) * shape.bytes_each + _MARGIN)
        rows = decode_shard(listing, shape, self._file(number), self._pool)
        fetched.forget()
        self.skipped += len(rows.skipped)
        return self._stream.decoded(rows, mapped(self._file(number), len(rows.facts), shape), shard)

    def _file(self, number: int) -> Path:
        return self._work / f"{number}.u8"
