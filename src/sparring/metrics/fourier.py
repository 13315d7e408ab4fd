"""`fourier`: a feature space for rows of numbers: random Fourier features at three bandwidths.

cos(w x + b) with normal w and uniform b approximates a Gaussian kernel (Rahimi and Recht 2007, section 3), so that
equal means of features are equal densities, seen at the kernel's width. Widths of 1, 1/4 and 1/16 of the reals'
standard deviation see where the mass is, which of its parts are there, and how sharp they are.
"""

import hashlib
import json

import numpy as np
import numpy.typing as npt

from sparring.data import Data
from sparring.data.draws import drawn_rows
from sparring.metrics.base import Features, Floats

FORMAT = 1
FEATURES = 64
WIDTHS = (1.0, 0.25, 0.0625)
FITTED = 5_000


class RandomFourier:
    """An extractor of rows, see `base.Extractor`, scaled by reals.

    Args:
        reals: float32 [N, F], N of 2 or more.
        seed: of the frequencies.
    """

    name = "fourier"

    def __init__(self, reals: npt.NDArray[np.float32], *, seed: int = 0) -> None:
        draw = np.random.Generator(np.random.Philox(key=seed))
        columns = reals.shape[1]
        spread = reals.astype(np.float64).std(0)
        widths = np.resize(np.array(WIDTHS), FEATURES)
        self._frequencies: Floats = draw.standard_normal((columns, FEATURES)) / widths
        self._frequencies /= np.where(spread > 0, spread, 1.0)[:, None]
        self._phases = draw.uniform(0, 2 * np.pi, FEATURES)
        digest = hashlib.sha256(json.dumps([FORMAT, seed, WIDTHS, list(reals.shape)]).encode())
        digest.update(np.ascontiguousarray(reals).data)
        self.sha256 = digest.hexdigest()

    def __call__(self, pictures: npt.NDArray[np.float32]) -> Features:
        """Features float64 [N, 64] of rows `pictures` [N, F]; a kernel's value is the inner product of two."""
        angles = pictures.astype(np.float64) @ self._frequencies + self._phases
        return Features(vectors=np.sqrt(2 / FEATURES) * np.cos(angles))


def fourier_for(data: Data) -> RandomFourier:
    """The extractor for a table, scaled by training rows."""
    part = data.parts["train"]
    return RandomFourier(np.asarray(part.x[drawn_rows(len(part), FITTED, seed=0)]))
