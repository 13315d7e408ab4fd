"""How far translated pictures are from the targets of their sources."""

import numpy as np

from sparring.metrics.base import Pictures


def mean_difference(made: Pictures, targets: Pictures) -> float:
    """Mean of |made - target| over pictures uint8 [N, H, W, C], as values in [-1, 1]: 0 is exact, at most 2."""
    apart = [np.abs(a.astype(np.int16) - b).mean() for a, b in zip(made, targets, strict=True)]
    return float(np.mean(apart)) / 127.5
