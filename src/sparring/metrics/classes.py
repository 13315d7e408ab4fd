"""What a classifier says of samples: which classes they fall into, how surely, and whether as asked for."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sparring.errors import DataError
from sparring.metrics.base import Floats, Labels
from sparring.metrics.intervals import Measure, proportion
from sparring.metrics.spread import Spread, spread


class Agreement(NamedTuple):
    """Samples that are of the class asked for, each share with Wilson's interval of 95 % confidence and its N."""

    overall: Measure
    classes: Mapping[int, Measure]


def classifier_score(probabilities: Floats, *, splits: int = 10, seed: int | None = 0) -> Spread:
    """exp E KL(p(y|x) || p(y)): 1 where all answers are alike, K where answers are sure and classes equally frequent.

    Args:
        probabilities: float64 [N, K], rows summing to 1.
        splits: the samples are cut into so many parts (N where that is less), each with its own p(y).
        seed: samples are shuffled first, as they may come sorted by class; None leaves the order.

    Source: the Inception score of Salimans et al., arXiv:1606.03498, eq. 1, in Inception's space only.
    """
    from scipy.special import rel_entr

    count = len(probabilities)
    if seed is not None:
        probabilities = probabilities[np.random.Generator(np.random.Philox(key=seed)).permutation(count)]
    splits = min(splits, count)
    cuts = [i * count // splits for i in range(splits + 1)]
    parts = [probabilities[start:end] for start, end in pairwise(cuts)]
    return spread([float(np.exp(rel_entr(part, part.mean(0)).sum(1).mean())) for part in parts])


def mode_count(labels: Labels, modes: int) -> int:
    """How many of the modes 0 to modes - 1 have a sample, labels int64 [N].

    Source: the number of modes covered of Metz et al., arXiv:1611.02163, and Lin et al., arXiv:1712.04086.
    """
    return int((_counts(labels, modes) > 0).sum())


def class_kl(labels: Labels, shares: Sequence[float] | Floats) -> float:
    """KL(samples' shares || wanted shares) in nats: 0 as wanted, log K where one of K equal classes is left.

    Args:
        labels: of the samples, int64 [N], N of 1 or more.
        shares: wanted, [K], summing to 1. Equal ones make PacGAN's divergence of the mode histogram from the uniform
            one (Lin et al., arXiv:1712.04086, section 4.2). Samples in a class of share 0, not wanted at all, make it
            infinite.
    """
    from scipy.special import rel_entr

    observed, wanted = _observed(labels, shares)
    return float(rel_entr(observed, wanted).sum())


def least_share(labels: Labels, shares: Sequence[float] | Floats) -> float:
    """The least of observed / wanted share over the wanted classes: 1 as wanted, 0 where one is missing.

    Args:
        labels: of the samples, int64 [N], N of 1 or more.
        shares: wanted, [K], summing to 1; those of 0 do not count.
    """
    observed, wanted = _observed(labels, shares)
    return float((observed[wanted > 0] / wanted[wanted > 0]).min())


def agreement(found: Labels, asked: Labels) -> Agreement:
    """Share of samples that the classifier takes for the class asked for, of all and of each class asked for.

    Args:
        found, asked: int64 [N].
    """
    right = found == asked
    note = "share that the classifier takes for the class asked for"
    classes = {
        int(c): proportion(f"class_agreement_{c}", int(right[asked == c].sum()), int((asked == c).sum()), note)
        for c in np.unique(asked)
    }
    return Agreement(proportion("class_agreement", int(right.sum()), len(right), note), classes)


def _observed(labels: Labels, shares: Sequence[float] | Floats) -> tuple[Floats, Floats]:
    counts = _counts(labels, len(shares))
    return counts / counts.sum(), np.asarray(shares, np.float64)


def _counts(labels: Labels, classes: int) -> Labels:
    if not len(labels) or labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"{len(labels)} labels of samples: expected 1 or more, all of them from 0 to {classes - 1}.")
    return np.bincount(labels, minlength=classes)
