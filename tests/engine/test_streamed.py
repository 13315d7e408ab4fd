"""Batches of a stream: a pure function of the counter, every picture once an epoch, cut by lanes among processes."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from sparring.data.facts import Shape
from sparring.data.shards import Shard
from sparring.data.stream import Decoded
from sparring.engine.deal import Share
from sparring.engine.streamed import LANES, ShardOrder, Streamed
from sparring.errors import UsageError

CPU = torch.device("cpu")
SIDE = 2


class Shards:
    """Stands in for a stream: picture n of shard s holds the number 64 s + n in its first two bytes."""

    def __init__(
        self, counts: Sequence[int], quotas: Sequence[int] | None = None, classes: tuple[str, ...] = ("a", "b")
    ) -> None:
        self.counts = counts
        self.quotas = quotas or counts
        self.classes = classes
        self.shape = Shape(size=SIDE, channels=1, fit="crop")
        self.shards = [Shard(name=f"{n}.tar", place=f"/{n}.tar", stamp="") for n in range(len(counts))]
        self.wanted: dict[str, Sequence[int]] = {}
        self.asked: list[int] = []

    def reader(self, workers: int) -> "Shards":
        return self

    def want(self, owner: str, numbers: Sequence[int]) -> None:
        self.wanted[owner] = list(numbers)

    def get(self, number: int) -> Decoded:
        assert any(number in numbers for numbers in self.wanted.values()), "what is read was wanted before"
        self.asked.append(number)
        count = self.counts[number]
        x = np.zeros((count, SIDE, SIDE, 1), np.uint8)
        codes = 64 * number + np.arange(count)
        x[:, 0, 0, 0], x[:, 0, 1, 0] = codes // 256, codes % 256
        y = np.arange(count, dtype=np.int64) % 3 - 1
        rows = np.arange(count)
        return Decoded(x=x, y=y, rows=rows, labelled=rows[y >= 0])


def dealt(source: Streamed, counter: int) -> list[int]:
    batch = source(counter)
    values = batch["x"].add(1).mul(127.5).round().to(torch.int64)
    codes = values[:, 0, 0, 0] * 256 + values[:, 0, 0, 1]
    if "y" in batch:
        assert batch["y"].tolist() == [(code % 64) % 3 - 1 for code in codes.tolist()]
    return codes.tolist()


def source(shards: Shards, *, batch: int = 16, seed: int = 0, stream: str = "d/reals", **more: object) -> Streamed:
    return Streamed(shards, batch=batch, seed=seed, stream=stream, device=CPU, **more)


def test_every_picture_once_an_epoch_where_shards_hold_what_was_told() -> None:
    shards = Shards([24] * 16)
    whole = source(shards)
    for epoch in range(3):
        seen = Counter(code for counter in range(24 * epoch, 24 * epoch + 24) for code in dealt(whole, counter))
        assert seen == Counter(64 * shard + n for shard in range(16) for n in range(24))


@pytest.mark.parametrize("counters", [(7, 7), (40, 3, 40), (100,)])
def test_a_batch_depends_on_nothing_that_came_before(counters: tuple[int, ...]) -> None:
    steady = source(Shards([20, 31, 17, 25, 40]))
    expected = {}
    for counter in range(max(counters) + 1):
        expected[counter] = dealt(steady, counter)
    jumping = source(Shards([20, 31, 17, 25, 40]))
    for counter in counters:
        assert dealt(jumping, counter) == expected[counter]


def test_seeds_and_streams_are_different_orders_of_the_same_shards() -> None:
    first = dealt(source(Shards([24] * 16)), 5)
    other_stream = dealt(source(Shards([24] * 16), stream="g/reals"), 5)
    assert first != other_stream
    assert {code // 64 for code in first} == {code // 64 for code in other_stream}
    assert {code // 64 for code in dealt(source(Shards([24] * 16), seed=1), 5)} != {code // 64 for code in first}


@pytest.mark.parametrize(("batch", "parts", "ranks"), [(16, 1, 2), (16, 1, 4), (16, 2, 2), (32, 2, 8), (24, 1, 3)])
def test_processes_deal_together_what_one_deals_and_share_the_shards(batch: int, parts: int, ranks: int) -> None:
    counts = [24, 30, 18, 24] * 4
    alone = source(Shards(counts), batch=batch, share=Share(parts=parts))
    sharing = [Shards(counts) for _ in range(ranks)]
    own = [source(s, batch=batch, share=Share(rank, ranks, parts)) for rank, s in enumerate(sharing)]
    for counter in range(40):
        expected = np.array(dealt(alone, counter)).reshape(parts, ranks, -1)
        for rank, each in enumerate(own):
            assert dealt(each, counter) == expected[:, rank].ravel().tolist()
    first = [source(s, batch=batch, share=Share(rank, ranks, parts)) for rank, s in enumerate(sharing)]
    for shards in sharing:
        shards.asked.clear()
    for each in first:
        each(0)
    lanes = max(n for n in range(1, LANES + 1) if batch // parts % n == 0)
    most = (
        lanes // ranks if lanes % ranks == 0 else lanes // ranks + 2
    )  # where ranks don't divide lanes, some share one
    assert all(len(set(shards.asked)) <= most for shards in sharing)
    assert len({number for shards in sharing for number in shards.asked}) == lanes


def test_a_short_shard_begins_anew_and_a_long_one_leaves_some() -> None:
    shards = Shards([5, 40], quotas=[20, 20])
    whole = source(shards, batch=1)
    seen = Counter(code for counter in range(40) for code in dealt(whole, counter))
    short = {code: count for code, count in seen.items() if code < 64}
    long = {code: count for code, count in seen.items() if code >= 64}
    assert short == dict.fromkeys(range(5), 4)
    assert len(long) == 20 and set(long.values()) == {1}
    orders = [tuple(c for c in (dealt(whole, counter)[0] for counter in range(40)) if c < 64)][0]
    assert len({orders[n : n + 5] for n in range(0, 20, 5)}) > 1, "in another order"


def test_what_follows_is_wanted_before_it_is_needed() -> None:
    shards = Shards([24] * 32)
    whole = source(shards)
    for counter in range(60):
        before = list(shards.wanted.get("d/reals", []))
        shards.asked.clear()
        whole(counter)
        if counter:
            assert set(shards.asked) <= set(before), "it was asked for a turn earlier"
        assert len(shards.wanted["d/reals"]) <= 3 * LANES


def test_who_moves_less_often_stays_at_the_same_shards() -> None:
    shards = Shards([25] * 32)
    often, seldom = source(shards, pace=(5, 5)), source(shards, stream="g/reals", pace=(5, 1))
    for counter in range(30):
        shards_often = {code // 64 for code in dealt(often, 5 * counter)}
        assert {code // 64 for code in dealt(seldom, counter)} == shards_often


def test_only_labelled_ones() -> None:
    whole = source(Shards([24] * 16), labelled=True)
    for counter in range(10):
        assert all((code % 64) % 3 - 1 >= 0 for code in dealt(whole, counter))
    with pytest.raises(UsageError, match=r"/\d\.tar: no picture in it has a label"):
        dealt(source(Shards([1] * 8), labelled=True), 0)


def test_without_classes_there_are_no_labels() -> None:
    assert set(source(Shards([24] * 16, classes=()))(0)) == {"x"}


def test_turns_go_round_the_lanes() -> None:
    order = ShardOrder([3, 5, 7, 9], lanes=2, seed=0)
    turns = [order.place(lane, 0)[0] for lane in range(2)] + [
        order.after(lane, order.place(lane, 0)[0]) for lane in (0, 1)
    ]
    assert [turn.number for turn in turns] == [0, 1, 2, 3]
    assert sorted(turn.shard for turn in turns) == [0, 1, 2, 3]
    quota = [3, 5, 7, 9][turns[0].shard]
    assert order.place(0, quota - 1) == (turns[0], quota - 1, 1)
    assert order.place(0, quota)[0] == turns[2]
