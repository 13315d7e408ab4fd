"""Where to cut a score so that enough is found, or enough of what is flagged is right.

A threshold is a choice: choose it on one set of examples, and report what it does on another (`at_threshold`).
"""

from dataclasses import dataclass

import numpy as np

from sparring.errors import DataError, UsageError
from sparring.metrics.base import Floats, Labels


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """Examples with a score of `value` or more are taken for class 1.

    Args:
        precision, recall: on the examples that it was chosen on, 0 to 1.
        count, positives: how many these were, and how many of them of class 1.
    """

    value: float
    precision: float
    recall: float
    count: int
    positives: int


def for_recall(labels: Labels, scores: Floats, at_least: float) -> Threshold:
    """The threshold with the best precision among those that find a share of `at_least` of class 1.

    Args:
        labels: int64 [N], 0 or 1, both of them present.
        scores: float64 [N], finite, of any scale, higher for class 1.
        at_least: above 0, at most 1.

    Raises:
        UsageError: `at_least` is no such share.
        DataError: other shapes or values, or one class alone.
    """
    precision, recall, values = _curve(labels, scores, at_least, "recall")
    kept = recall >= at_least
    # The lowest threshold flags everything, so that any recall can be reached. Of equal precisions: the higher recall.
    best = int(np.lexsort((recall, np.where(kept, precision, -1.0)))[-1])
    return _threshold(labels, values, precision, recall, best)


def for_precision(labels: Labels, scores: Floats, at_least: float) -> Threshold:
    """The threshold with the best recall among those whose flagged examples are of class 1 to a share of `at_least`.

    Arguments as for `for_recall`.

    Raises:
        UsageError: `at_least` is no share, or no threshold reaches it; the message says what the best one has.
        DataError: other shapes or values, or one class alone.
    """
    precision, recall, values = _curve(labels, scores, at_least, "precision")
    kept = precision >= at_least
    if not kept.any():
        top = int(precision.argmax())
        raise UsageError(
            f"a precision of {at_least:g} can't be reached: the best on {len(labels)} examples is {precision[top]:.3f} "
            f"(scores from {values[top]:g} upwards, recall {recall[top]:.3f}). Ask for less, or for a recall."
        )
    best = int(np.lexsort((precision, np.where(kept, recall, -1.0)))[-1])
    return _threshold(labels, values, precision, recall, best)


def at_threshold(scores: Floats, value: float) -> Labels:
    """1 where a score is `value` or more, 0 elsewhere, int64 [N]."""
    return (scores >= value).astype(np.int64)


def _curve(labels: Labels, scores: Floats, at_least: float, what: str) -> tuple[Floats, Floats, Floats]:
    from sklearn.metrics import precision_recall_curve

    if not 0 < at_least <= 1:
        raise UsageError(f"a {what} of {at_least:g} was asked for; expected a share above 0 and at most 1, as in 0.95.")
    if labels.shape != scores.shape or labels.ndim != 1 or not np.isin(labels, (0, 1)).all():
        raise DataError(f"labels {labels.shape} and scores {scores.shape}: expected 0 or 1 and a number, [N] each.")
    if not np.isfinite(scores).all():
        raise DataError(f"{(~np.isfinite(scores)).sum()} of {len(scores)} scores are not finite. Leave them out.")
    if len(np.unique(labels)) < 2:
        raise DataError(
            f"all {len(labels)} labels are of one class: no threshold can be chosen. Give examples of both."
        )
    precision, recall, values = precision_recall_curve(labels, scores)
    # Its last point, precision 1 at recall 0, belongs to no threshold.
    return precision[:-1], recall[:-1], values


def _threshold(labels: Labels, values: Floats, precision: Floats, recall: Floats, at: int) -> Threshold:
    return Threshold(
        value=float(values[at]),
        precision=float(precision[at]),
        recall=float(recall[at]),
        count=len(labels),
        positives=int(labels.sum()),
    )
