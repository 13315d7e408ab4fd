"""Shards that come and go: what may be trained on, what is kept, and what a reader does when something is wrong."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from made_shards import address, pixels, png, served, write_shards, write_tar

from sparring.data import open_data
from sparring.data.split import VALIDATION_SHARE, lies_low
from sparring.data.stream import ShardStream, code_of
from sparring.errors import DataError

CLASSES = ("cat", "dog", "owl")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparring.data.shard_pack.usable_cores", lambda: 1)
    monkeypatch.setattr("sparring.data.sharded.HEAD", 60)
    monkeypatch.setattr("sparring.data.download._PAUSE", 0.001)


@pytest.fixture
def stream(tmp_path: Path, cache: Path) -> Iterator[ShardStream]:
    opened = open_data(write_shards(tmp_path / "set", 8, 30, classes=CLASSES), stream=True, cache=cache)
    found = opened.parts["train"].stream
    assert found is not None
    yield found
    found.close()


def test_a_first_piece_is_packed_and_the_rest_is_not_read(tmp_path: Path, cache: Path) -> None:
    write_shards(tmp_path / "set", 8, 30, classes=CLASSES)
    with served(tmp_path / "set") as server:
        data = open_data(address(server, "x-{000..007}.tar"), stream=True, cache=cache)
        assert len({path for path in server.asked if path.endswith(".tar")}) == 2
    train, held = data.parts["train"], data.parts["validation"]
    assert len(train) + len(held) == 60
    assert train.examples == pytest.approx(8 / 2 * len(train), rel=0.02)
    assert data.classes == CLASSES
    assert "a stream of 8 shards, about" in data.report.layout


def test_what_may_be_trained_on_is_what_is_never_held_out(stream: ShardStream) -> None:
    reader = stream.reader(1)
    reader.want("me", range(8))
    train = {}
    for number in range(8):
        shard = reader.get(number)
        assert [row.tobytes() for row in shard.x] == [pixels(seed) for seed in range(30 * number, 30 * number + 30)]
        assert shard.y.tolist() == [seed % 3 for seed in range(30 * number, 30 * number + 30)]
        train |= {shard.x[row].tobytes(): int(shard.y[row]) for row in shard.rows}
        assert shard.labelled.tolist() == shard.rows.tolist()
    packed = open_data(str(Path(stream.shards[0].place).parent), cache=stream._cache.root)
    expected = {x.tobytes(): int(y) for x, y in zip(packed.parts["train"].x, packed.parts["train"].y, strict=True)}
    assert train == expected


def test_the_share_that_lies_low() -> None:
    hashes = np.random.default_rng(0).integers(0, 256, (100_000, 16), np.uint8)
    share = lies_low(hashes).mean()
    assert share == pytest.approx(VALIDATION_SHARE, abs=4 * (0.09 / 100_000) ** 0.5)


def test_only_what_is_wanted_is_kept(stream: ShardStream) -> None:
    reader = stream.reader(1)
    folder = reader._work
    reader.want("one", [0, 1])
    reader.want("other", [1, 2])
    for number in (0, 1, 2):
        reader.get(number)
    assert sorted(path.name for path in folder.glob("*.u8")) == ["0.u8", "1.u8", "2.u8"]
    reader.want("one", [3])
    reader.get(3)
    assert sorted(path.name for path in folder.glob("*.u8")) == ["1.u8", "2.u8", "3.u8"]
    assert not [path for path in folder.iterdir() if path.is_dir()], "what was fetched goes"
    stream.close()
    assert not folder.exists()


def test_who_asks_waits_and_that_is_counted(stream: ShardStream) -> None:
    reader = stream.reader(1)
    reader.want("me", [5, 6])
    reader.get(5)
    assert reader.waited > 0
    deadline = time.monotonic() + 30
    while 6 not in reader._there and time.monotonic() < deadline:
        time.sleep(0.01)
    waited = reader.waited
    reader.get(6)
    assert reader.waited == waited, "what is there is not waited for"


def test_what_goes_wrong_in_the_background_reaches_whoever_asks(tmp_path: Path, cache: Path) -> None:
    write_shards(tmp_path / "set", 4, 40)
    with served(tmp_path / "set") as server:
        data = open_data(address(server, "x-{000..003}.tar"), stream=True, cache=cache)
        stream = data.parts["train"].stream
        server.broken |= {f"/x-{number:03d}.tar": 99 for number in range(4)}
        reader = stream.reader(1)
        reader.want("me", [1])
        with pytest.raises(DataError, match=r"x-001\.tar: the connection ended"):
            reader.get(1)
        stream.close()


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"a.png": b"<html>"}, r"x-003\.tar: none of its pictures can be trained on \(not a picture: it is HTML"),
        ({"a.txt": b"words"}, r"x-003\.tar: none of its pictures can be trained on \(it is empty"),
        ({f"{n}.png": png(n) for n in range(9)} | {"3.cls": b"yak"}, "labelled 'yak', and the classes are cat"),
    ],
)
def test_a_shard_that_nothing_can_be_learnt_from_is_named(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, members: dict[str, bytes], said: str
) -> None:
    pattern = write_shards(tmp_path / "set", 3, 30, classes=CLASSES)
    monkeypatch.setattr("sparring.data.sharded._shuffled", list)
    write_tar(tmp_path / "set" / "x-003.tar", members)
    data = open_data(pattern.replace("002", "003"), stream=True, cache=cache)
    stream = data.parts["train"].stream
    reader = stream.reader(1)
    reader.want("me", [3])
    with pytest.raises(DataError, match=said):
        reader.get(3)
    stream.close()


def test_labels_are_names_or_numbers_of_names() -> None:
    assert code_of("dog", CLASSES, "x") == 1
    assert code_of("2", CLASSES, "x") == 2
    assert code_of("2", ("0", "2"), "x") == 1
    for word, classes in (("3", CLASSES), ("1", ("0", "2")), ("yak", CLASSES)):
        with pytest.raises(DataError, match=r"classes\.txt"):
            code_of(word, classes, "x")


def test_given_validation_shards_are_never_trained_on_and_hold_out_the_rest(tmp_path: Path, cache: Path) -> None:
    write_shards(tmp_path / "set", 3, 30)
    (tmp_path / "set" / "x-001.tar").rename(tmp_path / "set" / "val-001.tar")
    data = open_data(str(tmp_path / "set"), stream=True, cache=cache)
    stream = data.parts["train"].stream
    assert [shard.name for shard in stream.shards] == ["x-000.tar", "x-002.tar"]
    assert {row.tobytes() for row in data.parts["validation"].x} == {pixels(seed) for seed in range(30, 60)}
    reader = stream.reader(1)
    reader.want("me", [0])
    assert len(reader.get(0).rows) == 30
    stream.close()
