"""Neighbours, precision, recall, density and coverage against prdc, torch-fidelity, SciPy and counting by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_inputs import Floats, K, cases, drawn, stored
from scipy.spatial.distance import cdist

from sparring.errors import DataError
from sparring.metrics import neighbours
from sparring.metrics.neighbours import Manifold, Neighbourhood, inside, nearest, radii


@pytest.mark.parametrize("name", cases())
def test_the_four_shares_are_those_of_prdc(name: str) -> None:
    fakes, reals = cases()[name]
    found = Neighbourhood(reals, k=K).measure(fakes)
    assert found._asdict() == pytest.approx(stored("prdc")[name], rel=1e-6)


@pytest.mark.parametrize("name", cases())
def test_precision_and_recall_are_those_of_torch_fidelity(name: str) -> None:
    """It counts the rim as inside; none of these samples lies on one."""
    fakes, reals = cases()[name]
    found, expected = Neighbourhood(reals, k=K).measure(fakes), stored("torch-fidelity PRC")[name]
    assert (found.precision, found.recall) == pytest.approx((expected["precision"], expected["recall"]), rel=1e-6)


def by_hand(fakes: Floats, reals: Floats, k: int) -> Manifold:
    """The definitions, pair by pair, on whole numbers whose distances are exact."""
    between = cdist(reals, fakes, "sqeuclidean")
    reach_r = np.sort(cdist(reals, reals, "sqeuclidean"))[:, k]
    reach_f = np.sort(cdist(fakes, fakes, "sqeuclidean"))[:, min(k, len(fakes) - 1)]
    held = between < reach_r[:, None]
    return Manifold(
        held.any(0).mean(), (between < reach_f).any(1).mean(), held.sum(0).mean() / k, (between.min(1) < reach_r).mean()
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 12), st.integers(1, 12), st.integers(1, 4), st.integers(1, 3))
def test_ties_and_repetitions_are_exact(seed: int, reals: int, fakes: int, size: int, k: int) -> None:
    """Many equal distances, doubles within and between the sets, far from 0 where products of matrices round."""
    draw = np.random.default_rng(seed)
    k = min(k, reals - 1)
    a, b = draw.integers(0, 3, (fakes, size)).astype(float), draw.integers(0, 3, (reals, size)).astype(float)
    assert Neighbourhood(b + 1000, k=k).measure(a + 1000) == pytest.approx(by_hand(a, b, k))


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes = np.concatenate([drawn(0, 90, 3), drawn(1, 40, 3)[:10]])
    reals = drawn(1, 40, 3)
    whole = Neighbourhood(reals).measure(fakes)
    monkeypatch.setattr(neighbours, "BLOCK", 70)
    monkeypatch.setattr(neighbours, "DOUBTFUL", 3)
    assert Neighbourhood(reals).measure(fakes) == whole


def test_real_ones_cover_what_chance_lets_them() -> None:
    """1 - 2^-k of the reals (Naeem et al., lemma 2), and a density of 1."""
    draw = np.random.default_rng(0)
    found = Neighbourhood(draw.normal(size=(1000, 4)), k=3).measure(draw.normal(size=(1000, 4)))
    assert found.coverage == pytest.approx(1 - 2**-3, abs=0.03)
    assert found.density == pytest.approx(1, abs=0.1)


def test_reals_that_are_all_one_picture() -> None:
    """Every ball is empty, so nothing is in it; no division by zero."""
    same = np.ones((20, 5))
    assert Neighbourhood(same).measure(drawn(0, 10, 5)) == Manifold(0, 1, 0, 0)
    assert Neighbourhood(same).measure(same) == Manifold(0, 0, 0, 0)


def test_fewer_pictures_than_neighbours() -> None:
    near = Neighbourhood(drawn(0, 3, 2), k=5)
    assert near.k == 2
    assert near.measure(drawn(0, 3, 2)).precision == 1
    assert near.measure(drawn(0, 1, 2)).recall == 0
    assert Neighbourhood(drawn(0, 1, 2)).measure(drawn(0, 4, 2)) == Manifold(0, 0, 0, 0)


def test_nearest_is_scipys() -> None:
    a, b = drawn(0, 70, 6), drawn(1, 50, 6)
    gaps, index = nearest(a, b)
    assert gaps == pytest.approx(cdist(a, b).min(1), rel=1e-12)
    assert (index == cdist(a, b).argmin(1)).all()
    among = cdist(a, a) + np.diag(np.full(70, np.inf))
    gaps, index = nearest(a, a, exclude_self=True)
    assert gaps == pytest.approx(among.min(1), rel=1e-12)
    assert (index == among.argmin(1)).all()


def test_a_double_is_at_0_though_features_are_large() -> None:
    """A product of matrices would place it at about a thousandth."""
    a = drawn(0, 60, 8) + 1e6
    doubled = np.concatenate([a, a, a])
    assert (nearest(doubled, doubled, exclude_self=True)[0] == 0).all()
    assert (radii(doubled, 2) == 0).all()
    assert (radii(doubled, 3) > 0).all()


def test_balls_are_open() -> None:
    centres, reach = np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([5.0, 5.0])
    points = np.array([[3.0, 4.0], [3.0, 3.999999], [5.0, 0.0], [9.0, 0.0]])
    assert inside(centres, reach, points).tolist() == [0, 1, 0, 1]


def test_nothing_is_near_nothing() -> None:
    with pytest.raises(DataError, match="expected 2 or more"):
        nearest(np.zeros((1, 2)), np.zeros((1, 2)), exclude_self=True)
    for a, b in ((1, 0), (0, 1)):
        with pytest.raises(DataError, match="expected 1 or more"):
            nearest(np.zeros((a, 2)), np.zeros((b, 2)))
