"""What a classifier's answers are worth: rows of measures, each with its N and a 95 % interval.

Shares (accuracy, precision and recall of a class, top-k) have Wilson's interval; the others have one by bootstrap:
whole examples are drawn anew with replacement under a seed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sparring.errors import DataError
from sparring.metrics.base import Floats, Labels
from sparring.metrics.calibration import calibration_rows
from sparring.metrics.intervals import Counts, Measure, bootstrap, draws, measure, percentiles, proportion
from sparring.metrics.ranking import one_against_rest

TOP = (3, 5)


@dataclass(frozen=True, kw_only=True)
class Classification:
    """All that labels and answers tell.

    Args:
        matrix: int64 [K, K]; rows are labels, columns answers.
        rows: over all classes; with two of them, first precision, recall and F1 of the second, the positive one.
        class_rows: precision, recall and F1 of each class, called `precision: <class>`.
        notes: what was left out, and why.
    """

    count: int
    classes: tuple[str, ...]
    seed: int
    matrix: Labels
    rows: tuple[Measure, ...]
    class_rows: tuple[Measure, ...]
    notes: tuple[str, ...] = ()


def classification(
    labels: Labels, answers: Floats | Labels, *, classes: Sequence[str], seed: int = 0
) -> Classification:
    """Judge a classifier.

    Args:
        labels: int64 [N], 0 to K - 1.
        answers: probabilities, float64 [N, K] with rows that sum to 1, or the predicted classes, int64 [N]. Of equally
            probable classes the first is the predicted one.
        classes: the K names, two or more.
        seed: of the bootstrap.

    Raises:
        DataError: other shapes, no example, or labels that are no class.
    """
    probabilities = np.asarray(answers, np.float64) if answers.ndim == 2 else None
    predicted: Labels = answers.argmax(1) if answers.ndim == 2 else answers.astype(np.int64)
    _check(labels, predicted, probabilities, len(classes))
    matrix = confusion_matrix(labels, predicted, len(classes))
    overall, each = _matrix_rows(matrix, tuple(classes), _drawn(labels, predicted, len(classes), seed))
    rows: tuple[Measure, ...] = ()
    notes: tuple[str, ...] = ()
    if probabilities is not None:
        rows, notes = _probability_rows(labels, probabilities, tuple(classes), seed)
    return Classification(
        count=len(labels),
        classes=tuple(classes),
        seed=seed,
        matrix=matrix,
        rows=(*overall, *rows),
        class_rows=each,
        notes=notes,
    )


def confusion_matrix(labels: Labels, predicted: Labels, classes: int) -> Labels:
    """How often each label (row) got each answer (column): int64 [K, K] from int64 [N] twice."""
    from sklearn import metrics

    found: Labels = metrics.confusion_matrix(labels, predicted, labels=np.arange(classes)).astype(np.int64)
    return found


def scores_of(matrix: Labels) -> tuple[Floats, Floats, Floats]:
    """Precision, recall and F1 = 2 P R / (P + R) of each class of a confusion matrix [K, K]; 0 / 0 counts as 0."""
    # scikit-learn wants labels and takes milliseconds; the bootstrap asks a thousand times.
    hits, said, there = matrix.diagonal(), matrix.sum(0), matrix.sum(1)
    return _ratio(hits, said), _ratio(hits, there), _ratio(2 * hits, said + there)


def _ratio(above: Labels, below: Labels) -> Floats:
    return np.divide(above, below, out=np.zeros(len(above)), where=below > 0)


def macro(matrix: Labels) -> Floats:
    """Mean precision, recall and F1 over the classes that occur among labels or answers, as scikit-learn has it."""
    occurs = (matrix.sum(0) + matrix.sum(1)) > 0
    return np.array([scores[occurs].mean() for scores in scores_of(matrix)])


def _check(labels: Labels, predicted: Labels, probabilities: Floats | None, classes: int) -> None:
    if classes < 2:
        raise DataError(f"{classes} class: a classifier has two or more.")
    if labels.ndim != 1 or len(labels) == 0 or predicted.shape != labels.shape:
        raise DataError(f"labels {labels.shape} and answers to {predicted.shape}: expected [N] each, N of 1 or more.")
    if probabilities is not None and probabilities.shape[1] != classes:
        raise DataError(f"probabilities {probabilities.shape}: expected [N, {classes}], one column a class.")
    for name, found in (("labels", labels), ("answers", predicted)):
        if found.min() < 0 or found.max() >= classes:
            raise DataError(f"{name} from {found.min()} to {found.max()}: expected 0 to {classes - 1}.")


def _drawn(labels: Labels, predicted: Labels, classes: int, seed: int) -> Floats:
    """Macro precision, recall and F1, then F1 of each class, of samples drawn with replacement: [times, 3 + K]."""
    cells, at = np.unique(labels * classes + predicted, return_inverse=True)

    def statistic(counts: Counts) -> Floats:
        matrix = np.zeros(classes * classes, np.int64)
        matrix[cells] = np.bincount(at, weights=counts, minlength=len(cells))
        square = matrix.reshape(classes, classes)
        return np.concatenate([macro(square), scores_of(square)[2]])

    times = draws(len(labels), classes)
    return bootstrap({"matrix": statistic}, len(labels), seed=seed, times=times)["matrix"]


def _matrix_rows(
    matrix: Labels, classes: tuple[str, ...], drawn: Floats
) -> tuple[tuple[Measure, ...], tuple[Measure, ...]]:
    count, right = int(matrix.sum()), int(matrix.trace())
    common = int(matrix.sum(1).argmax())
    blind = f"always answering '{classes[common]}' has {matrix.sum(1)[common] / count:.3f}"
    each = tuple(_class_rows(matrix, classes, drawn[:, 3:]))
    positive = [row for row in each[-3:] if len(classes) == 2]
    means = macro(matrix)
    overall = [
        proportion("accuracy", right, count, blind),
        *(_renamed(row, row.name.split(":")[0], f"of class '{classes[1]}'") for row in positive),
        *(
            measure(
                f"{name}_macro", means[i], percentiles(drawn[:, i]), count, "mean over classes, each counting alike"
            )
            for i, name in enumerate(("precision", "recall", "f1"))
        ),
        proportion("f1_micro", right, count, "with one label each, the same as precision, recall and accuracy"),
    ]
    return tuple(overall), each


def _renamed(row: Measure, name: str, note: str) -> Measure:
    parts = "; ".join(part for part in (note, row.note) if part)
    return Measure(name=name, value=row.value, low=row.low, high=row.high, count=row.count, note=parts)


def _class_rows(matrix: Labels, classes: tuple[str, ...], drawn: Floats) -> Iterator[Measure]:
    f1 = scores_of(matrix)[2]
    for k, name in enumerate(classes):
        hits, said, there = int(matrix[k, k]), int(matrix[:, k].sum()), int(matrix[k].sum())
        yield proportion(f"precision: {name}", hits, said, "" if said else "never answered: counts as 0")
        yield proportion(f"recall: {name}", hits, there, "" if there else "no example: counts as 0")
        yield measure(f"f1: {name}", f1[k], percentiles(drawn[:, k]) if said + there else None, there)


def _probability_rows(
    labels: Labels, probabilities: Floats, classes: tuple[str, ...], seed: int
) -> tuple[tuple[Measure, ...], tuple[str, ...]]:
    members = np.bincount(labels, minlength=len(classes))
    ranked = [k for k in range(len(classes)) if 0 < members[k] < len(labels)]
    absent = [name for name, found in zip(classes, members, strict=True) if not found]
    notes = (
        (f"roc_auc and average_precision leave out classes without examples: {', '.join(absent)}",) if absent else ()
    )
    if not ranked:
        notes = ("roc_auc and average_precision need examples of two classes",)
    # Of two classes the first has the second's curve in a mirror.
    shown = ranked[1:] if len(classes) == 2 else ranked
    curves = (
        one_against_rest([labels == k for k in shown], [probabilities[:, k] for k in shown], seed=seed) if shown else ()
    )
    tops = tuple(_top(labels, probabilities, k) for k in TOP if k < len(classes))
    return (*tops, *curves, *calibration_rows(labels, probabilities, seed=seed)), notes


def _top(labels: Labels, probabilities: Floats, k: int) -> Measure:
    from sklearn.metrics import top_k_accuracy_score

    columns = np.arange(probabilities.shape[1])
    hits = top_k_accuracy_score(labels, probabilities, k=k, labels=columns, normalize=False)
    return proportion(f"top_{k}", int(hits), len(labels), f"the label is among the {k} most probable classes")
