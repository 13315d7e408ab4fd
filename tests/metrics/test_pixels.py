"""The Frechet distance against SciPy's matrix root, and what the pixel space makes of pictures."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.linalg import sqrtm
from sklearn.datasets import load_digits

from sparring.metrics.frechet import frechet_distance
from sparring.metrics.pixels import PixelSpace

Floats = npt.NDArray[np.float64]
Pictures = npt.NDArray[np.uint8]


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


def digits() -> Pictures:
    images: Floats = load_digits().images / 16 * 255
    shuffled = np.random.default_rng(0).permutation(len(images))
    grey: Pictures = images[shuffled][..., None].astype(np.uint8)
    return grey


def test_worse_pictures_are_farther() -> None:
    known, held = digits()[:1000], digits()[1000:1700]
    draw = np.random.default_rng(1)
    blurred = ((held + np.roll(held, 1, 1).astype(int) + np.roll(held, 1, 2)) // 3).astype(np.uint8)
    made = {
        "reals": known[:700],
        "some noise": np.clip(held + draw.normal(0, 40, held.shape), 0, 255).astype(np.uint8),
        "blurred": blurred,
        "one picture": np.repeat(held[:1], 700, 0),
        "noise": draw.integers(0, 256, held.shape, np.uint8),
    }
    space = PixelSpace(known)
    found = {name: frechet_distance(space(pictures), space(held)) for name, pictures in made.items()}
    assert found["reals"] < 0.5 * min(found["some noise"], found["blurred"])
    assert max(found["some noise"], found["blurred"]) < found["one picture"]
    assert found["blurred"] < found["noise"]


def test_a_missing_class_is_seen() -> None:
    target = load_digits().target[np.random.default_rng(0).permutation(1797)]
    known, held, rest = digits()[:900], digits()[900:1350], digits()[1350:]
    space = PixelSpace(known)
    whole = frechet_distance(space(rest), space(held))
    without = frechet_distance(space(rest[~np.isin(target[1350:], (0, 1, 4))]), space(held))
    assert without > 2 * whole


@pytest.mark.parametrize(
    ("shape", "components"),
    [((50, 64, 64, 3), 49), ((200, 28, 28, 1), 64), ((200, 8, 8, 1), 64), ((2, 8, 8, 1), 1), ((90, 30, 17, 4), 64)],
)
def test_features_are_few_and_centred_with_variance_one(shape: tuple[int, ...], components: int) -> None:
    reals = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    found = PixelSpace(reals)(reals)
    assert found.shape == (shape[0], components)
    assert found.mean(0) == pytest.approx(np.zeros(components), abs=1e-9)
    assert found.var(0, ddof=1).sum() == pytest.approx(1.0)


def test_axes_are_the_principal_components() -> None:
    """Variances along the axes are the largest eigenvalues of the covariance of the box-averaged pictures."""
    reals = np.random.default_rng(0).integers(0, 256, (300, 32, 32, 1), np.uint8)
    boxes = reals.reshape(300, 16, 2, 16, 2).astype(np.float64).mean((2, 4)).reshape(300, -1)
    largest = np.linalg.eigvalsh(np.cov(boxes.T))[::-1][:64]
    found = PixelSpace(reals)(reals).var(0, ddof=1)
    np.testing.assert_allclose(found, largest / largest.sum(), rtol=1e-8)


def test_pictures_without_any_difference_are_no_trouble() -> None:
    flat = np.full((20, 8, 8, 1), 7, np.uint8)
    space = PixelSpace(flat)
    assert frechet_distance(space(flat), space(flat)) == 0
    assert np.isfinite(frechet_distance(space(digits()[:20]), space(flat)))
