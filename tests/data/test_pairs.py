"""Pairs of pictures: told by names, kept together by the packed store, and explained by the report."""

from pathlib import Path

import numpy as np
import pytest
from made_pictures import Maker, noise
from PIL import Image

from sparring.data import describe, inspect_data, open_data
from sparring.data.collection import FilePlace
from sparring.data.listing import Entry
from sparring.data.pairs import Pairs, find_pairs
from sparring.errors import UsageError
from sparring.job.options import TrainOptions


def paired(*names: str) -> Pairs | None:
    return find_pairs([Entry(name, FilePlace(name), 1) for name in sorted(names)])


def told(*names: str) -> dict[str, tuple[str, str | None]]:
    """The target's name -> its source's, and the split."""
    found = paired(*names)
    assert found is not None
    return {item.name: (item.place.source.path, item.split) for item in found.items}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("source", "target", "split"),
    [
        ("A/1.jpg", "B/1.jpg", None),
        ("source/1.png", "target/1.jpg", None),
        ("facades/train/A/1.jpg", "facades/train/B/1.jpg", "train"),
        ("A/val/1.jpg", "B/val/1.jpg", "validation"),
        ("testA/1.jpg", "testB/1.jpg", "test"),
        ("Train_a/deep/1.jpg", "Train_b/deep/1.jpg", "train"),
        ("A/with.dots.jpg", "B/with.dots.png", None),
    ],
)
def test_layouts(source: str, target: str, split: str | None) -> None:
    assert told(source, target) == {target: (source, split)}


@pytest.mark.parametrize(
    "names",
    [
        ("cat/1.jpg", "dog/1.jpg"),
        ("A/1.jpg", "B/1.jpg", "C/1.jpg"),
        ("A/1.jpg", "B/2.jpg"),
        ("A/1.jpg", "A/2.jpg", "A/3.jpg", "B/3.jpg"),
        ("train/A/1.jpg", "test/B/1.jpg"),
        ("A/1.jpg", "B/1.jpg", "preview.jpg"),
        ("A/1.jpg",),
        (),
    ],
    ids=" ".join,
)
def test_other_pictures_are_no_pairs(names: tuple[str, ...]) -> None:
    assert paired(*names) is None


def test_what_stays_alone_is_named() -> None:
    found = paired("A/1.jpg", "A/2.jpg", "A/4.jpg", "B/1.jpg", "B/1.png", "B/3.jpg", "B/4.jpg")
    assert found is not None
    assert [item.name for item in found.items] == ["B/1.jpg", "B/4.jpg"]
    assert {lost.name: lost.reason for lost in found.skipped} == {
        "A/2.jpg": "no target of this name",
        "B/1.png": "another picture of this name, with another ending, is used",
        "B/3.jpg": "no source of this name",
    }


@pytest.fixture
def pairs(tmp_path: Path, make: Maker) -> Path:
    """Sources of 16x16 and targets of 24x24, 20 pairs and one source alone; each is told by its file's number."""
    root = tmp_path / "pairs"
    for number in range(20):
        make(root / "A" / f"{number:02}.png", number)
        make(root / "B" / f"{number:02}.png", 100 + number, size=(24, 24))
    make(root / "A" / "alone.png", 50)
    return root


def test_both_pictures_of_a_pair_are_stored_side_by_side(pairs: Path, cache: Path) -> None:
    for _ in range(2):  # packed, and found again
        data = open_data(str(pairs), size=16, cache=cache)
        assert (data.spec.channels, data.spec.source_channels, data.spec.classes) == (3, 3, ())
        assert sum(map(len, data.parts.values())) == 20
        known = {noise(number, 16, 16, 3).tobytes(): number for number in range(20)}
        for part in data.parts.values():
            assert part.source is not None and part.source.shape == part.x.shape == (len(part), 16, 16, 3)
            for target, source in zip(part.x, part.source, strict=True):
                number = known[source.tobytes()]
                shrunk = Image.open(pairs / "B" / f"{number:02}.png").resize((16, 16), Image.Resampling.BICUBIC)
                assert np.array_equal(target, np.asarray(shrunk))


def test_whoever_opens_them_says_whether_a_and_b_are_pairs_or_classes(pairs: Path, cache: Path) -> None:
    for _ in range(2):  # each packed, and found again beside the other
        data = open_data(str(pairs), size=16, cache=cache, pairs=False)
        assert (data.spec.source_channels, data.spec.classes) == (0, ("A", "B"))
        assert sum(map(len, data.parts.values())) == 41
        assert open_data(str(pairs), size=16, cache=cache).spec.source_channels == 3
    assert "class folders (2)" in describe(inspect_data(str(pairs), cache=cache, pairs=False))[0]


@pytest.mark.parametrize("names", [("source", "target"), ("trainA", "trainB"), ("A", "target")])
def test_other_names_of_sides_are_no_classes(names: tuple[str, str], pairs: Path, cache: Path) -> None:
    for side, name in zip("AB", names, strict=True):
        (pairs / side).rename(pairs / name)
    assert open_data(str(pairs), size=16, cache=cache, pairs=False).spec.source_channels == 3


@pytest.mark.parametrize(("recipe", "read_as_pairs"), [("pix2pix", True), ("gan", False), ("cgan", False)])
def test_a_recipe_that_translates_reads_pairs_and_others_classes(recipe: str, read_as_pairs: bool) -> None:
    assert TrainOptions(data="AB/", recipe=recipe).data_choice().pairs == read_as_pairs


def test_check_says_how_many_pairs_and_what_is_alone(pairs: Path, cache: Path) -> None:
    lines = describe(inspect_data(str(pairs), cache=cache))
    assert lines[0].startswith("20 pairs of pictures in ")
    assert "pairs: B is to be made of A" in lines[0]
    assert "  no target of this name: A/alone.png" in lines
    assert any(line.startswith("shorter sides 16 ->") for line in lines), "the smaller side of the two decides"


def test_a_damaged_source_costs_its_pair_and_is_told(pairs: Path, cache: Path) -> None:
    (pairs / "A" / "07.png").write_bytes(b"no picture")
    data = open_data(str(pairs), size=16, cache=cache)
    assert sum(map(len, data.parts.values())) == 19
    (lost,) = [skipped for skipped in data.report.skipped if skipped.name == "B/07.png"]
    assert lost.reason.startswith("its source: not a picture")


def test_pairs_of_one_target_stay_on_one_side(tmp_path: Path, make: Maker, cache: Path) -> None:
    for number in range(60):
        make(tmp_path / "A" / f"{number:02}.png", number)
        make(tmp_path / "B" / f"{number:02}.png", 100 + number % 10)
    parts = open_data(str(tmp_path), size=16, cache=cache).parts
    train, held = ({picture.tobytes() for picture in parts[name].x} for name in ("train", "validation"))
    assert len(train | held) == 10 and not train & held


def test_another_source_is_another_pair(pairs: Path, tmp_path: Path, make: Maker, cache: Path) -> None:
    before = open_data(str(pairs), size=16, cache=cache).report.parts
    make(pairs / "A" / "03.png", 999)
    after = open_data(str(pairs), size=16, cache=cache).report.parts
    assert [part.pictures for part in before.values()] == [part.pictures for part in after.values()]
    assert [part.hash for part in before.values()] != [part.hash for part in after.values()]


def test_one_coloured_side_is_enough_for_colour(tmp_path: Path, make: Maker, cache: Path) -> None:
    for number in range(4):
        make(tmp_path / "source" / f"{number}.png", number, mode="L")
        make(tmp_path / "target" / f"{number}.png", 100 + number)
    assert open_data(str(tmp_path), size=16, cache=cache).spec.source_channels == 3


def test_pictures_of_two_halves_are_pairs_where_that_is_said(pairs: Path, tmp_path: Path, cache: Path) -> None:
    """The authors' format, of the same pictures, gives the very bytes of the folders."""
    (pairs / "A" / "alone.png").unlink()
    for target in sorted((pairs / "B").glob("*.png")):
        sides = [Image.open(pairs / side / target.name).resize((16, 16)) for side in "AB"]
        both = Image.new("RGB", (32, 16))
        both.paste(sides[0], (0, 0))
        both.paste(sides[1], (16, 0))
        (tmp_path / "wide" / "train").mkdir(parents=True, exist_ok=True)
        both.save(tmp_path / "wide" / "train" / target.name)
        sides[1].save(target)
    wide = str(tmp_path / "wide")
    assert open_data(wide, size=16, cache=cache).spec.source_channels == 0
    found, folders = open_data(wide, size=16, fit="halves", cache=cache), open_data(str(pairs), size=16, cache=cache)
    assert found.spec == folders.spec
    for name, part in folders.parts.items():
        assert np.array_equal(found.parts[name].x, part.x)
        assert part.source is not None and np.array_equal(found.parts[name].source, part.source)
        assert found.report.parts[name].hash == folders.report.parts[name].hash
    assert "20 pairs of pictures" in describe(inspect_data(wide, fit="halves", cache=cache))[0]


def test_halves_of_what_has_none_are_refused(pairs: Path, tmp_path: Path, cache: Path) -> None:
    np.save(tmp_path / "array.npy", noise(0, 8, 16, 32, 3))
    for source, said in ((pairs, "already pairs"), (tmp_path / "array.npy", "an array")):
        with pytest.raises(UsageError, match=said):
            open_data(str(source), fit="halves", cache=cache)
