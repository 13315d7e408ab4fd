"""Shards in the packed store: the same pixels and parts as from a folder, each shard read once, whatever happens."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from made_shards import address, pixels, png, served, write_shard, write_shards, write_tar

from sparring.data import describe, inspect_data, open_data, shard_rows
from sparring.errors import DataError, UsageError

CLASSES = ("cat", "dog", "owl")


@pytest.fixture(autouse=True)
def one_process_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparring.data.shard_pack.usable_cores", lambda: 1)
    monkeypatch.setattr("sparring.data.download._PAUSE", 0.001)


def rows(data: object) -> dict[str, set[tuple[bytes, int]]]:
    return {
        name: {(x.tobytes(), -1 if part.y is None else int(part.y[n])) for n, x in enumerate(part.x)}
        for name, part in data.parts.items()
    }


def test_the_same_pictures_labels_and_parts_as_a_folder(tmp_path: Path, cache: Path) -> None:
    pattern = write_shards(tmp_path / "set", 4, 20, classes=CLASSES)
    for seed in range(80):
        file = tmp_path / "folder" / CLASSES[seed % 3] / f"{seed}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(seed))
    packed, expected = open_data(pattern, cache=cache), open_data(str(tmp_path / "folder"), cache=cache)
    assert packed.spec == expected.spec
    assert rows(packed) == rows(expected)
    assert sum(map(len, packed.parts.values())) == 80
    assert {name: part.hash for name, part in packed.report.parts.items()} == {
        name: part.hash for name, part in expected.report.parts.items()
    }
    assert isinstance(packed.parts["train"].x, np.memmap)
    assert "4 shards, class labels (3)" in "\n".join(describe(packed.report))


def test_parts_by_the_names_of_shards(tmp_path: Path, cache: Path) -> None:
    write_shard(tmp_path / "train-0.tar", range(10))
    write_shard(tmp_path / "val-0.tar", range(10, 14))
    write_shard(tmp_path / "test-0.tar", range(14, 17))
    data = open_data(str(tmp_path / "{train,val,test}-0.tar"), cache=cache)
    assert {name: len(part) for name, part in data.parts.items()} == {"train": 10, "validation": 4, "test": 3}
    assert [row.tobytes() for row in data.parts["validation"].x] == [pixels(seed) for seed in range(10, 14)]
    with pytest.raises(DataError, match="Expected some to train on"):
        open_data(str(tmp_path / "{val,test}-0.tar"), cache=cache)


def test_numbers_are_classes_by_the_list_beside_them(tmp_path: Path, cache: Path) -> None:
    pattern = write_shards(tmp_path / "set", 2, 20, classes=("0", "2"))
    assert open_data(pattern, cache=cache).classes == ("0", "2")
    (tmp_path / "set" / "classes.txt").write_text("cat\ndog\nowl\n", encoding="utf-8")
    data = open_data(pattern, cache=cache)
    assert data.classes == CLASSES
    assert set(data.parts["train"].y.tolist()) == {0, 2}
    (tmp_path / "set" / "classes.txt").write_text("cat\ndog\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"labelled '2', and the classes are cat, dog"):
        open_data(pattern, cache=cache)


def test_what_is_bad_is_skipped_and_counted(tmp_path: Path, cache: Path) -> None:
    pattern = write_shards(tmp_path / "set", 4, 20, classes=CLASSES)
    cut = tmp_path / "set" / "x-001.tar"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    members = {"a.png": b"<html>", "b.png": b"", "c.png": png(999), "c.json": b"{}"}
    write_tar(tmp_path / "set" / "x-002.tar", members)
    data = open_data(pattern, cache=cache)
    skipped = {entry.name: entry.reason for entry in data.report.skipped}
    assert set(skipped) == {"x-001.tar", "x-002.tar/a.png", "x-002.tar/b.png"}
    assert "cut short" in skipped["x-001.tar"] and "HTML" in skipped["x-002.tar/a.png"]
    parts = data.report.parts
    # c.png, and the last picture before the cut, whose label lay behind it.
    assert sum(part.unlabelled for part in parts.values()) == 2
    assert 45 < sum(part.pictures for part in parts.values()) < 60
    again = open_data(pattern, cache=cache)
    assert again.report == data.report


def test_whoever_was_stopped_goes_on_with_the_shard_that_was_not_complete(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pattern = write_shards(tmp_path / "set", 6, 15, classes=CLASSES)
    expected = rows(open_data(pattern, cache=tmp_path / "other-cache"))
    decode, decoded = shard_rows.decode_shard, []

    def failing(listing: object, *rest: object) -> object:
        decoded.append(listing.names[0])
        if len(decoded) == 4:
            raise KeyboardInterrupt
        return decode(listing, *rest)

    monkeypatch.setattr("sparring.data.shard_pack.decode_shard", failing)
    with pytest.raises(KeyboardInterrupt):
        open_data(pattern, cache=cache)
    (partial,) = (cache / "partial").iterdir()
    with (partial / "train.u8").open("ab") as file:
        file.write(b"what a killed process had written and not noted")
    data = open_data(pattern, cache=cache)
    assert [name.partition("/")[0] for name in decoded[4:]] == ["x-003.tar", "x-004.tar", "x-005.tar"]
    assert rows(data) == expected
    assert not list((cache / "partial").iterdir())
    assert not list((cache / "work").iterdir())


def test_shards_come_over_the_network_once_each(tmp_path: Path, cache: Path) -> None:
    expected = rows(open_data(write_shards(tmp_path / "set", 4, 15, classes=CLASSES), cache=tmp_path / "other"))
    with served(tmp_path / "set") as server:
        server.broken["/x-002.tar"] = 2
        source = address(server, "x-{000..003}.tar")
        data = open_data(source, cache=cache)
        assert rows(data) == expected
        asked = [path for path in server.asked if path.endswith(".tar")]
        assert sorted(asked) == ["/x-000.tar", "/x-001.tar", *["/x-002.tar"] * 3, "/x-003.tar"]
        server.asked.clear()
        assert rows(open_data(source, cache=cache)) == expected
        assert server.asked == ["/classes.txt"], "the pack is found by what the server says of the shards"
    assert not list((cache / "work").iterdir())


def test_a_server_that_fails_for_good_is_a_message_and_nothing_is_lost(tmp_path: Path, cache: Path) -> None:
    write_shards(tmp_path / "set", 4, 15)
    with served(tmp_path / "set") as server:
        server.broken["/x-002.tar"] = 99
        source = address(server, "x-{000..003}.tar")
        with pytest.raises(DataError, match=r"x-002\.tar: the connection ended after .* bytes, 5 times\. Go on"):
            open_data(source, cache=cache)
        server.broken.clear()
        server.asked.clear()
        open_data(source, cache=cache)
        assert sorted(p for p in server.asked if p.endswith(".tar")) == ["/x-002.tar", "/x-003.tar"]


def test_a_compressed_shard_is_one_too_and_something_else_is_none(tmp_path: Path, cache: Path) -> None:
    import gzip

    pattern = write_shards(tmp_path / "set", 3, 20)
    expected = rows(open_data(pattern, cache=tmp_path / "other"))
    packed = tmp_path / "gz"
    packed.mkdir()
    for path in (tmp_path / "set").iterdir():
        (packed / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert rows(open_data(str(packed), cache=cache)) == expected
    (tmp_path / "set" / "x-000.tar").write_bytes(b"words" * 1000)
    with pytest.raises(DataError, match=r"x-000\.tar: not a tar archive"):
        open_data(pattern, cache=cache)


def test_few_pictures_or_none_at_all(tmp_path: Path, cache: Path) -> None:
    write_tar(tmp_path / "empty-0.tar", {"words.txt": b"nothing"})
    with pytest.raises(DataError):
        open_data(str(tmp_path / "empty-{0..0}.tar"), cache=cache)
    write_shard(tmp_path / "few-0.tar", range(2))
    with pytest.raises(DataError, match=r"so few that none is held out .* val-000\.tar"):
        open_data(str(tmp_path / "few-{0..0}.tar"), cache=cache)


def test_looking_reads_one_shard_and_writes_nothing(tmp_path: Path, cache: Path) -> None:
    write_shards(tmp_path / "set", 4, 20, classes=CLASSES)
    with served(tmp_path / "set") as server:
        source = address(server, "x-{000..003}.tar")
        report = inspect_data(source, cache=cache)
        assert [path for path in server.asked if path.endswith(".tar")] == ["/x-000.tar"]
        assert not report.exact and report.parts["train"].pictures == 80
        assert set(report.parts["train"].classes) == set(CLASSES)
        assert not cache.exists()
        data = open_data(source, cache=cache)
        assert inspect_data(source, cache=cache) == data.report


def test_options_that_do_not_go_with_shards(tmp_path: Path, cache: Path) -> None:
    pattern = write_shards(tmp_path / "set", 2, 20)
    with pytest.raises(UsageError, match="--fit halves"):
        open_data(pattern, fit="halves", cache=cache)
    with pytest.raises(UsageError, match="--stream reads shards"):
        open_data("digits", stream=True, cache=cache)
    with pytest.raises(UsageError, match="--labels 4 does not go with --stream"):
        open_data(pattern, stream=True, labels=4, cache=cache)


def test_a_damaged_pack_is_made_again(tmp_path: Path, cache: Path) -> None:
    pattern = write_shards(tmp_path / "set", 3, 20)
    expected = rows(open_data(pattern, cache=cache))
    (pack,) = (cache / "packs").iterdir()
    (pack / "shards.json").write_text(json.dumps({"words": []}), encoding="ascii")
    assert rows(open_data(pattern, cache=cache)) == expected
    shutil.rmtree(pack)
    assert rows(open_data(pattern, cache=cache)) == expected
