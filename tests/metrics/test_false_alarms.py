"""Thresholds from normal scores: ranks by hand, rates by simulation."""

import numpy as np
import pytest

from sparring.errors import DataError, UsageError
from sparring.metrics.false_alarms import cut_between, cut_for, needed_for, shares_as_high


@pytest.mark.parametrize(
    ("count", "rate", "rank", "expected"),
    [
        (99, 0.01, 99, 0.01),
        (199, 0.01, 198, 0.01),
        (100, 0.01, 100, 1 / 101),
        (9, 0.1, 9, 0.1),
        (1000, 0.05, 951, 0.05),
    ],
)
def test_the_threshold_is_the_kth_smallest(count: int, rate: float, rank: int, expected: float) -> None:
    scores = np.random.default_rng(0).permutation(np.arange(1.0, count + 1))
    cut = cut_for(scores, rate)
    assert cut.value == rank
    assert cut.backed and cut.caution is None
    assert cut.false_alarms == pytest.approx((count + 1 - rank) / (count + 1))
    assert cut.false_alarms <= rate + 1e-12
    assert cut.false_alarms == pytest.approx(expected, rel=0.03)
    assert cut.interval[0] < cut.false_alarms < cut.interval[1]


def test_too_few_are_told() -> None:
    cut = cut_for(np.arange(20.0), 0.01)
    assert cut.value == 19
    assert not cut.backed
    assert cut.false_alarms == pytest.approx(1 / 21)
    assert cut.caution is not None
    assert "20 held-out" in cut.caution and "Hold out 99 or more" in cut.caution
    assert needed_for(0.01) == 99 and needed_for(0.001) == 999 and needed_for(0.5) == 1


def test_new_normal_examples_are_above_as_often_as_promised() -> None:
    """Of uniform scores the true rate is 1 - threshold."""
    draw = np.random.default_rng(0)
    rates, inside = [], 0
    for _ in range(2000):
        cut = cut_for(draw.random(60), 0.05)
        rate = 1 - cut.value
        rates.append(rate)
        inside += cut.interval[0] <= rate <= cut.interval[1]
    assert np.mean(rates) == pytest.approx(cut.false_alarms, rel=0.05)
    assert np.mean(rates) <= 0.05
    assert inside / 2000 == pytest.approx(0.95, abs=0.015)


def test_shares_as_high_by_hand() -> None:
    found = shares_as_high(np.array([3.0, 1.0, 2.0, 2.0]), np.array([0.0, 2.0, 2.5, 9.0]))
    assert found.tolist() == pytest.approx([1.0, 4 / 5, 2 / 5, 1 / 5])


def test_known_faults_choose_it_on_one_half_and_report_on_the_other() -> None:
    draw = np.random.default_rng(0)
    normal, faulty = draw.normal(0, 1, 400), draw.normal(4, 1, 200)
    cut = cut_between(normal, faulty)
    assert 1.5 < cut.value < 2.7, "the best is halfway"
    assert cut.found is not None and cut.found_interval is not None
    assert (cut.normals, cut.faults) == (200, 100)
    assert cut.found > 0.93
    assert cut.found_interval[0] < cut.found <= cut.found_interval[1]
    assert cut.false_alarms < 0.07
    assert "chosen on one half" in cut.told
    assert cut_between(normal, faulty) == cut


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, float("nan")])
def test_no_share_is_refused(rate: float) -> None:
    with pytest.raises(UsageError, match="--false-alarms"):
        cut_for(np.arange(5.0), rate)


def test_what_can_not_be_scored_is_refused() -> None:
    with pytest.raises(DataError, match="1 of 2 normal scores are not finite"):
        cut_for(np.array([1.0, np.nan]), 0.1)
    with pytest.raises(DataError, match="3 faulty pictures to choose a threshold by: expected 4"):
        cut_between(np.arange(9.0), np.arange(3.0))
