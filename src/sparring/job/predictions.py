"""Judging a file of predictions of any classifier, ours or not (`prediction_files` says how it looks).

Where the file says which part an example is of, a threshold is chosen on validation and all measures are of test.
Otherwise the measures are of all examples, and a threshold is chosen on one half of them and reported on the other.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sparring.errors import DataError, UsageError
from sparring.job.prediction_files import Predictions, read_predictions
from sparring.metrics.base import Labels
from sparring.metrics.intervals import Measure, measure
from sparring.metrics.ranking import ranking
from sparring.metrics.supervised import classification
from sparring.metrics.threshold import Threshold, at_threshold, for_precision, for_recall

AT_THRESHOLD = ("accuracy", "precision", "recall", "f1")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A table: `rows` over all classes, `threshold_rows` where a threshold was asked for, `class_rows` of each class.

    Args:
        count: examples that `rows` are of.
        part: which these were: "test", or "all".
        seed: of the bootstrap and of the halves.
        matrix: confusion matrix [K, K], rows are labels; None for scores, which predict nothing without a threshold.
    """

    source: str
    count: int
    part: str
    classes: tuple[str, ...]
    seed: int
    rows: tuple[Measure, ...] = ()
    threshold_rows: tuple[Measure, ...] = ()
    class_rows: tuple[Measure, ...] = ()
    matrix: tuple[tuple[int, ...], ...] | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For `--json`: the same names; intervals are 95 %."""
        return asdict(self)


def evaluate_predictions(
    path: str | Path, *, min_recall: float | None = None, min_precision: float | None = None, seed: int = 0
) -> Judged:
    """Judge a `.npz` or `.csv` of predictions, see the top of this module.

    Args:
        min_recall, min_precision: choose the threshold, of two classes, that reaches one of them, 0 to 1.
        seed: of the bootstrap and, without parts, of the two halves.

    Raises:
        UsageError: both are given, no share, not to be reached, or asked of more than two classes.
        DataError: the file is absent, damaged, or not as described; the message names the array or column.
        MachineError: it does not fit in the memory.
    """
    found = read_predictions(Path(path))
    reported = "all" if found.parts is None else "test"
    return judge_predictions(found, reported=reported, min_recall=min_recall, min_precision=min_precision, seed=seed)


def judge_predictions(
    found: Predictions,
    *,
    reported: str,
    min_recall: float | None = None,
    min_precision: float | None = None,
    seed: int = 0,
) -> Judged:
    """Judge predictions that are at hand.

    Args:
        reported: the part that measures are of; "all" where there are none.
        min_recall, min_precision, seed: as `evaluate_predictions`.

    Raises:
        as `evaluate_predictions`.
    """
    wish = _wish(min_recall, min_precision)
    if wish is not None and len(found.classes) != 2:
        raise UsageError(
            f"{wish.option}: {found.source} has {len(found.classes)} classes, and a threshold divides two. "
            "Save `scores` of one class, with labels 1 for it and 0 for the rest."
        )
    judged = found if found.parts is None else _part(found, reported)
    threshold_rows = () if wish is None else _threshold_rows(found, wish, reported, seed)
    return _judged(judged, reported, threshold_rows, seed)


def _judged(found: Predictions, part: str, threshold_rows: tuple[Measure, ...], seed: int) -> Judged:
    plain = Judged(
        source=found.source,
        count=len(found.labels),
        part=part,
        classes=found.classes,
        seed=seed,
        threshold_rows=threshold_rows,
        notes=found.notes,
    )
    if found.answers.ndim == 1:
        note = "scores are an order alone: accuracy, precision and recall need --min-recall or --min-precision"
        notes = found.notes if threshold_rows else (*found.notes, note)
        return replace(plain, rows=ranking(found.labels, found.answers, seed=seed), notes=notes)
    told = classification(found.labels, found.answers, classes=found.classes, seed=seed)
    return replace(
        plain,
        rows=told.rows,
        class_rows=told.class_rows,
        matrix=tuple(tuple(row) for row in told.matrix.tolist()),
        notes=(*found.notes, *told.notes),
    )


# -- thresholds --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Wish:
    option: str
    what: str
    at_least: float

    def choose(self, found: Predictions) -> Threshold:
        rule = for_recall if self.what == "recall" else for_precision
        try:
            return rule(found.labels, found.scores, self.at_least)
        except UsageError as error:
            raise UsageError(f"{self.option} {self.at_least:g}: {error}") from None


def _wish(min_recall: float | None, min_precision: float | None) -> _Wish | None:
    if min_recall is not None and min_precision is not None:
        raise UsageError("--min-recall and --min-precision choose a threshold each. Give one of them.")
    if min_recall is not None:
        return _Wish("--min-recall", "recall", min_recall)
    return None if min_precision is None else _Wish("--min-precision", "precision", min_precision)


def _threshold_rows(found: Predictions, wish: _Wish, reported: str, seed: int) -> tuple[Measure, ...]:
    if found.parts is not None and reported != "validation":
        chosen_on, shown_on, where = _part(found, "validation"), _part(found, reported), "the part validation"
    else:
        found = found if found.parts is None else _part(found, reported)
        first, second = _halves(found.labels, seed)
        chosen_on, shown_on, where = found.chosen(first), found.chosen(second), "the other half"
    threshold = wish.choose(chosen_on)
    said = at_threshold(shown_on.scores, threshold.value)
    told = classification(shown_on.labels, said, classes=found.classes, seed=seed)
    note = (
        f"'{found.classes[1]}' from here upwards; chosen on {where}: there recall {threshold.recall:.3f} "
        f"and precision {threshold.precision:.3f}"
    )
    return (
        measure("threshold", threshold.value, None, threshold.count, note, better=""),
        *(replace(row, name=f"{row.name}_at_threshold") for row in told.rows if row.name in AT_THRESHOLD),
        measure("flagged_at_threshold", said.mean(), None, len(said), "share of the examples", better=""),
    )


def _halves(labels: Labels, seed: int) -> tuple[Labels, Labels]:
    """Two halves with the same share of each class, drawn at random."""
    least = np.bincount(labels, minlength=2).min()
    if least < 2:
        raise DataError(
            f"{least} example of a class: one half chooses the threshold and the other reports it, so that 2 of each "
            "are the least. Give more examples, or say in `parts` which are for what."
        )
    draw = np.random.Generator(np.random.Philox(key=seed))
    order = draw.permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    return np.sort(by_class[::2]), np.sort(by_class[1::2])


def _part(found: Predictions, name: str) -> Predictions:
    assert found.parts is not None
    members = found.parts == name
    if not members.any():
        raise DataError(f"{found.source}: no example of `parts` is '{name}'. Give some, or leave `parts` out.")
    return found.chosen(members)
