"""Mean and standard deviation of a measure taken several times: over subsets, splits or seeds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sparring.metrics.base import Floats


class Spread(NamedTuple):
    """Mean and standard deviation."""

    mean: float
    sd: float


def spread(values: Sequence[float] | Floats) -> Spread:
    """Of values that are all there are, as subsets and splits are reported: sd divides by n."""
    return Spread(float(np.mean(values)), float(np.std(values)))


def over_seeds(values: Sequence[float] | Floats) -> Spread:
    """Of values that stand for all possible seeds: sd divides by n - 1, and is 0 for one value."""
    return Spread(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0)
