"""How near rebuilt pictures are to their originals, one number a picture.

Values are taken as shares of white (0 to 255 becomes 0 to 1), so that errors of data of any kind can be compared.
"""

from collections.abc import Mapping

import numpy as np

from sparring.errors import DataError
from sparring.metrics.base import Floats, Pictures

WINDOW, SIGMA = 11, 1.5
K1, K2 = 0.01, 0.03
BLOCK = 128

MEANINGS: Mapping[str, str] = {
    "mse": "mean squared error of values from 0 to 1; 0 is equal",
    "rmse": "its root, in shares of white",
    "mae": "mean absolute error, in shares of white",
    "psnr": "10 log10(1 / mse), dB; infinite where equal; 20 to 30 is visible loss, 40 hardly",
    "ssim": "structural similarity, -1 to 1; 1 is equal",
}


def reconstruction(originals: Pictures, rebuilt: Pictures) -> dict[str, Floats]:
    """Every measure of `MEANINGS` for each picture, float64 [N].

    Args:
        originals, rebuilt: uint8 [N, H, W, C], N of 1 or more.

    Raises:
        DataError: shapes or types differ from that or from one another.
    """
    for name, pictures in (("originals", originals), ("rebuilt pictures", rebuilt)):
        if pictures.dtype != np.uint8 or pictures.ndim != 4 or 0 in pictures.shape:
            raise DataError(f"{name} are {pictures.dtype} {list(pictures.shape)}; expected uint8 [N, H, W, C].")
    if originals.shape != rebuilt.shape:
        raise DataError(f"originals {list(originals.shape)} and rebuilt {list(rebuilt.shape)} differ in shape.")
    starts = range(0, len(originals), BLOCK)
    blocks = [_measured(originals[i : i + BLOCK] / 255, rebuilt[i : i + BLOCK] / 255) for i in starts]
    return {name: np.concatenate([block[name] for block in blocks]) for name in MEANINGS}


def _measured(a: Floats, b: Floats) -> dict[str, Floats]:
    squared = ((a - b) ** 2).mean((1, 2, 3))
    with np.errstate(divide="ignore"):
        psnr = -10 * np.log10(squared)
    return {
        "mse": squared,
        "rmse": np.sqrt(squared),
        "mae": np.abs(a - b).mean((1, 2, 3)),
        "psnr": psnr,
        "ssim": _ssim(a, b),
    }


def _ssim(a: Floats, b: Floats) -> Floats:
    """Wang et al. 2004, eq. 13, in a Gaussian window of 11 points (sigma 1.5) wherever it fits, mean over channels.

    Pictures with sides below 11 get the largest odd window that fits.
    """
    side = min(WINDOW, *a.shape[1:3])
    weights = _window(side - 1 + side % 2)
    mean_a, mean_b = _smooth(a, weights), _smooth(b, weights)
    var_a, var_b = _smooth(a * a, weights) - mean_a**2, _smooth(b * b, weights) - mean_b**2
    shared = _smooth(a * b, weights) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + K1**2) * (2 * shared + K2**2)
    found: Floats = (likeness / ((mean_a**2 + mean_b**2 + K1**2) * (var_a + var_b + K2**2))).mean((1, 2, 3))
    return found


def _window(size: int) -> Floats:
    weights = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * SIGMA**2))
    found: Floats = weights / weights.sum()
    return found


def _smooth(values: Floats, weights: Floats) -> Floats:
    for axis in (1, 2):
        views = np.lib.stride_tricks.sliding_window_view(values, len(weights), axis=axis)
        values = views @ weights
    return values
