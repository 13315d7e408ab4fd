"""Folders laid out as MVTec AD is."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sparring.data import open_data
from sparring.data.defects import has_defects, read_defects
from sparring.errors import DataError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Twelve normal pictures to learn from, good and faulty ones to test with, masks of one kind."""
    draw = np.random.default_rng(0)
    names = [f"train/good/{n:03d}.png" for n in range(12)]
    names += [f"test/{kind}/{n:03d}.png" for kind in ("good", "hole", "stain") for n in range(2)]
    names += [f"ground_truth/hole/{n:03d}_mask.png" for n in range(2)]
    for name in names:
        path = tmp_path / "bottle" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (16, 16, 3), np.uint8)).save(path)
    (tmp_path / "bottle" / "license.txt").write_text("free")
    return tmp_path / "bottle"


def test_each_picture_has_its_kind_and_its_mask(root: Path) -> None:
    assert has_defects(root)
    found = read_defects(root)
    assert [(picture.entry.name, picture.kind) for picture in found] == [
        (f"test/{kind}/{n:03d}.png", kind) for kind in ("good", "hole", "stain") for n in range(2)
    ]
    masks = [None if picture.mask is None else picture.mask.name for picture in found]
    assert masks == [None, None, "ground_truth/hole/000_mask.png", "ground_truth/hole/001_mask.png", None, None]


def test_training_sees_the_good_ones_alone_and_masks_are_skipped(root: Path, tmp_path: Path) -> None:
    data = open_data(str(root), cache=tmp_path / "cache")
    assert {name: len(part) for name, part in data.parts.items()} == {"train": 9, "validation": 3, "test": 6}
    assert data.spec.classes == ()
    reasons = {lost.name: lost.reason for lost in data.report.skipped}
    assert "a mask of a fault" in reasons["ground_truth/hole/000_mask.png"]
    assert len([name for name in reasons if name.startswith("ground_truth/")]) == 2


@pytest.mark.parametrize("lost", ["test/good", "test/hole", "test"])
def test_a_folder_without_either_kind_is_none(root: Path, lost: str) -> None:
    for path in sorted(root.rglob("*"), reverse=True):
        name = path.relative_to(root).as_posix()
        if name.startswith(lost) or (lost == "test/hole" and ("stain" in name or "ground_truth" in name)):
            path.rmdir() if path.is_dir() else path.unlink()
    assert not has_defects(root)
    with pytest.raises(DataError, match="no pictures to test a detector with"):
        read_defects(root)


def test_a_mask_without_its_picture_is_named(root: Path) -> None:
    (root / "test/hole/001.png").unlink()
    with pytest.raises(DataError, match=r"ground_truth/hole/001_mask\.png belongs to no picture"):
        read_defects(root)
