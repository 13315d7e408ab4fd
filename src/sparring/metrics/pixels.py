"""Frechet distance of pictures in the plainest feature space there is: principal components of small pictures.

It needs no weights and no labels, takes milliseconds, and falls while a generator learns layout, strokes and colours;
it does not see fine texture. The floor is the same distance between held-out reals and as many training reals.
"""

import numpy as np

from sparring.metrics.base import Floats, Pictures

BLOCK = 128


class PixelSpace:
    """Box-averaged pictures projected on the principal components of reals.

    Args:
        reals: uint8 [N, H, W, C], N of 2 or more; the axes and the scale come from them.
        side: pictures are averaged to about this side first.
        components: at most so many axes.
    """

    def __init__(self, reals: Pictures, *, side: int = 16, components: int = 64) -> None:
        self._factor = max(1, min(reals.shape[1:3]) // side)
        flat = self._shrink(reals)
        self._mean = flat.mean(0)
        _, strengths, axes = np.linalg.svd(flat - self._mean, full_matrices=False)
        kept = min(components, len(reals) - 1, int((strengths > 1e-9 * strengths[0]).sum()) or 1)
        self._axes = axes[:kept].T
        self._scale = float(np.sqrt((strengths[:kept] ** 2).sum() / max(1, len(reals) - 1))) or 1.0

    def __call__(self, pictures: Pictures) -> Floats:
        """Features [N, d], scaled so that the reals' total variance is 1."""
        projected: Floats = (self._shrink(pictures) - self._mean) @ self._axes / self._scale
        return projected

    def _shrink(self, pictures: Pictures) -> Floats:
        # In blocks: thousands of large pictures as float64 would take gigabytes.
        return np.concatenate([self._shrink_block(pictures[i : i + BLOCK]) for i in range(0, len(pictures), BLOCK)])

    def _shrink_block(self, pictures: Pictures) -> Floats:
        count, height, width, channels = pictures.shape
        f = self._factor
        cut = pictures[:, : height // f * f, : width // f * f]
        boxes = cut.reshape(count, height // f, f, width // f, f, channels)
        flat: Floats = boxes.mean((2, 4), dtype=np.float64).reshape(count, -1)
        return flat
