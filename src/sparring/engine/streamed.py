"""Batches from shards that come and go: like `deal.Pictures`, a pure function of (seed, stream, counter).

A batch is dealt from eight lanes, or as many as divide it, each of which reads one shard after another. So examples of
eight shards are mixed in each batch, and several processes share a stream by sharing its lanes: each of them reads its
own shards alone, and all batches together are those of a single process.

The shards of an epoch are shuffled and go to the lanes in turn. Within a shard its pictures are shuffled. How many are
dealt before the next shard is told beforehand (`ShardStream.quotas`, by the shards' sizes), so that nothing needs to be
read to know where in which shard an update is. Where a shard holds fewer, it begins anew in another order; where it
holds more, the others have their turn in a later epoch.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from sparring.data.mapped import Pages
from sparring.data.pool import usable_cores
from sparring.data.stream import Decoded, Reader, ShardStream
from sparring.engine.deal import WHOLE, Share, generator, to_device, to_unit
from sparring.errors import UsageError
from sparring.losses.base import Batch
from sparring.nn import ranks

LANES = 8
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Turn:
    """A shard's turn in a lane: its number in the stream, and which turn of all lanes it is."""

    number: int
    shard: int


@dataclass
class Lane:
    """The turns of one lane, laid end to end.

    Args:
        turns: all that were looked at so far.
        ends: the positions at which they end.
    """

    turns: list[Turn] = field(default_factory=list)
    ends: list[int] = field(default_factory=lambda: [0])


class ShardOrder:
    """Which shard each position of each lane is of.

    Args:
        quotas: examples dealt from each shard in one turn.
        lanes: how many.
    """

    def __init__(self, quotas: Sequence[int], *, lanes: int, seed: int) -> None:
        self._quotas = quotas
        self._seed = seed
        self._lanes = [Lane() for _ in range(lanes)]
        self._epochs: dict[int, Indices] = {}

    @property
    def lanes(self) -> int:
        """How many there are."""
        return len(self._lanes)

    def place(self, lane: int, position: int) -> tuple[Turn, int, int]:
        """The turn in which a position lies, its place in that turn, and how many of the turn are left from there."""
        found = self._lanes[lane]
        while found.ends[-1] <= position:
            self._extend(lane)
        index = bisect_right(found.ends, position) - 1
        return found.turns[index], position - found.ends[index], found.ends[index + 1] - position

    def after(self, lane: int, turn: Turn) -> Turn:
        """The next turn of a lane."""
        index = turn.number // len(self._lanes) + 1
        while len(self._lanes[lane].turns) <= index:
            self._extend(lane)
        return self._lanes[lane].turns[index]

    def _extend(self, lane: int) -> None:
        found = self._lanes[lane]
        number = len(found.turns) * len(self._lanes) + lane
        epoch, place = divmod(number, len(self._quotas))
        shard = int(self._shuffled(epoch)[place])
        found.turns.append(Turn(number, shard))
        found.ends.append(found.ends[-1] + self._quotas[shard])

    def _shuffled(self, epoch: int) -> Indices:
        if epoch not in self._epochs:
            draw = generator(self._seed, "shards", epoch)
            shuffled: Indices = torch.randperm(len(self._quotas), generator=draw).numpy()
            self._epochs = {e: order for e, order in self._epochs.items() if e >= epoch - 2} | {epoch: shuffled}
        return self._epochs[epoch]


class Streamed:
    """Pictures `x` in [-1, 1] [B, C, H, W], channels last, and labels `y` [B] of a stream.

    Args:
        batch: examples of one update, of all ranks together.
        stream: name of the order within shards; the order of shards is the same for all names, so that players who
            move together read the same ones.
        labelled: deal those with a label alone.
        pace: updates of whoever moves most often in a round, and this player's own: who moves less often skips, so that
            all are at the same shards.
        share: what of each batch is dealt here.
    """

    def __init__(
        self,
        shards: ShardStream,
        *,
        batch: int,
        seed: int,
        stream: str,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        labelled: bool = False,
        pace: tuple[int, int] = (1, 1),
        share: Share = WHOLE,
    ) -> None:
        self._shards = shards
        self._key = (seed, stream)
        self._stream = stream
        self._device = device
        self._dtype = dtype
        self._labelled = labelled
        self._pace = pace
        self._batch = batch
        lanes = max(n for n in range(1, LANES + 1) if batch // share.parts % n == 0)
        self._order = ShardOrder(shards.quotas, lanes=lanes, seed=seed)
        self._lane_B, self._place_B = self._cut(lanes, share)
        self._step = batch // lanes
        self._now: tuple[Turn, ...] = ()
        self._shuffles: dict[tuple[int, int], Indices] = {}
        self._pages = Pages()

    def __call__(self, counter: int) -> Batch:
        """Pictures and labels."""
        most, own = self._pace
        first = counter * most // own * self._step
        pieces = [piece for lane in self._own_lanes() for piece in self._pieces(lane, first)]
        self._want([turn for _, turn, _ in pieces])
        shape = self._shards.shape
        x = np.empty((len(self._lane_B), shape.size, shape.size, shape.channels), np.uint8)
        y = np.empty(len(self._lane_B), np.int64)
        for rows, turn, offsets in pieces:
            shard = self._reader().get(turn.shard)
            chosen = self._chosen(shard, turn, offsets)
            x[rows] = shard.x[chosen]
            self._pages.note(shard.x, len(rows) * x[0].nbytes)
            if shard.y is not None:
                y[rows] = shard.y[chosen]
        batch = {"x": to_unit(to_device(torch.from_numpy(x), self._device), self._dtype)}
        if self._shards.classes:
            batch["y"] = to_device(torch.from_numpy(y), self._device)
        return batch

    def _cut(self, lanes: int, share: Share) -> tuple[Indices, Indices]:
        """The lane of each example that is dealt here, and its place among those of one batch in that lane.

        Each of a batch's parts holds the same number of examples of each lane, lane after lane: what a rank is dealt of
        each part is then of a few lanes, and all ranks together of all.
        """
        each = self._batch // share.parts // lanes
        rows = share.cut(np.arange(self._batch, dtype=np.int64))
        part, within = np.divmod(rows, each * lanes)
        lane, place = np.divmod(within, each)
        return lane, part * each + place

    def _own_lanes(self) -> list[int]:
        return [int(lane) for lane in np.unique(self._lane_B)]

    def _pieces(self, lane: int, first: int) -> list[tuple[Indices, Turn, Indices]]:
        """Rows of the batch, the turn that they are of, and their places in it; as many as turns are touched."""
        rows = np.flatnonzero(self._lane_B == lane)
        positions = first + self._place_B[rows]
        rows, positions = rows[np.argsort(positions)], np.sort(positions)
        pieces = []
        while len(rows):
            turn, at, left = self._order.place(lane, int(positions[0]))
            count = int(np.searchsorted(positions, positions[0] + left))
            pieces.append((rows[:count], turn, at + positions[:count] - positions[0]))
            rows, positions = rows[count:], positions[count:]
        return pieces

    def _want(self, turns: Sequence[Turn]) -> None:
        """Have the reader keep these shards, and those that follow in each lane."""
        now = tuple(turns)
        if now == self._now:
            return
        self._now = now
        following = [self._order.after(lane, self._last(lane, turns)) for lane in self._own_lanes()]
        kept = {turn.number for turn in (*now, *following)}
        self._shuffles = {key: order for key, order in self._shuffles.items() if key[0] in kept}
        self._reader().want(self._stream, [turn.shard for turn in (*now, *following)])

    def _last(self, lane: int, turns: Sequence[Turn]) -> Turn:
        lanes = self._order.lanes
        return max((turn for turn in turns if turn.number % lanes == lane), key=lambda turn: turn.number)

    def _chosen(self, shard: Decoded, turn: Turn, offsets: Indices) -> Indices:
        """Rows of the shard at these places of its turn."""
        rows = shard.labelled if self._labelled else shard.rows
        if not len(rows):
            raise UsageError(
                f"{self._shards.shards[turn.shard].place}: no picture in it has a label, and this recipe learns "
                "from labels. Leave it out of the pattern."
            )
        rounds, places = np.divmod(offsets, len(rows))
        chosen = [rows[self._shuffle(turn, int(n), len(rows))[places[rounds == n]]] for n in np.unique(rounds)]
        return np.concatenate(chosen)

    def _shuffle(self, turn: Turn, number: int, length: int) -> Indices:
        key = (turn.number, number)
        if key not in self._shuffles:
            draw = generator(*self._key, "turn", turn.number, number)
            self._shuffles[key] = torch.randperm(length, generator=draw).numpy()
        return self._shuffles[key]

    def _reader(self) -> Reader:
        """Its processes share the machine with those that train."""
        return self._shards.reader(max(1, usable_cores() // (2 * ranks.processes())))
