"""Features of rows: the kernel that they stand for, and how a distance among them ranks what is missing."""

from types import SimpleNamespace

import numpy as np
import pytest

from sparring.data import Part
from sparring.data.points import SETS, Modes, Points, mixture
from sparring.metrics.fourier import FEATURES, WIDTHS, RandomFourier, fourier_for
from sparring.metrics.frechet import frechet_distance


def test_inner_products_are_the_gaussian_kernels() -> None:
    """Rahimi and Recht 2007, claim 1: the mean over widths of exp(-|x - y|^2 / (2 width^2)), to 1 / sqrt(features)."""
    draw = np.random.default_rng(0)
    reals = draw.standard_normal((4_000, 2)).astype(np.float32)
    reals /= reals.std(0)
    x, y = reals[:500], (reals[:500] + draw.normal(0, 0.3, (500, 2))).astype(np.float32)
    found = np.mean(
        [
            (RandomFourier(reals, seed=s)(x).vectors * RandomFourier(reals, seed=s)(y).vectors).sum(1)
            for s in range(200)
        ],
        axis=0,
    )
    squares = ((x - y).astype(np.float64) ** 2).sum(1)
    share = np.bincount(np.arange(FEATURES) % len(WIDTHS)) / FEATURES
    wanted = sum(s * np.exp(-squares / (2 * width**2)) for s, width in zip(share, WIDTHS, strict=True))
    assert np.abs(found - wanted).max() < 4 / np.sqrt(200 * FEATURES)


def test_the_scale_is_that_of_all_rows_however_they_are_sorted() -> None:
    """Two clusters 100 apart, one behind the other: two rows of one cluster are near by the scale of both."""
    rows = np.random.default_rng(0).normal([[0.0]] * 6_000 + [[100.0]] * 6_000).astype(np.float32)
    data = SimpleNamespace(parts={"train": Part(x=rows, y=None)})
    first, second = fourier_for(data)(np.array([[0.0], [2.0]], np.float32)).vectors  # type: ignore[arg-type]
    assert first @ second > 0.8


def without(modes: Modes, kept: slice, seed: int) -> Points:
    return mixture(Modes(centres=modes.centres[kept], sd=modes.sd), count=1_000, seed=seed)


@pytest.mark.parametrize("name", ["ring", "grid"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_distance_ranks_real_below_a_missing_mode_below_one_mode_alone(name: str, seed: int) -> None:
    modes = SETS[name].modes
    assert modes is not None
    space = RandomFourier(SETS[name].make()[:5_000])
    held = space(mixture(modes, count=1_000, seed=100)).vectors

    def distance(points: Points) -> float:
        return frechet_distance(space(points).vectors, held)

    real = distance(mixture(modes, count=1_000, seed=seed))
    dropped, alone = distance(without(modes, slice(1, None), seed)), distance(without(modes, slice(1), seed))
    soft = distance(mixture(Modes(centres=modes.centres, sd=10 * modes.sd), count=1_000, seed=seed))
    assert 2 * real < dropped < alone / 5
    assert real < soft / 5, "points around their modes are not on them"


def test_a_digest_says_what_it_was_scaled_by() -> None:
    reals = SETS["ring"].make()[:100]
    first, again, other = RandomFourier(reals), RandomFourier(reals), RandomFourier(reals[:99])
    assert first.sha256 == again.sha256 != other.sha256
    assert np.array_equal(first(reals).vectors, again(reals).vectors)
    assert RandomFourier(reals, seed=1).sha256 != first.sha256
