"""Kernel distance of two sets of features: the unbiased squared maximum mean discrepancy, KID in Inception's space.

Unlike the Frechet distance its mean does not depend on the number of samples, so it may be trusted for small sets; it
may come out slightly below 0 where the sets are alike.
"""

from typing import NamedTuple

import numpy as np

from sparring.errors import DataError
from sparring.metrics.base import Floats, Labels
from sparring.metrics.spread import spread


class KernelDistance(NamedTuple):
    """A kernel distance and how it was made.

    Args:
        mean, sd: over the subsets; sd tells how much one subset varies, not how sure the mean is.
        subsets: how many were drawn.
        size: features in each, from either side.
    """

    mean: float
    sd: float
    subsets: int
    size: int


def kernel_distance(a: Floats, b: Floats, *, subsets: int = 100, size: int = 1000, seed: int = 0) -> KernelDistance:
    """Mean of the squared discrepancy over random subsets of features [N, d] and [M, d].

    Args:
        size: of a subset. Where a set has fewer, half of the smaller set is taken, so that subsets still differ; the
            size taken is returned.

    Raises:
        DataError: a set has fewer than two features.

    Source: Binkowski et al., arXiv:1801.01401, section 4: kernel (x.y / d + 1)^3, 100 subsets of 1,000.
    """
    fewest = min(len(a), len(b))
    if fewest < 2:
        raise DataError(f"a kernel distance of {len(a)} and {len(b)} pictures: expected 2 or more of each.")
    size = size if size <= fewest else max(2, fewest // 2)
    draw = np.random.Generator(np.random.Philox(key=seed))
    rows_a, rows_b = _subsets(draw, len(a), subsets, size), _subsets(draw, len(b), subsets, size)
    mean, sd = spread(kernel_distances(a, b, rows_a, rows_b))
    return KernelDistance(mean, sd, subsets, size)


def kernel_distances(a: Floats, b: Floats, rows_a: Labels, rows_b: Labels) -> Floats:
    """The squared discrepancy of each pair of subsets, float64 [S].

    Args:
        rows_a, rows_b: indices into a and b, int64 [S, m] each, m of 2 or more.

    Source: Gretton et al. 2012, eq. 3.
    """
    return np.array([_discrepancy(a[i], b[j]) for i, j in zip(rows_a, rows_b, strict=True)])


def _subsets(draw: np.random.Generator, count: int, subsets: int, size: int) -> Labels:
    return np.stack([draw.choice(count, size, replace=False) for _ in range(subsets)])


def _discrepancy(x: Floats, y: Floats) -> float:
    m = len(x)
    within = _sum(x, x) - _diagonal(x) + _sum(y, y) - _diagonal(y)
    return within / (m * (m - 1)) - 2 * _sum(x, y) / m**2


def _sum(x: Floats, y: Floats) -> float:
    kernel = (x / x.shape[1]) @ y.T
    kernel += 1
    # By products, because a general power takes ten times as long.
    return float(np.vdot(kernel * kernel, kernel))


def _diagonal(x: Floats) -> float:
    return float((((x * x).sum(1) / x.shape[1] + 1) ** 3).sum())
