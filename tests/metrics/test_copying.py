"""Planted copies are found, C_T is SciPy's test cell by cell, and authenticity is its definition."""

import numpy as np
import pytest
from reference_inputs import Floats, drawn
from scipy.spatial.distance import cdist
from scipy.stats import mannwhitneyu, norm
from sklearn.cluster import KMeans

from sparring.metrics.copying import authenticity, copies, copying_test, farther


def parts(size: int = 6) -> tuple[Floats, Floats, Floats]:
    """Samples, training pictures and held-out reals of one distribution."""
    every = drawn(0, 1400, size)
    return every[:400], every[400:1000], every[1000:]


def test_planted_copies_are_found_and_shown() -> None:
    fakes, train, held = parts()
    before = copies(fakes, train, held)
    fakes = fakes.copy()
    fakes[:40] = train[100:140] + 1e-9 * np.arange(40)[:, None]
    found = copies(fakes, train, held)
    assert found.pairs.tolist() == [[i, 100 + i] for i in range(16)]
    assert found.share == pytest.approx(0.1 + before.share, abs=0.005)
    assert found.threshold == pytest.approx(np.percentile(cdist(held, train).min(1), 1))
    assert found.expected == pytest.approx(0.01, abs=0.003)


def test_what_is_not_copied_is_as_frequent_as_chance() -> None:
    assert copies(*parts()).share <= 0.02


def test_data_that_repeat_themselves_say_how_often() -> None:
    fakes, train, held = parts()
    held = np.concatenate([train[:40], held[:360]])
    assert copies(fakes, train, held).threshold == 0
    assert copies(fakes, train, held).share == 0
    assert copies(fakes, train, held).expected == 0.1
    assert copies(train[:50], train, held).share == 1
    assert copies(np.zeros((5, 2)), np.zeros((4, 2)), np.zeros((3, 2))).share == 1


def by_scipy(fakes: Floats, train: Floats, held: Floats) -> float:
    """The z behind SciPy's p."""
    near_f, near_h = cdist(fakes, train).min(1), cdist(held, train).min(1)
    return float(norm.ppf(mannwhitneyu(near_f, near_h, alternative="less", method="asymptotic").pvalue))


@pytest.mark.parametrize("scale", [0.9, 1.0, 1.1])
def test_z_is_that_of_scipys_test(scale: float) -> None:
    fakes, train, held = parts()
    assert farther(fakes * scale, train, held) == pytest.approx(by_scipy(fakes * scale, train, held), rel=1e-6)


def test_the_score_is_the_mean_over_cells_of_the_held_out() -> None:
    fakes, train, held = parts()
    cells = KMeans(3, n_init=10, random_state=0).fit(train)
    in_fakes, in_held = cells.predict(fakes), cells.predict(held)
    scores = [by_scipy(fakes[in_fakes == c], train[cells.labels_ == c], held[in_held == c]) for c in range(3)]
    weights = [(in_held == c).mean() for c in range(3)]
    found = copying_test(fakes, train, held)
    assert found.cells == pytest.approx(scores, rel=1e-6)
    assert found.weights == pytest.approx(weights)
    assert found.score == pytest.approx(np.dot(scores, weights), rel=1e-6)


def test_copies_are_far_below_0_and_poor_samples_far_above() -> None:
    fakes, train, held = parts()
    copied = train[:400] + 0.01 * np.random.default_rng(1).normal(size=(400, 6))
    assert abs(copying_test(fakes, train, held).score) < 3
    assert copying_test(copied, train, held).score < -8
    assert copying_test(fakes * 2, train, held).score > 5


def test_a_cell_with_few_samples_is_left_out() -> None:
    fakes, train, held = parts()
    cells = KMeans(3, n_init=10, random_state=0).fit(train)
    member = cells.predict(fakes)
    fakes = np.concatenate([fakes[member != 1], fakes[member == 1][:20]])
    found = copying_test(fakes, train, held)
    assert found.weights[1] == 0
    assert found.weights.sum() == pytest.approx(1)
    assert found.score == pytest.approx(found.weights @ found.cells)


def test_few_samples_are_one_cell() -> None:
    fakes, train, held = parts()
    assert copying_test(fakes[:15], train, held).score == pytest.approx(by_scipy(fakes[:15], train, held), rel=1e-6)


def test_many_axes_are_brought_to_principal_components() -> None:
    """Axes without any spread change nothing."""
    fakes, train, held = parts()
    turn = np.linalg.qr(drawn(3, 80, 80))[0][:6]
    found = copying_test(fakes @ turn, train @ turn, held @ turn)
    assert found.score == pytest.approx(copying_test(fakes, train, held).score, abs=1e-6)


def test_one_picture_only_gives_a_number() -> None:
    same = np.zeros((40, 3))
    assert abs(copying_test(same, same, same).score) < 0.1
    assert np.isfinite(copying_test(same[:1], same[:1], same[:1]).score)


def test_authenticity_is_its_definition() -> None:
    fakes, train, _ = parts()
    between, among = cdist(fakes, train), cdist(train, train) + np.diag(np.full(600, np.inf))
    expected = [among[between[i].argmin()].min() < between[i].min() for i in range(len(fakes))]
    assert authenticity(fakes, train) == pytest.approx(np.mean(expected))
    assert authenticity(train[:50] + 1e-9, train) == 0
    assert authenticity(fakes * 10, train) > 0.9
    assert authenticity(fakes, train[:1]) == 1
