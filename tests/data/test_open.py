"""Any source in, parts, a spec and a report out; and every kind of bad input with its own words."""

import json
from pathlib import Path

import numpy as np
import pytest
from made_pictures import Maker, noise, tree_state
from PIL import Image

from sparring.data import describe, inspect_data, open_data
from sparring.errors import DataError, MachineError, SparringError, UsageError

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def fill(root: Path, make: Maker, count: int = 8, **options: object) -> Path:
    for index in range(count):
        make(root / f"{index}.png", index, **options)
    return root


def test_digits_are_packed_as_they_are(cache: Path) -> None:
    data = open_data("digits", cache=cache)
    assert (data.spec.channels, data.spec.height, data.spec.width, len(data.spec.classes)) == (1, 8, 8, 10)
    assert set(data.parts) == {"train", "validation"} and sum(map(len, data.parts.values())) == 1797
    assert data.name == "digits" and data.report.size_why == "the arrays' own"


def test_arrays_with_given_parts(tmp_path: Path, cache: Path) -> None:
    pictures, labels = noise(0, 40, 28, 28), np.arange(40) % 4
    np.savez(tmp_path / "set.npz", train_images=pictures[:30], train_labels=labels[:30], test_images=pictures[30:],
             test_labels=labels[30:])  # fmt: skip
    data = open_data(str(tmp_path / "set.npz"), cache=cache)
    assert np.array_equal(data.parts["test"].x[..., 0], pictures[30:])
    assert np.array_equal(data.parts["test"].y, labels[30:])
    both = {row.tobytes() for name in ("train", "validation") for row in data.parts[name].x}
    assert both == {picture.tobytes() for picture in pictures[:30]}
    small = open_data(str(tmp_path / "set.npz"), cache=cache, size=16, channels=3)
    assert small.parts["test"].x.shape == (10, 16, 16, 3)


def test_an_array_and_a_folder_of_the_same_pictures_split_alike(tmp_path: Path, make: Maker, cache: Path) -> None:
    folder = fill(tmp_path / "set", make, 30)
    pictures = np.stack([np.asarray(Image.open(folder / f"{index}.png")) for index in range(30)])
    np.save(tmp_path / "set.npy", pictures)
    reports = [open_data(str(source), cache=cache).report for source in (folder, tmp_path / "set.npy")]
    assert {name: part.hash for name, part in reports[0].parts.items()} == {
        name: part.hash for name, part in reports[1].parts.items()
    }


def test_old_pictures_keep_their_part_when_files_are_added(tmp_path: Path, make: Maker, cache: Path) -> None:
    root = fill(tmp_path / "set", make, 40)
    before = open_data(str(root), cache=cache)
    for index in range(40, 80):
        make(root / f"a{index}.png", index)
    after = open_data(str(root), cache=cache, size=16)
    for name, part in before.parts.items():
        old, new = ({row.tobytes() for row in data.parts[name].x} for data in (before, after))
        assert old <= new, f"{len(part)} pictures of {name} have all stayed there"


@pytest.mark.parametrize(
    ("sizes", "expected", "why"),
    [
        ([(100, 80)], 64, "64 can be trained"),
        ([(20, 28)], 20, "own"),
        ([(40, 40), (50, 50), (60, 60)], 48, "not above the median"),
        ([(9, 12), (10, 10)], 8, "not above the median"),
    ],
)
def test_the_size_follows_the_pictures(
    tmp_path: Path, make: Maker, cache: Path, sizes: list[tuple[int, int]], expected: int, why: str
) -> None:
    for index in range(6):
        make(tmp_path / "set" / f"{index}.png", index, size=sizes[index % len(sizes)])
    report = open_data(str(tmp_path / "set"), cache=cache).report
    assert report.size == expected and why in report.size_why


def test_channels_follow_the_pictures(tmp_path: Path, make: Maker, cache: Path) -> None:
    grey = fill(tmp_path / "grey", make, mode="L")
    Image.fromarray(np.repeat(noise(99, 16, 16, 1), 3, axis=2)).save(grey / "grey-as-colour.png")
    assert open_data(str(grey), cache=cache).spec.channels == 1
    make(grey / "colour.png", 100)
    assert open_data(str(grey), cache=cache).spec.channels == 3
    clear = open_data(str(fill(tmp_path / "clear", make, mode="RGBA")), cache=cache)
    assert clear.spec.channels == 3 and any("transparent" in note for note in clear.report.notes)
    assert open_data(str(tmp_path / "clear"), cache=cache, channels=4).spec.channels == 4


def test_labels_are_limited_in_train_alone(class_folders: Path, cache: Path) -> None:
    full = open_data(str(class_folders), cache=cache)
    few = open_data(str(class_folders), cache=cache, labels=7, seed=3)
    kept = few.parts["train"].y
    assert (kept >= 0).sum() == 7 and np.bincount(kept[kept >= 0], minlength=3).min() == 2
    assert np.array_equal(kept[kept >= 0], full.parts["train"].y[kept >= 0])
    assert np.array_equal(few.parts["validation"].y, full.parts["validation"].y)
    assert few.report.parts["train"].unlabelled == len(kept) - 7
    again = open_data(str(class_folders), cache=cache, labels=7, seed=3)
    assert np.array_equal(again.parts["train"].y, kept)


def test_unconditional_drops_the_labels(class_folders: Path, cache: Path) -> None:
    data = open_data(str(class_folders), cache=cache, conditional=False)
    assert data.spec.classes == () and all(part.y is None for part in data.parts.values())


def test_duplicates_and_leaks_are_counted(tmp_path: Path, make: Maker, cache: Path) -> None:
    for index in range(12):
        make(tmp_path / "set" / "train" / f"{index}.png", index)
    make(tmp_path / "set" / "train" / "copy.bmp", 3)
    make(tmp_path / "set" / "val" / "other.png", 60)
    make(tmp_path / "set" / "test" / "leak.png", 4)
    make(tmp_path / "set" / "test" / "new.png", 50)
    report = open_data(str(tmp_path / "set"), cache=cache).report
    assert report.duplicates == 2
    assert [note for note in report.notes if "in train too" in note] == [
        "1 of 2 pictures in the test part occur in train too, as given"
    ]


def test_the_report_is_json_and_reads_as_text(class_folders: Path, cache: Path) -> None:
    (class_folders / "cat" / "broken.jpg").write_bytes(b"<html>")
    (class_folders / "notes.txt").write_text("hello")
    report = open_data(str(class_folders), cache=cache).report
    record = json.loads(json.dumps(report.to_json()))
    assert record["parts"]["train"]["pictures"] + record["parts"]["validation"]["pictures"] == 36
    assert record["shorter_side"] == {"min": 16, "median": 16, "max": 16} and record["formats"] == {"PNG": 36}
    assert [entry["name"] for entry in record["skipped"]] == ["notes.txt", "cat/broken.jpg"]
    text = "\n".join(describe(report))
    for words in ("36 pictures", "class folders (3)", "cat 12", "16 x 16", "skipped: 2", "cat/broken.jpg"):
        assert words in text


def test_inspecting_says_the_same_and_writes_nothing(class_folders: Path, cache: Path) -> None:
    (class_folders / "cat" / "broken.jpg").write_bytes(b"<html>")
    before = tree_state(class_folders)
    looked = inspect_data(str(class_folders), cache=cache)
    assert not cache.exists() and tree_state(class_folders) == before
    assert not looked.exact and "about a tenth" in "\n".join(describe(looked))
    packed = open_data(str(class_folders), cache=cache).report
    for field in ("layout", "size", "channels", "formats", "shorter_side", "skipped"):
        assert getattr(looked, field) == getattr(packed, field)
    assert looked.parts["train"].pictures == 36
    assert inspect_data(str(class_folders), cache=cache) == packed, "now it is known exactly, from the pack"


def test_a_class_with_one_picture_is_a_note(class_folders: Path, make: Maker, cache: Path) -> None:
    make(class_folders / "yak" / "only.png", 1000)
    notes = open_data(str(class_folders), cache=cache).report.notes
    assert any("'yak' has" in note for note in notes)
    assert any("'yak' has one training picture" in note for note in inspect_data(str(class_folders)).notes)


def expect(source: object, error: type[SparringError], words: str, **options: object) -> None:
    with pytest.raises(error, match=words) as caught:
        open_data(str(source), **options)
    assert caught.value.exit_code == {DataError: 5, UsageError: 2, MachineError: 6}[error]


def test_names_and_paths_that_are_nothing(tmp_path: Path) -> None:
    expect("digit", UsageError, "Did you mean 'digits'")
    expect(tmp_path / "nothing", DataError, "no such file or folder")
    expect("photos.zip", DataError, "no such file or folder")
    expect("", DataError, "the source is empty")


def test_folders_and_files_that_are_no_data(tmp_path: Path, make: Maker) -> None:
    (tmp_path / "empty").mkdir()
    expect(tmp_path / "empty", DataError, "nothing in it")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("hello")
    expect(tmp_path / "texts", DataError, r"none of its 1 files is a picture.*\n.*a.txt")
    make(tmp_path / "one" / "a.png", 0)
    expect(tmp_path / "one", DataError, "only one picture")
    expect(tmp_path / "one" / "a.png", DataError, "this is one picture")
    expect(tmp_path / "texts" / "a.txt", DataError, "not an archive")
    fill(tmp_path / "tiny", make, size=(7, 7))
    expect(tmp_path / "tiny", DataError, "8 of 8 pictures can't be used.*\n.*a side is under 8")
    make(tmp_path / "tests" / "test" / "a.png", 1)
    make(tmp_path / "tests" / "val" / "b.png", 2)
    expect(tmp_path / "tests", DataError, "no pictures to train on")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 7}, "--size 7: expected 8 to 256"),
        ({"size": 257}, "--size 257"),
        ({"channels": 2}, "--channels 2"),
        ({"fit": "stretch"}, "--fit stretch"),
        ({"labels": 0}, "--labels 0"),
        ({"labels": 2}, "fewer than the 3 classes"),
        ({"labels": 37}, "only .* labels"),
        ({"labels": 5, "conditional": False}, "--unconditional"),
    ],
)
def test_options_that_cannot_be(class_folders: Path, options: dict[str, object], words: str) -> None:
    expect(class_folders, UsageError, words, **options)


def test_labels_where_there_are_none(tmp_path: Path, make: Maker) -> None:
    expect(fill(tmp_path / "flat", make), DataError, "no labels", labels=5)


def test_progress_reaches_its_end(class_folders: Path, cache: Path) -> None:
    steps: list[tuple[str, int, int | None]] = []
    open_data(str(class_folders), cache=cache, on_progress=lambda *step: steps.append(step))
    packing = [step for step in steps if step[0] == "packing"]
    assert packing[-1] == ("packing", 36, 36)
    assert [done for _, done, _ in packing] == sorted(done for _, done, _ in packing)


@pytest.mark.skipif(not (SHARED / "clothing.tar").exists(), reason="the shared data are absent")
def test_a_real_archive(cache: Path) -> None:
    report = inspect_data(str(SHARED / "clothing.tar"), cache=cache)
    assert {name: part.pictures for name, part in report.parts.items()} == {
        "train": 3068,
        "validation": 341,
        "test": 372,
    }
    assert report.size == 64 and report.channels == 3 and not report.skipped
    assert sum(part.classes["t-shirt"] for part in report.parts.values()) == 928
