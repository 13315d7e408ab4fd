"""How varied samples are, beside the reals: mean distances, and samples that repeat each other."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sparring.metrics.base import Floats, Labels
from sparring.metrics.neighbours import BLOCK, nearest

Flags = npt.NDArray[np.bool_]
RARE = 1.0
"""Percentile: nearer than this among reals is near."""
SHOWN = 16


class Diversity(NamedTuple):
    """Ratios of mean distances, samples to reals: 1 as varied, 0 all alike.

    Args:
        least: the least ratio of a class; the overall one without labels.
        overall: of all samples, whatever their class.
        classes: of each class with two samples and two different reals at least.
    """

    least: float
    overall: float
    classes: Mapping[int, float]


class Duplicates(NamedTuple):
    """Samples that repeat another sample.

    Args:
        share: of the samples.
        threshold: distance that they are nearer than.
        compared: samples, and as many reals.
        pairs: indices of the samples nearest to each other, int64 [P, 2], nearest first, P up to 16.
    """

    share: float
    threshold: float
    compared: int
    pairs: Labels


def diversity(
    fakes: Floats, reals: Floats, fake_labels: Labels | None = None, real_labels: Labels | None = None
) -> Diversity:
    """Mean distance of two samples over that of two reals, float64 [M, d] and [N, d].

    Args:
        fake_labels, real_labels: int64 [M] and [N], -1 unknown; a ratio for each class where both are given.

    One sample alone has no distance and counts as 0; where reals are all the same nothing can be lost and it is 1.
    """
    overall = _ratio(fakes, reals)
    if fake_labels is None or real_labels is None:
        return Diversity(overall, overall, {})
    known = np.intersect1d(fake_labels[fake_labels >= 0], real_labels)
    of_class = {int(c): (fakes[fake_labels == c], reals[real_labels == c]) for c in known}
    # A class that is almost missing has no spread to speak of; the classes' shares tell of it.
    classes = {c: _ratio(made, real) for c, (made, real) in of_class.items() if len(made) > 1 and _differ(real)}
    return Diversity(min(classes.values(), default=overall), overall, classes)


def mean_distance(features: Floats) -> float:
    """Mean distance of two different rows of features [N, d]; 0 for one row."""
    count = len(features)
    if count < 2 or not _differ(features):
        return 0.0
    # Around their middle, because products of large numbers lose the small differences.
    centred = features - features.mean(0)
    squares = (centred * centred).sum(1)
    step, total = max(1, BLOCK // count), 0.0
    for start in range(0, count, step):
        gaps = (-2 * centred[start : start + step]) @ centred.T
        gaps += squares
        gaps += squares[start : start + step, None]
        rows = np.arange(len(gaps))
        gaps[rows, start + rows] = 0
        total += float(np.sqrt(gaps.clip(0, out=gaps), out=gaps).sum())
    return total / (count * (count - 1))


def duplicates(fakes: Floats, reals: Floats) -> Duplicates:
    """Share of samples whose nearest other sample is nearer than the 1st percentile of that among reals.

    Nearest distances shrink as sets grow, so as many of each are compared: the first of the larger set. A sample that
    is exactly another's double counts always; fewer than two samples, or two reals, have no doubles.

    Args:
        fakes, reals: float64 [M, d] and [N, d].
    """
    count = min(len(fakes), len(reals))
    if count < 2:
        return Duplicates(0.0, 0.0, count, np.zeros((0, 2), np.int64))
    fakes, reals = fakes[:count], reals[:count]
    threshold = float(np.percentile(nearest(reals, reals, exclude_self=True)[0], RARE))
    gaps, other = nearest(fakes, fakes, exclude_self=True)
    double = is_near(gaps, threshold)
    order = np.flatnonzero(double)[np.argsort(gaps[double], kind="stable")]
    pairs = np.sort(np.column_stack([order, other[order]]), axis=1)
    # A pair stands there twice, once from each side.
    _, first = np.unique(pairs, axis=0, return_index=True)
    return Duplicates(float(double.mean()), threshold, count, pairs[np.sort(first)][:SHOWN])


def is_near(gaps: Floats, threshold: float) -> Flags:
    """Which distances [N] are under the threshold, or 0: where reals repeat themselves the threshold is 0 too."""
    near: Flags = (gaps < threshold) | (gaps == 0)
    return near


def _ratio(fakes: Floats, reals: Floats) -> float:
    among_reals = mean_distance(reals)
    return mean_distance(fakes) / among_reals if among_reals else 1.0


def _differ(features: Floats) -> bool:
    return bool((features != features[0]).any())
