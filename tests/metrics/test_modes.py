"""Modes that are found, by hand."""

import numpy as np
import pytest

from sparring.data.points import SETS, Modes
from sparring.metrics.modes import found_modes

CORNERS = Modes(centres=np.array([(0, 0), (1, 0), (0, 1), (1, 1)], np.float32), sd=0.1)


def test_counts_by_hand() -> None:
    """Of 40 samples: 20 at one mode, 19 between all, and one at another, where a tenth of an even share is one."""
    points = np.array([(0, 0)] * 20 + [(0.5, 0.5)] * 19 + [(1, 0.29)], np.float32)
    assert found_modes(points, CORNERS) == (2, 21 / 40)
    further = np.array([(0, 0)] * 20 + [(0.5, 0.5)] * 19 + [(1, 0.31)], np.float32)
    assert found_modes(further, CORNERS) == (1, 0.5)


def test_a_stray_point_finds_no_mode() -> None:
    points = np.array([(0, 0)] * 399 + [(1, 1)], np.float32)
    assert found_modes(points, CORNERS).modes == 1


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_reals_find_all_modes_and_are_as_good_as_a_normal_distribution_says(name: str) -> None:
    """Within three standard deviations in a plane lie 1 - exp(-9 / 2) of a normal distribution."""
    modes = SETS[name].modes
    assert modes is not None
    found = found_modes(SETS[name].make(), modes)
    assert found.modes == len(modes.centres)
    assert found.quality == pytest.approx(1 - np.exp(-4.5), abs=0.004)
