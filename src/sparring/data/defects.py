"""A folder of normal and faulty test pictures, with masks of where the faults are, laid out as MVTec AD is.

    <root>/train/good/*.png
    <root>/test/good/*.png   <root>/test/<defect>/*.png
    <root>/ground_truth/<defect>/<name>_mask.png

Source: Bergmann et al., "MVTec AD", CVPR 2019. A mask is 0 where a picture is normal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sparring.data.folder import list_folder
from sparring.data.listing import Entry
from sparring.errors import DataError

GOOD = "good"
TEST, MASKS = "test", "ground_truth"


@dataclass(frozen=True, kw_only=True)
class TestPicture:
    """One picture to test a detector with.

    Args:
        kind: the folder that it lies in: "good", or the name of a defect.
        mask: of where the defect is; None for good pictures, and for defects without one.
    """

    entry: Entry
    kind: str
    mask: Entry | None = None


def has_defects(root: Path) -> bool:
    """Whether a folder has a part to test with, of good pictures and others, by the names of its folders alone."""
    test = root / TEST
    if not (test / GOOD).is_dir():
        return False
    return any(place.is_dir() and place.name != GOOD and not place.name.startswith(".") for place in test.iterdir())


def read_defects(root: Path) -> Sequence[TestPicture]:
    """The pictures to test with, in the order of their names.

    Raises:
        DataError: there are no good ones or no faulty ones, or a mask without its picture.
    """
    listing = list_folder(root)
    masks = {_key(entry.name): entry for entry in listing.entries if entry.name.startswith(f"{MASKS}/")}
    found = []
    for entry in listing.entries:
        part, _, rest = entry.name.partition("/")
        kind, slash, _ = rest.partition("/")
        if part == TEST and slash:
            found.append(TestPicture(entry=entry, kind=kind, mask=masks.pop(_key(entry.name), None)))
    kinds = {picture.kind for picture in found}
    if GOOD not in kinds or len(kinds) < 2:
        raise DataError(
            f"{root}: no pictures to test a detector with. Expected {TEST}/{GOOD}/ and {TEST}/<defect>/, and perhaps "
            f"{MASKS}/<defect>/<name>_mask.png."
        )
    if masks:
        raise DataError(
            f"{root}: {next(iter(masks.values())).name} belongs to no picture. Expected {TEST}/<defect>/ with the same "
            "name, without '_mask'."
        )
    return found


def _key(name: str) -> tuple[str, str]:
    """Folder below the first one, and name without its ending and `_mask`: what a picture and its mask share."""
    _, _, rest = name.partition("/")
    folder, _, file = rest.rpartition("/")
    stem = file.rpartition(".")[0]
    return folder, stem.removesuffix("_mask")
