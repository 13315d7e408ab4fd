"""New pictures or rows through a classifier: which class each is of, and how sure that is."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sparring.data.collection import Skipped
from sparring.data.row_arrays import is_row_file, read_unlabelled
from sparring.data.spec import TableSpec
from sparring.data.tables import SUFFIXES, read_columns
from sparring.engine.deal import Stored
from sparring.errors import DataError, UsageError
from sparring.job.new_pictures import list_pictures, read_new, refuse_none
from sparring.job.run import Run, evidence
from sparring.metrics.base import Floats
from sparring.metrics.strangers import Familiar

BLOCK = 250
HELD_OUT = 500
NONE = "none of these"


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One example.

    Args:
        example: a picture's path below what was asked for, or a row's number, from 1.
        classes: the likeliest ones, likeliest first.
        probabilities: as many, P(class | example).
        log_p: of a run that goes by Bayes' rule the evidence log p(example), nats.
        tail: the share of held-out examples with as little evidence, see `metrics.strangers`.
    """

    example: str | int
    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    log_p: float | None = None
    tail: float | None = None


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
        told = [{name: value for name, value in asdict(row).items() if value is not None} for row in self.rows]
        return {
            "run": self.run,
            "predictions": [{self.each: row.pop("example"), **row} for row in told],
            "skipped": [{"file": lost.name, "reason": lost.reason} for lost in self.skipped],
        }


def predict(run: Run, source: Path, *, top: int = 1, ten_crop: bool = False, strange: float | None = None) -> Answers:
    """What the run takes each picture or row for; pictures are fitted as those that it was trained on.

    Args:
        source: a folder, with whatever folders are in it, or one picture; of a run on rows a table, see `data.tables`
            and `data.row_arrays`, with the columns that it was trained on.
        top: so many classes of each, or as many as there are.
        ten_crop: average over ten views of each picture, see `metrics.crops`.
        strange: of a run that goes by Bayes' rule: below this share of held-out examples an example is of no class.

    Raises:
        UsageError: the run names no classes, `top` is below 1, or it weighs no evidence to go by.
        DataError: nothing is there, or nothing that can be read.
    """
    if top < 1:
        raise UsageError(f"--top {top}: expected 1 or more.")
    asked = _Asked(run, top, ten_crop, strange)
    if isinstance(run.spec, TableSpec):
        return _predict_rows(asked, run.spec, source)
    channels = run.picture_spec.channels
    listing = list_pictures(source)
    skipped, rows = list(listing.skipped), []
    for start in range(0, len(listing.entries), BLOCK):
        read = list(read_new(run, listing.entries[start : start + BLOCK], channels=channels, skipped=skipped))
        if not read:
            continue
        rows += asked.told([entry.name for entry, _ in read], np.stack([picture for _, picture in read]))
    if not rows:
        raise refuse_none(source, skipped)
    return Answers(run=run.path.name, rows=rows, skipped=skipped)


def _predict_rows(asked: "_Asked", spec: TableSpec, source: Path) -> Answers:
    run = asked.run
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
    return Answers(run=run.path.name, rows=asked.told(numbers, values), each="row")


class _Asked:
    """Asks a run, by its classifier or by Bayes' rule."""

    def __init__(self, run: Run, top: int, ten_crop: bool, strange: float | None) -> None:
        self.run, self._top, self._ten_crop, self._strange = run, top, ten_crop, strange
        weighs = run.weighs_evidence
        if strange is not None and not 0 < strange < 1:
            raise UsageError(f"--strange {strange:g}: expected a share above 0 and below 1, as 0.01.")
        if strange is not None and not weighs:
            raise UsageError(f"--strange goes by log p(x), and {run.path.name} has none: train with --recipe cvae.")
        self._familiar = familiar(run) if weighs else None
        if self._familiar is not None and strange is not None and strange * (len(self._familiar) + 1) < 1:
            raise UsageError(
                f"--strange {strange:g}: only {len(self._familiar)} examples are held out to compare with. Give "
                f"{1 / (len(self._familiar) + 1):.2g} or more."
            )

    def told(self, names: Sequence[str | int], examples: Stored) -> list[Prediction]:
        """An answer to each example."""
        if self._familiar is None:
            return _ranked(self.run, names, self.run.classify(examples, ten_crop=self._ten_crop), self._top)
        if self._ten_crop:
            raise UsageError(f"--ten-crop is for classifiers; {self.run.path.name} goes by Bayes' rule.")
        joint_NK = self.run.log_joint(examples)
        likely_NK = self.run.posterior(examples, joint_NK=joint_NK)
        rows, log_p_N = _ranked(self.run, names, likely_NK, self._top), evidence(joint_NK)
        return [
            self._weighed(row, float(log_p), float(tail))
            for row, log_p, tail in zip(rows, log_p_N, self._familiar.tails(log_p_N), strict=True)
        ]

    def _weighed(self, row: Prediction, log_p: float, tail: float) -> Prediction:
        if self._strange is not None and tail <= self._strange:
            nothing = ("",) * len(row.classes)
            row = replace(row, classes=(NONE, *nothing[1:]), probabilities=(0.0,) * len(row.classes))
        return replace(row, log_p=log_p, tail=tail)


def familiar(run: Run) -> Familiar:
    """The evidence of examples that the run did not learn from, 500 at most."""
    return Familiar(evidence(run.log_joint(run.unseen_labelled(HELD_OUT)[0])))


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
