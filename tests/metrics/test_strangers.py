"""A conformal p-value: by hand, and as rare as it says."""

import numpy as np
import pytest

from sparring.metrics.strangers import Familiar


def test_by_hand() -> None:
    found = Familiar(np.array([3.0, 1.0, 2.0, 4.0])).tails(np.array([0.0, 1.0, 2.5, 9.0]))
    assert found.tolist() == [0.2, 0.4, 0.6, 1.0]


@pytest.mark.parametrize("level", [0.05, 0.2])
def test_of_the_same_kind_no_more_fall_below_than_it_says(level: float) -> None:
    """Whatever the evidence is distributed like; over many held-out sets."""
    draw = np.random.default_rng(0)
    shares = [
        (Familiar(draw.exponential(size=99)).tails(draw.exponential(size=50)) <= level).mean() for _ in range(400)
    ]
    assert np.mean(shares) == pytest.approx(level, abs=0.012)
