"""Whether samples are worth training on: the classification accuracy score, in both directions, beside its floor."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sparring.errors import DataError
from sparring.metrics.base import Labels, Pictures
from sparring.metrics.intervals import Measure, proportion

Predict = Callable[[Pictures], Labels]
"""Pictures uint8 [N, H, W, C] to classes int64 [N]."""
Fit = Callable[[Pictures, Labels], Predict]
"""Trains a classifier on pictures and their classes."""


class Labelled(NamedTuple):
    """Pictures uint8 [N, H, W, C] and their classes int64 [N], -1 unknown."""

    pictures: Pictures
    labels: Labels


class Synthetic(NamedTuple):
    """Accuracies of classifiers, each with Wilson's interval of 95 % confidence and its N.

    Args:
        on_samples: trained on samples, tested on held-out reals (CAS, GAN-train): low where samples lack variety.
        on_reals: trained on reals, tested on samples (GAN-test): low where samples are not what was asked for; far over
            the floor where they are too plain.
        floor: trained on reals, tested on held-out reals: what samples as good as reals would have.
        trained: pictures that each of the two classifiers was trained on.
    """

    on_samples: Measure
    on_reals: Measure
    floor: Measure
    trained: int


def classification_scores(fit: Fit, made: Labelled, train: Labelled, held: Labelled, *, seed: int = 0) -> Synthetic:
    """Train two classifiers, on as many samples as reals, and test both.

    Args:
        fit: trains a classifier; called twice.
        made: samples, with the classes they were made for.
        train, held: reals. Pictures of unknown class are left out.
        seed: where there are more of one kind, it is cut by chance to the number of the other.

    Raises:
        DataError: samples or reals are of fewer than two classes, or none is left to test on.

    Source: Ravuri and Vinyals, arXiv:1905.10887; both directions by Shmelkov et al., arXiv:1807.09499.
    """
    made, train, held = _known(made), _known(train), _known(held)
    count = min(len(made.labels), len(train.labels))
    draw = np.random.Generator(np.random.Philox(key=seed))
    made_part, train_part = _drawn(draw, made, count), _drawn(draw, train, count)
    for name, part in (("samples", made_part), ("training reals", train_part)):
        if len(np.unique(part.labels)) < 2:
            raise DataError(f"{len(part.labels)} {name} with known classes: expected 2 classes or more to tell apart.")
    if not len(held.labels):
        raise DataError("held-out reals with known classes: got none, expected 1 or more. Give labelled data.")
    by_samples, by_reals = fit(*made_part), fit(*train_part)
    return Synthetic(
        on_samples=_accuracy("cas", by_samples, held, "trained on samples, tested on held-out reals"),
        on_reals=_accuracy("cas_reverse", by_reals, made, "trained on reals, tested on samples"),
        floor=_accuracy("cas_floor", by_reals, held, f"trained on {count} reals, tested on held-out reals"),
        trained=count,
    )


def _accuracy(name: str, predict: Predict, test: Labelled, note: str) -> Measure:
    return proportion(name, int((predict(test.pictures) == test.labels).sum()), len(test.labels), note)


def _known(part: Labelled) -> Labelled:
    rows = np.flatnonzero(part.labels >= 0)
    return part if len(rows) == len(part.labels) else Labelled(part.pictures[rows], part.labels[rows])


def _drawn(draw: np.random.Generator, part: Labelled, count: int) -> Labelled:
    rows = np.sort(draw.permutation(len(part.labels))[:count])
    return Labelled(part.pictures[rows], part.labels[rows])
