"""Means and standard deviations, of all there is and of a sample of seeds."""

import statistics

import pytest

from sparring.metrics.spread import over_seeds, spread


def test_they_are_those_of_the_standard_library() -> None:
    values = [3.0, 1.0, 4.0, 1.0, 5.0]
    assert spread(values) == pytest.approx((statistics.mean(values), statistics.pstdev(values)))
    assert over_seeds(values) == pytest.approx((statistics.mean(values), statistics.stdev(values)))


def test_one_seed_has_no_spread() -> None:
    assert over_seeds([2.5]) == (2.5, 0.0)
