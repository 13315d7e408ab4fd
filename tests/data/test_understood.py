"""An archive that was opened before is opened without its names, and is the same; any change is seen."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from made_shards import png, write_tar

from sparring.data import Data, open_data
from sparring.data import archive as archive_module

CLASSES = ("cat", "dog", "owl")


def members() -> dict[str, bytes]:
    found = {f"train/{CLASSES[n % 3]}/{n:03d}.png": png(n) for n in range(30)}
    found |= {f"test/{CLASSES[n % 3]}/{n:03d}.png": png(n) for n in range(30, 36)}
    return found | {"train/cat/broken.png": b"<html>", "train/dog/notes.txt": b"words"}


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def same(one: Data, other: Data) -> bool:
    parts = all(
        np.array_equal(one.parts[name].x, other.parts[name].x)
        and np.array_equal(one.parts[name].y, other.parts[name].y)
        for name in ("train", "validation", "test")
    )
    labels = all(np.array_equal(one.labels[name], other.labels[name]) for name in one.labels)
    return parts and labels and one.report == other.report and one.spec == other.spec and one.classes == other.classes


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_it_is_the_same_without_looking_into_it(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    write = write_tar if kind == "tar" else write_zip
    path = write(tmp_path / f"set.{kind}", members())
    first = open_data(str(path), cache=cache)
    assert [skipped.name for skipped in first.report.skipped] == ["train/dog/notes.txt", "train/cat/broken.png"]

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it was listed")

    with monkeypatch.context() as patch:
        patch.setattr(archive_module, "list_tar", refuse)
        patch.setattr(archive_module, "from_json", refuse)
        patch.setattr(archive_module, "list_zip", refuse)
        assert same(open_data(str(path), cache=cache), first)
        few = open_data(str(path), cache=cache, labels=6, conditional=True)
        assert len(few.parts["train"].labelled) == 6
        assert open_data(str(path), cache=cache, conditional=False).parts["train"].y is None
        with pytest.raises(AssertionError, match="it was listed"):
            open_data(str(path), cache=cache, size=16)


def test_another_content_is_seen(tmp_path: Path, cache: Path) -> None:
    path = write_tar(tmp_path / "set.tar", members())
    first = open_data(str(path), cache=cache)
    write_tar(path, members() | {"train/yak/99.png": png(99), "train/yak/98.png": png(98)})
    os.utime(path, (1, 1))
    second = open_data(str(path), cache=cache)
    assert "yak" in second.classes and "yak" not in first.classes


@pytest.mark.parametrize("damage", [b"", b"PK broken", None])
def test_what_was_kept_may_be_damaged_or_its_pack_gone(tmp_path: Path, cache: Path, damage: bytes | None) -> None:
    path = write_tar(tmp_path / "set.tar", members())
    first = open_data(str(path), cache=cache)
    (kept,) = (cache / "listings").glob("understood-*")
    if damage is None:
        for pack in (cache / "packs").iterdir():
            (pack / "train.u8").unlink()
    else:
        kept.write_bytes(damage)
    assert same(open_data(str(path), cache=cache), first)
