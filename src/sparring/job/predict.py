"""New pictures through a classifier: which class each is of, and how sure that is."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sparring.data.collection import Skipped
from sparring.errors import UsageError
from sparring.job.new_pictures import list_pictures, read_new, refuse_none
from sparring.job.run import Run

BLOCK = 250


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One picture.

    Args:
        file: its path below what was asked for.
        classes: the likeliest ones, likeliest first.
        probabilities: as many, P(class | picture).
    """

    file: str
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a classifier says of a folder.

    Args:
        rows: one a picture, in the order of their names.
        skipped: files that are no pictures or can't be read, with the reasons.
    """

    run: str
    rows: Sequence[Prediction]
    skipped: Sequence[Skipped]

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings."""
        return {
            "run": self.run,
            "predictions": [asdict(row) for row in self.rows],
            "skipped": [{"file": lost.name, "reason": lost.reason} for lost in self.skipped],
        }


def predict(run: Run, source: Path, *, top: int = 1, ten_crop: bool = False) -> Answers:
    """What the run takes each picture for; they are fitted as those that it was trained on.

    Args:
        source: a folder, with whatever folders are in it, or one picture.
        top: so many classes of each, or as many as there are.
        ten_crop: average over ten views of each picture, see `metrics.crops`.

    Raises:
        UsageError: the run names no classes, or `top` is below 1.
        DataError: nothing is there, or nothing that can be read.
    """
    if top < 1:
        raise UsageError(f"--top {top}: expected 1 or more.")
    classes, channels = run.spec.classes, run.picture_spec.channels
    listing = list_pictures(source)
    skipped, rows = list(listing.skipped), []
    for start in range(0, len(listing.entries), BLOCK):
        read = list(read_new(run, listing.entries[start : start + BLOCK], channels=channels, skipped=skipped))
        if not read:
            continue
        likely = run.classify(np.stack([picture for _, picture in read]), ten_crop=ten_crop)
        best = np.argsort(-likely, axis=1, kind="stable")[:, :top]
        rows += [
            Prediction(
                file=entry.name,
                classes=tuple(classes[k] for k in chosen),
                probabilities=tuple(float(row[k]) for k in chosen),
            )
            for (entry, _), row, chosen in zip(read, likely, best, strict=True)
        ]
    if not rows:
        raise refuse_none(source, skipped)
    return Answers(run=run.path.name, rows=rows, skipped=skipped)
