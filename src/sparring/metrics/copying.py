"""Whether samples are copies of training pictures: held-out reals tell how near a picture comes by chance."""

from typing import NamedTuple

import numpy as np

from sparring.metrics.base import Floats, Labels
from sparring.metrics.logits import ranked_right
from sparring.metrics.neighbours import nearest
from sparring.metrics.variety import RARE, SHOWN, is_near

AXES = 64
CELLS = 3
LEAST_IN_CELL = 20


class Copies(NamedTuple):
    """Samples that are nearer to a training picture than chance explains.

    Args:
        share: of the samples.
        expected: of the held-out reals, by the same rule: 0.01, or more where the data repeat themselves.
        threshold: distance that they are nearer than.
        pairs: indices of sample and training picture, int64 [P, 2], nearest first, P up to 16.
    """

    share: float
    expected: float
    threshold: float
    pairs: Labels


class CopyingTest(NamedTuple):
    """C_T: how many standard deviations samples lie farther from training pictures than held-out reals do.

    Args:
        score: 0 as near as held-out reals, far below 0 copied, far above 0 underfitted; mean of the cells.
        cells: the score of each cell, float64 [K]; 0 where it was left out.
        weights: share of the held-out reals in each cell among the cells taken, float64 [K]; 0 where left out.
    """

    score: float
    cells: Floats
    weights: Floats


def copies(fakes: Floats, train: Floats, held: Floats, *, chance: Floats | None = None) -> Copies:
    """Share of samples nearer to a training picture than the 1st percentile of held-out reals is.

    A sample that is exactly a training picture counts always.

    Args:
        fakes, train, held: float64 [M, d], [N, d] and [H, d], H of 1 or more; about 100 for a percentile that holds.
        chance: `nearest(held, train)`, float64 [H], where it is known already.
    """
    chance = nearest(held, train)[0] if chance is None else chance
    threshold = float(np.percentile(chance, RARE))
    gaps, source = nearest(fakes, train)
    copied = is_near(gaps, threshold)
    order = np.flatnonzero(copied)[np.argsort(gaps[copied], kind="stable")][:SHOWN]
    return Copies(
        share=float(copied.mean()),
        expected=float(is_near(chance, threshold).mean()),
        threshold=threshold,
        pairs=np.column_stack([order, source[order]]),
    )


def copying_test(fakes: Floats, train: Floats, held: Floats, *, cells: int = CELLS, seed: int = 0) -> CopyingTest:
    """Mann-Whitney test of distances to the nearest training picture, z-scored in cells of k-means.

    Features of more than 64 axes are brought to 64 by the training pictures' principal components. Cells with 20
    samples or fewer, or without held-out reals, are left out; where that leaves none, everything is one cell.

    Args:
        fakes, train, held: float64 [M, d], [N, d] and [H, d], each of 1 or more.
        cells: K, N where that is less.
        seed: of the clustering.

    Source: Meehan et al., arXiv:2004.05675, sections 3.1 and 4; 3 cells and 64 axes as in dgm-eval, arXiv:2306.04675.
    """
    from sklearn.cluster import KMeans

    train, held, fakes = _reduced(train, held, fakes, seed)
    found = KMeans(min(cells, len(np.unique(train, axis=0))), n_init=10, random_state=seed).fit(train)
    in_train, in_held, in_fakes = found.labels_, found.predict(held), found.predict(fakes)
    held_counts = np.bincount(in_held, minlength=found.n_clusters)
    taken = (np.bincount(in_fakes, minlength=found.n_clusters) > LEAST_IN_CELL) & (held_counts > 0)
    if not taken.any():
        score = farther(fakes, train, held)
        return CopyingTest(score, np.array([score]), np.ones(1))
    weights = np.where(taken, held_counts, 0) / held_counts[taken].sum()
    scores = [
        farther(fakes[in_fakes == c], train[in_train == c], held[in_held == c]) if taken[c] else 0.0
        for c in range(found.n_clusters)
    ]
    return CopyingTest(float(weights @ scores), np.array(scores), weights)


def farther(fakes: Floats, train: Floats, held: Floats) -> float:
    """Mann-Whitney z: above 0 samples lie farther from the training pictures than held-out reals do, below 0 nearer.

    Source: Meehan et al., arXiv:2004.05675, section 3.1, with the continuity correction of their program.
    """
    m, n = len(fakes), len(held)
    larger = m * n * ranked_right(nearest(fakes, train)[0], nearest(held, train)[0])
    return float((larger - (m * n - 1) / 2) / np.sqrt(m * n * (m + n + 1) / 12))


def authenticity(fakes: Floats, train: Floats) -> float:
    """Share of samples farther from their nearest training picture than that one is from its own nearest; 0 all copied.

    Held-out reals have 0.5 to 0.9, by the data: compare. One training picture alone has no neighbour, and everything is
    new.

    Args:
        fakes, train: float64 [M, d] and [N, d].

    Source: Alaa et al., arXiv:2102.08921, section 4.3; AuthPct of dgm-eval, arXiv:2306.04675.
    """
    if len(train) < 2:
        return 1.0
    gaps, source = nearest(fakes, train)
    between, _ = nearest(train, train, exclude_self=True)
    return float((between[source] < gaps).mean())


def _reduced(train: Floats, held: Floats, fakes: Floats, seed: int) -> tuple[Floats, Floats, Floats]:
    from sklearn.decomposition import PCA

    if train.shape[1] <= AXES:
        return train, held, fakes
    axes = PCA(min(AXES, len(train)), random_state=seed).fit(train)
    return axes.transform(train), axes.transform(held), axes.transform(fakes)
