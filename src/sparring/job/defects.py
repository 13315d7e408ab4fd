"""A run's findings on pictures that are known to be good or faulty, laid out as `data.defects` says."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from sparring.data.collection import Skipped
from sparring.data.decode import fit_picture, flatten, read_picture, strict_pillow
from sparring.data.defects import GOOD, TestPicture, read_defects
from sparring.data.listing import Entry
from sparring.data.places import read_bytes
from sparring.errors import DataError
from sparring.job.finder import Detected
from sparring.job.new_pictures import read_new
from sparring.job.run import Pixels, Run
from sparring.metrics.intervals import Measure
from sparring.metrics.localisation import picture_rows, point_rows

Flags = npt.NDArray[np.bool_]
WHITE = 127
"""Values of a mask above it are faulty."""


@dataclass(frozen=True, kw_only=True)
class Tested:
    """Pictures to test with, and what was found in them.

    Args:
        pictures: uint8 [N, H, W, C] of the run's size.
        masks: bool [N, H, W]; None where a faulty picture has none.
        skipped: what could not be read.
    """

    shown: Sequence[TestPicture]
    pictures: Pixels
    found: Detected
    masks: Flags | None
    skipped: Sequence[Skipped] = ()

    @property
    def kinds(self) -> list[str]:
        """What is wrong with each, or "good"."""
        return [picture.kind for picture in self.shown]

    def rows(self) -> list[Measure]:
        """Measures of the scores and, where there are masks, of the maps."""
        rows = picture_rows(self.kinds, self.found.scores, good=GOOD)
        return rows if self.masks is None else [*rows, *point_rows(self.found.maps, self.masks)]


def tested(run: Run, root: Path, *, by: str | None = None) -> Tested:
    """What the run finds in the test pictures below a folder.

    Raises:
        UsageError: it finds no anomalies.
        DataError: no such pictures, or none that can be read.
    """
    listed = read_defects(root)
    by_name = {picture.entry.name: picture for picture in listed}
    skipped: list[Skipped] = []
    entries = [picture.entry for picture in listed]
    read = list(read_new(run, entries, channels=run.picture_spec.channels, skipped=skipped))
    if not read:
        raise DataError(f"{root}: none of its test pictures can be read: {skipped[0].name}: {skipped[0].reason}")
    shown = [by_name[entry.name] for entry, _ in read]
    pictures = np.stack([picture for _, picture in read])
    return Tested(
        shown=shown,
        pictures=pictures,
        found=run.detect(pictures, by=by),
        masks=_masks(run, shown),
        skipped=skipped,
    )


def _masks(run: Run, shown: Sequence[TestPicture]) -> Flags | None:
    """Where each picture is faulty, fitted as the pictures are; None where a faulty one has no mask."""
    if any(picture.mask is None and picture.kind != GOOD for picture in shown):
        return None
    spec = run.picture_spec
    masks = np.zeros((len(shown), spec.height, spec.width), np.bool_)
    for number, picture in enumerate(shown):
        if picture.mask is not None:
            masks[number] = _mask(run, picture.mask)
    return masks


def _mask(run: Run, entry: Entry) -> Flags:
    try:
        with strict_pillow():
            image: Image.Image = flatten(read_picture(read_bytes(entry.place)).image, 1)
    except Exception as error:  # damaged bytes make decoders raise anything
        raise DataError(f"{entry.name}: a mask that can't be read ({error}). Copy it again.") from error
    size, fit = run.picture_spec.height, run.recipe.data.fit
    fitted: Flags = fit_picture(image, size=size, fit=fit, channels=1)[..., 0] > WHITE
    return fitted
