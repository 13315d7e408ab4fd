"""Folders as users have them: what becomes a class, a split, an unlabelled part, or is left out."""

import os
import random
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sparring.data.collection import Collection
from sparring.data.folder import list_folder
from sparring.data.layout import arrange
from sparring.errors import DataError


def touch(root: Path, *names: str) -> Path:
    """Files of these names; nothing is decoded in these tests, so a byte will do."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def read(root: Path) -> Collection:
    return arrange(list_folder(root), name=root.name, source=str(root))


def as_dict(collection: Collection) -> dict[str, tuple[str | None, str | None]]:
    return {item.name: (item.label, item.split) for item in collection.items}


def reasons(collection: Collection) -> dict[str, str]:
    return {skipped.name: skipped.reason for skipped in collection.skipped}


def test_a_flat_folder_has_no_classes(tmp_path: Path) -> None:
    found = read(touch(tmp_path, "b.png", "a.JPG", "c.webp"))
    assert as_dict(found) == {"a.JPG": (None, None), "b.png": (None, None), "c.webp": (None, None)}
    assert found.classes == () and "without labels" in found.layout


def test_first_level_folders_are_classes_however_deep_the_pictures_lie(tmp_path: Path) -> None:
    found = read(touch(tmp_path, "cat/a.png", "cat/old/b.png", "dog/x/y/c.png"))
    assert as_dict(found) == {
        "cat/a.png": ("cat", None),
        "cat/old/b.png": ("cat", None),
        "dog/x/y/c.png": ("dog", None),
    }
    assert found.classes == ("cat", "dog")


def test_one_folder_is_looked_through(tmp_path: Path) -> None:
    found = read(touch(tmp_path, "all/pictures/cat/a.png", "all/pictures/dog/b.png", "README.txt"))
    assert found.classes == ("cat", "dog")
    assert read(touch(tmp_path / "single", "only/a.png", "only/b.png")).classes == ()


def test_pictures_beside_folders_mean_no_classes_and_that_is_said(tmp_path: Path) -> None:
    found = read(touch(tmp_path, "cover.png", "cat/a.png", "dog/b.png"))
    assert found.classes == () and len(found.items) == 3
    assert any("not taken as classes" in note for note in found.notes)


@pytest.mark.parametrize("word", ["val", "valid", "validation", "Validation"])
def test_split_folders(tmp_path: Path, word: str) -> None:
    found = read(touch(tmp_path, "train/cat/a.png", "train/dog/b.png", f"{word}/cat/c.png", "test/dog/d.png"))
    assert as_dict(found) == {
        "train/cat/a.png": ("cat", "train"),
        "train/dog/b.png": ("dog", "train"),
        f"{word}/cat/c.png": ("cat", "validation"),
        "test/dog/d.png": ("dog", "test"),
    }
    assert found.layout == "class folders (2), given splits train, validation, test"


def test_flat_split_folders_and_what_lies_beside_them(tmp_path: Path) -> None:
    found = read(touch(tmp_path, "train/a.png", "test/b.png", "other/c.png", "d.png"))
    assert as_dict(found) == {"train/a.png": (None, "train"), "test/b.png": (None, "test")}
    assert set(reasons(found)) == {"other/c.png", "d.png"}


def test_a_folder_between_split_and_class_is_looked_through(tmp_path: Path) -> None:
    found = read(
        touch(tmp_path, "set/train/images/cat/a.png", "set/train/images/dog/b.png", "set/test/images/cat/c.png")
    )
    assert found.classes == ("cat", "dog")


def test_a_lone_test_folder_is_used_for_training(tmp_path: Path) -> None:
    found = read(touch(tmp_path, "test/cat/a.png", "test/dog/b.png"))
    assert {item.split for item in found.items} == {None} and found.classes == ("cat", "dog")
    assert any("'test'" in note for note in found.notes)


@pytest.mark.parametrize(("yes", "no"), [("labeled", "unlabeled"), ("Labelled", "unlabelled")])
def test_labelled_and_unlabelled(tmp_path: Path, yes: str, no: str) -> None:
    names = (f"{yes}/cat/a.png", f"{yes}/dog/b.png", f"{no}/c.png", f"{no}/deep/er/d.png", "test/cat/e.png")
    found = read(touch(tmp_path, *names))
    assert [as_dict(found)[name] for name in names] == [
        ("cat", None),
        ("dog", None),
        (None, None),
        (None, None),
        ("cat", "test"),
    ]


def test_labelled_inside_a_split_and_an_unlabelled_class_folder(tmp_path: Path) -> None:
    inside = read(touch(tmp_path / "a", "train/labeled/cat/a.png", "train/unlabeled/c.png", "test/cat/d.png"))
    assert list(as_dict(inside).values()) == [("cat", "test"), ("cat", "train"), (None, "train")]
    beside = read(touch(tmp_path / "b", "cat/a.png", "dog/b.png", "unlabeled/c.png"))
    assert beside.classes == ("cat", "dog") and as_dict(beside)["unlabeled/c.png"] == (None, None)


def test_junk_is_neither_class_nor_picture_nor_problem(tmp_path: Path) -> None:
    junk = (
        ".DS_Store",
        "Thumbs.db",
        "__MACOSX/cat/._a.png",
        ".ipynb_checkpoints/a.png",
        "cat/._a.png",
        "cat/desktop.ini",
    )
    found = read(touch(tmp_path, "cat/a.png", "dog/b.png", ".hidden/c/d.png", *junk))
    assert list(as_dict(found)) == ["cat/a.png", "dog/b.png"]
    assert found.skipped == [] and found.classes == ("cat", "dog")


def test_other_files_are_named_with_a_reason(tmp_path: Path) -> None:
    found = read(touch(tmp_path, "a.png", "b.png", "notes.txt", "scan.pdf", "phone.HEIC", "noending"))
    assert "convert it" in reasons(found)["phone.HEIC"]
    assert set(reasons(found)) == {"notes.txt", "scan.pdf", "phone.HEIC", "noending"}


def test_notes_on_odd_classes(tmp_path: Path) -> None:
    root = touch(tmp_path / "alike", "Cat/a.png", "cat/b.png", "caf\u00e9/c.png", "cafe\u0301/d.png")
    (root / "empty" / "inner").mkdir(parents=True)
    found = read(root)
    assert len(found.classes) == 4
    assert sum("look the same" in note for note in found.notes) == 2
    assert [note for note in found.notes if "holds no picture" in note] == ["the folder 'empty' holds no picture"]
    repeats = read(touch(tmp_path / "kohya", "10_cat/a.png", "5_dog/b.png"))
    assert repeats.classes == ("10_cat", "5_dog") and any("repeats nothing" in note for note in repeats.notes)


def test_numbers_as_classes_are_sorted_by_value(tmp_path: Path) -> None:
    found = read(touch(tmp_path, *(f"{number}/a.png" for number in range(12))))
    assert found.classes == tuple(str(number) for number in range(12))


@pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")
def test_links_pipes_and_loops(tmp_path: Path) -> None:
    root = touch(tmp_path / "root", "cat/a.png", "dog/b.png")
    elsewhere = touch(tmp_path / "elsewhere", "c.png")
    (root / "dog" / "linked").symlink_to(elsewhere)
    (root / "cat" / "loop").symlink_to(root)
    (root / "cat" / "gone.png").symlink_to(tmp_path / "nothing")
    os.mkfifo(root / "cat" / "pipe.png")
    found = read(root)
    assert sorted(as_dict(found)) == ["cat/a.png", "dog/b.png", "dog/linked/c.png"]
    assert "already" in reasons(found)["cat/loop"]
    assert "does not exist" in reasons(found)["cat/gone.png"]
    assert "a pipe" in reasons(found)["cat/pipe.png"]


@pytest.mark.skipif(os.name != "posix", reason="names that are no UTF-8")
def test_names_of_any_bytes(tmp_path: Path) -> None:
    for folder in (b"\xff\xfe", b"new\nline", "\U0001f600".encode()):
        path = tmp_path / os.fsdecode(folder)
        path.mkdir()
        (path / os.fsdecode(b"a b\t\xf0.png")).touch()
    found = read(tmp_path)
    assert len(found.items) == 3 and len(found.classes) == 3
    for item in found.items:
        item.name.encode("utf-8")
        assert item.name.isprintable()
        assert Path(item.place.path).exists()


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="can't be read"):
        list_folder(tmp_path / "missing")


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    root = touch(tmp_path, "a.png", "b.png")
    before = list_folder(root).fingerprint
    assert list_folder(root).fingerprint == before
    (root / "b.png").write_bytes(b"longer")
    changed = list_folder(root).fingerprint
    assert changed != before
    touch(root, "c.png")
    assert list_folder(root).fingerprint not in (before, changed)


word = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=8).filter(
    lambda text: text not in (".", "..") and not text.startswith(".") and len(text.encode()) < 60
)
special = st.sampled_from(["train", "val", "test", "labeled", "unlabeled", "cat", "dog", "10_cat"])
ending = st.sampled_from([".png", ".jpg", ".txt", "", ".heic", ".TIF"])
trees = st.lists(st.tuples(st.lists(st.one_of(special, word), max_size=4), word, ending), min_size=1, max_size=12)


def build(root: Path, files: list[tuple[list[str], str, str]]) -> set[str]:
    """Make as many of the files as can be (a name may be a folder already); return the names."""
    made = set()
    for folders, stem, suffix in files:
        path = root.joinpath(*folders, stem + suffix)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
        except OSError:
            continue
        made.add(unicodedata.normalize("NFC", str(path.relative_to(root))))
    return made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=trees, order=st.randoms(use_true_random=False))
def test_every_file_is_used_once_or_named_whatever_the_order(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[list[str], str, str]], order: random.Random
) -> None:
    first, second = tmp_path_factory.mktemp("tree") / "t", tmp_path_factory.mktemp("tree") / "t"
    first.mkdir()
    second.mkdir()
    made = build(first, files)
    found = read(first)
    junk = [name for name in made if any(part.lower() in ("thumbs.db", "desktop.ini") for part in name.split("/"))]
    assert len(found.items) + len(found.skipped) == len(made) - len(junk)
    assert len({item.place.path for item in found.items}) == len(found.items)
    assert {item.label for item in found.items} - {None} <= set(found.classes)
    assert {item.split for item in found.items} <= {None, "train", "validation", "test"}
    kept = [path for path in first.rglob("*") if path.is_file()]
    order.shuffle(kept)
    for path in kept:
        twin = second / path.relative_to(first)
        twin.parent.mkdir(parents=True, exist_ok=True)
        twin.write_bytes(b"x")
    again = read(second)
    assert as_dict(again) == as_dict(found)
    assert [item.name for item in again.items] == [item.name for item in found.items]
    assert again.classes == found.classes and again.layout == found.layout and again.skipped == found.skipped
