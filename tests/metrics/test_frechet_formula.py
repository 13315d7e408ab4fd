"""The Frechet distance against SciPy's matrix root and closed forms."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.linalg import sqrtm

from sparring.metrics.frechet import frechet_distance

Floats = npt.NDArray[np.float64]


def by_scipy(a: Floats, b: Floats) -> float:
    """|mu_a - mu_b|^2 + Tr(S_a + S_b - 2 (S_a S_b)^(1/2)), as Heusel et al. write it."""
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    root = np.real(sqrtm(cov_a @ cov_b))
    gap = a.mean(0) - b.mean(0)
    return float(gap @ gap + np.trace(cov_a) + np.trace(cov_b) - 2 * np.trace(root))


def features(seed: int, count: int = 200, size: int = 12) -> Floats:
    draw = np.random.default_rng(seed)
    return draw.normal(size=(count, size)) @ draw.normal(size=(size, size)) + draw.normal(size=size)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_formula(seed: int) -> None:
    a, b = features(seed), features(seed + 100, count=150)
    assert frechet_distance(a, b) == pytest.approx(by_scipy(a, b), rel=1e-8)


def test_it_is_the_formula_where_covariances_lose_rank() -> None:
    """Fewer examples than axes: SciPy's root is off by its own rounding there, ours is not."""
    a, b = features(0, count=6), features(1, count=8)
    assert frechet_distance(a, b) == pytest.approx(by_scipy(a, b), rel=1e-4)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_it_is_the_closed_form_in_one_dimension() -> None:
    """(mu_a - mu_b)^2 + (s_a - s_b)^2 (Dowson and Landau 1982)."""
    a, b = features(0, size=1), features(1, size=1)
    expected = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    assert frechet_distance(a, b) == pytest.approx(expected)


def test_it_is_a_distance_of_sets() -> None:
    a, b = features(0), features(1)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-8)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))
    assert frechet_distance(a, a[::-1]) == pytest.approx(0, abs=1e-8)
    assert frechet_distance(a, a + 3.0) == pytest.approx(9 * a.shape[1])
    assert frechet_distance(2 * a, 2 * b) == pytest.approx(4 * frechet_distance(a, b))


def test_one_example_has_no_spread() -> None:
    """A set of one is a point: only its mean and the other's spread count."""
    a, b = features(0, count=1), features(1)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(np.cov(b.T))
    assert frechet_distance(a, b) == pytest.approx(expected)
