"""New pictures or rows through a classifier: which class each is of, and how sure that is."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sparring.data.collection import Skipped
from sparring.data.row_arrays import is_row_file, read_unlabelled
from sparring.data.spec import TableSpec
from sparring.data.tables import SUFFIXES, read_columns
from sparring.errors import DataError, UsageError
from sparring.job.new_pictures import list_pictures, read_new, refuse_none
from sparring.job.run import Run
from sparring.metrics.base import Floats

BLOCK = 250


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One example.

    Args:
        example: a picture's path below what was asked for, or a row's number, from 1.
        classes: the likeliest ones, likeliest first.
        probabilities: as many, P(class | example).
    """

    example: str | int
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a classifier says of a folder or a table.

    Args:
        rows: one an example: pictures in the order of their names, rows in their own.
        skipped: files that are no pictures or can't be read, with the reasons.
        each: what an example is.
    """

    run: str
    rows: Sequence[Prediction]
    skipped: Sequence[Skipped] = ()
    each: Literal["file", "row"] = "file"

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and strings."""
        told = [asdict(row) for row in self.rows]
        return {
            "run": self.run,
            "predictions": [{self.each: row.pop("example"), **row} for row in told],
            "skipped": [{"file": lost.name, "reason": lost.reason} for lost in self.skipped],
        }


def predict(run: Run, source: Path, *, top: int = 1, ten_crop: bool = False) -> Answers:
    """What the run takes each picture or row for; pictures are fitted as those that it was trained on.

    Args:
        source: a folder, with whatever folders are in it, or one picture; of a run on rows a table, see `data.tables`
            and `data.row_arrays`, with the columns that it was trained on.
        top: so many classes of each, or as many as there are.
        ten_crop: average over ten views of each picture, see `metrics.crops`.

    Raises:
        UsageError: the run names no classes, or `top` is below 1.
        DataError: nothing is there, or nothing that can be read.
    """
    if top < 1:
        raise UsageError(f"--top {top}: expected 1 or more.")
    if isinstance(run.spec, TableSpec):
        return _predict_rows(run, run.spec, source, top)
    channels = run.picture_spec.channels
    listing = list_pictures(source)
    skipped, rows = list(listing.skipped), []
    for start in range(0, len(listing.entries), BLOCK):
        read = list(read_new(run, listing.entries[start : start + BLOCK], channels=channels, skipped=skipped))
        if not read:
            continue
        likely = run.classify(np.stack([picture for _, picture in read]), ten_crop=ten_crop)
        rows += _ranked(run, [entry.name for entry, _ in read], likely, top)
    if not rows:
        raise refuse_none(source, skipped)
    return Answers(run=run.path.name, rows=rows, skipped=skipped)


def _predict_rows(run: Run, spec: TableSpec, source: Path, top: int) -> Answers:
    if source.suffix.lower() in SUFFIXES and source.is_file():
        values = read_columns(source, spec.columns)
    elif is_row_file(source):
        values = read_unlabelled(source, len(spec.columns))
    else:
        raise DataError(
            f"{source}: no table. {run.path.name} was trained on {spec.form}; expected a .csv or .tsv with these "
            "columns, or a .npz with an array x."
        )
    numbers = list(range(1, len(values) + 1))
    return Answers(run=run.path.name, rows=_ranked(run, numbers, run.classify(values), top), each="row")


def _ranked(run: Run, examples: Sequence[str | int], likely: Floats, top: int) -> list[Prediction]:
    """The likeliest classes of each example."""
    best = np.argsort(-likely, axis=1, kind="stable")[:, :top]
    return [
        Prediction(
            example=example,
            classes=tuple(run.spec.classes[k] for k in chosen),
            probabilities=tuple(float(row[k]) for k in chosen),
        )
        for example, row, chosen in zip(examples, likely, best, strict=True)
    ]
