"""Diversity against SciPy's distances, and planted doubles."""

import numpy as np
import pytest
from reference_inputs import drawn
from scipy.spatial.distance import pdist

from sparring.metrics.variety import diversity, duplicates, mean_distance


@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_the_mean_distance_is_scipys(shift: float) -> None:
    a = drawn(0, 120, 7, shift=shift)
    assert mean_distance(a) == pytest.approx(pdist(a).mean(), rel=1e-6)


def test_a_ratio_for_each_class() -> None:
    reals, labels = drawn(0, 200, 5), np.arange(200) % 2
    middles = np.stack([reals[labels == c].mean(0) for c in (0, 1)])[labels]
    fakes = middles + (reals - middles) * np.where(labels, 0.25, 1.0)[:, None]
    found = diversity(fakes, reals, labels, labels)
    assert found.classes == pytest.approx({0: 1.0, 1: 0.25})
    assert found.least == pytest.approx(0.25)
    assert found.overall == pytest.approx(pdist(fakes).mean() / pdist(reals).mean())
    assert diversity(fakes, reals) == (found.overall, found.overall, {})


def test_classes_without_pairs_are_left_out() -> None:
    reals = drawn(0, 9, 5)
    labels = np.array([0, 0, 0, 1, 1, 2, -1, -1, -1])
    made = np.array([0, 0, 1, 2, 2, -1, -1, -1, 3])
    assert list(diversity(reals, reals, made, labels).classes) == [0]
    assert diversity(reals, reals, np.full(9, -1), labels) == (1.0, 1.0, {})


def test_collapse_is_0_and_nothing_is_nan() -> None:
    reals, same = drawn(0, 50, 5), np.full((50, 5), 0.1)
    assert diversity(same, reals).least == 0
    assert diversity(reals[:1], reals).least == 0
    assert diversity(reals, same).least == 1
    labels = np.zeros(50, np.int64)
    assert diversity(same, reals, labels, labels) == (0.0, 0.0, {0: 0.0})
    assert diversity(reals, same, labels, labels) == (1.0, 1.0, {})


def test_planted_doubles_are_found_and_shown() -> None:
    reals, fakes = drawn(0, 300, 6), drawn(0, 600, 6)[300:]
    fakes[10], fakes[20] = fakes[200], fakes[250] + 1e-9
    found = duplicates(fakes, reals)
    assert found.pairs[:2].tolist() == [[10, 200], [20, 250]]
    near = (np.sort(np.linalg.norm(fakes[:, None] - fakes, axis=2))[:, 1] < found.threshold).mean()
    assert found.share == pytest.approx(near)
    assert found.compared == 300


def test_the_threshold_is_a_percentile_of_the_reals() -> None:
    """A set beside itself has 1 % of doubles, by definition."""
    reals = drawn(0, 400, 6)
    gaps = np.sort(np.linalg.norm(reals[:, None] - reals, axis=2))[:, 1]
    found = duplicates(reals, reals)
    assert found.threshold == pytest.approx(np.percentile(gaps, 1))
    assert found.share == pytest.approx(0.01, abs=0.003)


def test_as_many_are_compared_of_each() -> None:
    """Of more samples than reals everything would be a double: nearest distances shrink as sets grow."""
    draw = np.random.default_rng(0)
    found = duplicates(draw.normal(size=(2000, 2)), draw.normal(size=(100, 2)))
    assert found.compared == 100
    assert found.share < 0.1


def test_a_collapse_is_found_beside_reals_that_repeat_themselves() -> None:
    repeating = np.repeat(drawn(0, 25, 4), 4, 0)
    assert duplicates(np.zeros((100, 4)), repeating).share == 1
    assert duplicates(drawn(1, 100, 4), repeating).share == 0


@pytest.mark.parametrize(("fakes", "reals"), [(1, 5), (5, 1)])
def test_too_few_have_no_doubles(fakes: int, reals: int) -> None:
    found = duplicates(np.zeros((fakes, 3)), np.zeros((reals, 3)))
    assert (found.share, found.compared, found.pairs.shape) == (0, 1, (0, 2))
