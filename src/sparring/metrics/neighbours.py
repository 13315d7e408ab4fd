"""Who lies near whom: nearest neighbours in blocks, and precision, recall, density and coverage from them.

A set of features is taken for the union of balls around its members, each reaching to the member's k-th neighbour.
Distances are found by products of matrices in float64, and those that decide are taken again from differences: sets
may repeat themselves, and a product's rounding must not turn a distance of 0 into one of 1e-8.
"""

from typing import NamedTuple

import numpy as np

from sparring.errors import DataError
from sparring.metrics.base import Floats, Labels

BLOCK = 1 << 22
"""Pairs held at a time: 32 MiB of float64."""
DOUBTFUL = 1 << 16
EPSILON = float(np.finfo(np.float64).eps)


class Manifold(NamedTuple):
    """How two sets of features cover each other.

    Args:
        precision: share of the samples that lie in a real's ball.
        recall: share of the reals that lie in a sample's ball.
        density: balls of reals that a sample lies in, mean, in units of k; 1 on average for real ones.
        coverage: share of the reals that have a sample in their ball; 1 - 2^-k for as many real ones.
    """

    precision: float
    recall: float
    density: float
    coverage: float


class Neighbourhood:
    """Reals with the radii of their balls, found once.

    Args:
        reals: float64 [N, d].
        k: of the k-th neighbour; N - 1 where that is less, and of one real alone, which has no ball, all is 0. The `k`
            in use is an attribute.

    Balls are open: a sample on the rim is outside, and reals that repeat themselves more than k times have balls with
    nothing in them. Kynkaanniemi et al. and torch-fidelity count the rim as inside, which is the same wherever no two
    distances are equal.

    Source: precision and recall of Kynkaanniemi et al., arXiv:1904.06991, eq. 1 and 2; density and coverage of Naeem et
    al., arXiv:2002.09797, eq. 3 and 4, and all of their `prdc`.
    """

    def __init__(self, reals: Floats, *, k: int = 5) -> None:
        self.k = min(k, len(reals) - 1)
        self._reals = reals
        self._radii = radii(reals, self.k)

    def measure(self, fakes: Floats) -> Manifold:
        """The four shares of samples float64 [M, d]; one sample alone has no ball, so its recall is 0."""
        balls = inside(self._reals, self._radii, fakes)
        found = inside(fakes, radii(fakes, min(self.k, len(fakes) - 1)), self._reals)
        near, _ = nearest(self._reals, fakes)
        return Manifold(
            precision=float((balls > 0).mean()),
            recall=float((found > 0).mean()),
            density=float(balls.mean()) / max(1, self.k),
            coverage=float((near < self._radii).mean()),
        )


def radii(features: Floats, k: int) -> Floats:
    """Distance of each of features [N, d] to its k-th neighbour, itself not counted, float64 [N]; 0 where k is 0."""
    if k < 1:
        return np.zeros(len(features))
    found = _neighbours(features, features, k, exclude_self=True)
    reach: Floats = np.stack([_gaps(features, features, column) for column in found.T]).max(0)
    return reach


def nearest(a: Floats, b: Floats, *, exclude_self: bool = False) -> tuple[Floats, Labels]:
    """The nearest of b [M, d] to each of a [N, d].

    Args:
        exclude_self: a and b are one set, and a feature is not its own neighbour.

    Returns:
        Distances float64 [N] and indices into b, int64 [N].

    Raises:
        DataError: there is nothing to be near to, or nothing to be near.
    """
    if not len(a) or len(b) <= exclude_self:
        raise DataError(
            f"the nearest of {len(b)} pictures to {len(a)}: expected {1 + exclude_self} or more to 1 or more. "
            "Give more pictures."
        )
    found = _neighbours(a, b, 1, exclude_self=exclude_self)[:, 0]
    return _gaps(a, b, found), found


def inside(centres: Floats, reach: Floats, points: Floats) -> Labels:
    """In how many open balls around centres [N, d], with radii `reach` [N], each of points [M, d] lies: int64 [M]."""
    middle = centres.mean(0)
    c, p = centres - middle, points - middle
    squares_c, squares_p = (c * c).sum(1), (p * p).sum(1)
    # Distance^2 - radius^2 of all pairs is one product: (p, |p|^2, 1) (-2 c, 1, |c|^2 - radius^2).
    left = np.column_stack([p, squares_p, np.ones(len(p))])
    right = np.column_stack([-2 * c, np.ones(len(c)), squares_c - reach**2]).T.copy()
    # More than what rounding adds to a product of that length (Higham 2002, eq. 3.5).
    largest = max(squares_c.max(), (reach**2).max())
    slack = 8 * (centres.shape[1] + 4) * EPSILON * (squares_p + largest)
    counts = np.zeros(len(points), np.int64)
    step = max(1, BLOCK // len(centres))
    for start in range(0, len(points), step):
        rows = slice(start, start + step)
        over = left[rows] @ right
        counts[rows] = (over < -slack[rows, None]).sum(1)
        at, which = np.nonzero(np.abs(over, out=over) <= slack[rows, None])
        counts[rows] += _counted_again(centres, reach, points[rows], at, which)
    return counts


def _counted_again(centres: Floats, reach: Floats, points: Floats, at: Labels, which: Labels) -> Labels:
    counts = np.zeros(len(points), np.int64)
    for start in range(0, len(at), DOUBTFUL):
        i, j = at[start : start + DOUBTFUL], which[start : start + DOUBTFUL]
        counts += np.bincount(i[_lengths(points[i] - centres[j]) < reach[j]], minlength=len(points))
    return counts


def _neighbours(a: Floats, b: Floats, k: int, *, exclude_self: bool) -> Labels:
    """The k nearest of b to each of a, nearest first: int64 [N, k]."""
    # scikit-learn does this as fast, but takes a second to import, and has threads of its own: on a busy machine they
    # wait for each other for a tenth of a second a call, which is more than judging may cost.
    middle = b.mean(0)
    left, right = a - middle, (b - middle).T.copy()
    half_squares = (right * right).sum(0) / 2
    found = np.empty((len(a), k), np.int64)
    step = max(1, BLOCK // len(b))
    for start in range(0, len(a), step):
        # |a|^2 is the same for all of b, so the nearest is where a.b - |b|^2 / 2 is largest.
        closeness = left[start : start + step] @ right
        closeness -= half_squares
        rows = np.arange(len(closeness))
        if exclude_self:
            closeness[rows, start + rows] = -np.inf
        for column in range(k):
            best = closeness.argmax(1)
            found[start + rows, column] = best
            closeness[rows, best] = -np.inf
    return found


def _gaps(a: Floats, b: Floats, found: Labels) -> Floats:
    step = max(1, BLOCK // a.shape[1])
    parts = [slice(start, start + step) for start in range(0, len(a), step)]
    return np.concatenate([_lengths(a[rows] - b[found[rows]]) for rows in parts])


def _lengths(differences: Floats) -> Floats:
    lengths: Floats = np.sqrt((differences * differences).sum(1))
    return lengths
