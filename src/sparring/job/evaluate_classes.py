"""How often a discriminator that names classes is right about pictures that nobody learned from."""

import numpy as np

from sparring.job.evaluate_data import Against
from sparring.job.evaluation import Row
from sparring.job.reopen import unseen
from sparring.job.run import Run
from sparring.metrics.intervals import wilson
from sparring.metrics.supervised import confusion_matrix, scores_of


def class_rows(run: Run, found: Against) -> list[Row]:
    """Accuracy and error of the averaged discriminator's class head; nothing where it has none, or without labels.

    They are of the run's own pictures that were not trained on, whatever samples are compared with.
    """
    held, part = found.held, unseen(found.known)
    known = np.empty(0, np.int64) if held.labels is None else np.flatnonzero(held.labels >= 0)
    if run.recipe.task != "generate" or not run.names_classes or not len(known):
        return []
    assert held.labels is not None
    labels = held.labels[known]
    matrix = confusion_matrix(labels, run.classify(np.asarray(held.pictures[known])).argmax(1), len(run.spec.classes))
    right, count = int(matrix.trace()), int(matrix.sum())
    low, high = wilson(right, count)
    recalls = dict(zip(run.spec.classes, scores_of(matrix)[1].tolist(), strict=True))
    note = f"of {count:,} pictures of the part {part}, by D's averaged class head"
    return [
        Row(
            measure="d_class_accuracy",
            value=right / count,
            better="higher",
            note=f"share named right {note}; 95 % interval {low:.4f} to {high:.4f}",
            classes=recalls,
        ),
        Row(
            measure="d_class_error",
            value=1 - right / count,
            better="lower",
            note=f"share named wrong {note}; 95 % interval {1 - high:.4f} to {1 - low:.4f}",
            classes={name: 1 - value for name, value in recalls.items()},
        ),
    ]
