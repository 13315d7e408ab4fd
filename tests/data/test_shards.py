"""Which shards a source means."""

from pathlib import Path

import pytest
from made_shards import address, png, served, write_shard, write_shards, write_tar

from sparring.data import shards
from sparring.data.shards import absolute, expand, find_shards, names_shards, split_of
from sparring.errors import DataError


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("x.tar", ["x.tar"]),
        ("x-{8..11}.tar", ["x-8.tar", "x-9.tar", "x-10.tar", "x-11.tar"]),
        ("x-{08..10}.tar", ["x-08.tar", "x-09.tar", "x-10.tar"]),
        ("{train,val}-{0..1}.tar", ["train-0.tar", "train-1.tar", "val-0.tar", "val-1.tar"]),
        ("x-{3..3}", ["x-3"]),
    ],
)
def test_braces_are_written_out(pattern: str, names: list[str]) -> None:
    assert expand(pattern) == names


@pytest.mark.parametrize("pattern", ["x-{a..c}.tar", "x-{}.tar", "x-{0..1000000}.tar", "x-{0..999}{0..999}{0..9}.tar"])
def test_other_braces_are_refused(pattern: str) -> None:
    with pytest.raises(DataError, match=r"braces|no choice"):
        expand(pattern)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train-0001.tar", "train"),
        ("val_3.tar", "validation"),
        ("Validation-0.tar", "validation"),
        ("test.tar", "test"),
        ("valley-000.tar", None),
        ("x-test-000.tar", None),
    ],
)
def test_a_shard_s_name_may_begin_with_its_part(name: str, split: str | None) -> None:
    assert split_of(name) == split


def test_what_is_a_source_of_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_shards(tmp_path / "set", 2, 2, classes=("a", "b"))
    write_tar(tmp_path / "plain.tar", {"a/0.png": png(0), "b/1.png": png(1)})
    (tmp_path / "mixed").mkdir()
    write_shard(tmp_path / "mixed" / "x.tar", [1])
    (tmp_path / "mixed" / "0.png").write_bytes(png(0))
    for source in ("set", "set/x-{000..001}.tar", "set/*.tar", "set/x-000.tar", "hf:someone/some", "https://h/x.tar"):
        assert names_shards(source), source
    for source in ("digits", "plain.tar", "mixed", "nowhere.tar", "nowhere", "set/*.png"):
        assert not names_shards(source), source


def test_patterns_mean_the_same_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    assert absolute("photos") == str(tmp_path / "photos")
    assert absolute("set/x-{0..1}.tar") == str(tmp_path / "set" / "x-{0..1}.tar")
    for name in ("digits", "hf:someone/some", "http://h/x-{0..1}.tar", ""):
        assert absolute(name) == name


def test_local_shards_are_named_in_order_with_what_changes_when_they_do(tmp_path: Path) -> None:
    pattern = write_shards(tmp_path / "set", 3, 2)
    found = find_shards(pattern)
    assert [shard.name for shard in found.shards] == ["x-000.tar", "x-001.tar", "x-002.tar"]
    assert found.name == "x" and found.classes == ()
    assert [shard.size for shard in found.shards] == [Path(shard.place).stat().st_size for shard in found.shards]
    assert [s.place for s in find_shards(str(tmp_path / "set")).shards] == [s.place for s in found.shards]
    assert [s.place for s in find_shards(f"{tmp_path}/set/*.tar").shards] == [s.place for s in found.shards]
    write_shard(tmp_path / "set" / "x-001.tar", range(5))
    changed = find_shards(pattern)
    assert [a.stamp == b.stamp for a, b in zip(found.shards, changed.shards, strict=True)] == [True, False, True]


def test_class_names_lie_beside_the_shards(tmp_path: Path) -> None:
    pattern = write_shards(tmp_path / "set", 1, 2)
    (tmp_path / "set" / "classes.txt").write_text("cat\n\ndog \n", encoding="utf-8")
    assert find_shards(pattern).classes == ("cat", "dog")
    (tmp_path / "set" / "classes.txt").write_text("cat\ncat\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"classes\.txt: a name occurs twice"):
        find_shards(pattern)


def test_a_shard_that_is_missing_is_named(tmp_path: Path) -> None:
    write_shards(tmp_path / "set", 2, 2)
    with pytest.raises(DataError, match=r"x-002\.tar: this shard can't be read \(No such file"):
        find_shards(f"{tmp_path}/set/x-{{000..003}}.tar")
    with pytest.raises(DataError, match="no shard has such a name"):
        find_shards(f"{tmp_path}/set/y-*.tar")


def test_remote_shards_are_asked_for_before_anything_is_fetched(tmp_path: Path) -> None:
    write_shards(tmp_path, 3, 2)
    (tmp_path / "classes.txt").write_text("cat\ndog\n", encoding="utf-8")
    with served(tmp_path) as server:
        found = find_shards(address(server, "x-{000..002}.tar"))
        assert [shard.size for shard in found.shards] == [(tmp_path / s.name).stat().st_size for s in found.shards]
        assert found.classes == ("cat", "dog") and found.name == "x"
        assert server.asked == ["/classes.txt"]
        assert not any(shard.local for shard in found.shards)
        with pytest.raises(DataError, match=r"x-003\.tar: the server answers 404"):
            find_shards(address(server, "x-{002..003}.tar"))
    with pytest.raises(DataError, match=r"Connection refused"):
        find_shards(address(server, "x-000.tar"))


def test_an_unknown_hub_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    with pytest.raises(DataError, match=r"hf:\./nowhere/at-all: can't be had"):
        shards.find_shards("hf:./nowhere/at-all")
