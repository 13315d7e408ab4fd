"""How much of a mixture of Gaussians samples show: modes that are found, and samples that are near one.

A sample is of high quality within three standard deviations of a mode (Srivastava et al., arXiv:1705.07761, section 4;
Lin et al., arXiv:1712.04086, section 4.1). There one such sample finds its mode; here a mode is found by a tenth of its
even share, so that a stray point on the way between two others does not count.
"""

from typing import NamedTuple

import numpy as np

from sparring.data.points import Modes, Points

REACH = 3.0
LEAST = 0.1


class Found(NamedTuple):
    """What samples show of a mixture.

    Args:
        modes: how many modes have a tenth of their even share, or more, of samples of high quality.
        quality: share of samples of high quality; of reals 1 - exp(-4.5) = 0.989.
    """

    modes: int
    quality: float


def found_modes(points: Points, modes: Modes) -> Found:
    """Modes and quality of samples [N, 2], N of 1 or more."""
    gaps_NK = np.linalg.norm(points[:, None].astype(np.float64) - modes.centres[None], axis=2)
    near = gaps_NK.min(1) <= REACH * modes.sd
    counts = np.bincount(gaps_NK.argmin(1)[near], minlength=len(modes.centres))
    least = LEAST * len(points) / len(modes.centres)
    return Found(int((counts >= max(1.0, least)).sum()), float(near.mean()))
