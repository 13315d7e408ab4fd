"""`conv`: a feature space for pictures without labels, from random filters that nobody trained.

The strength of each filter's answer (the mean of its absolute value over quarters of the picture, and its spread over
the whole) at three scales says how much of which detail is where; beside it stands the picture itself at 4x4 points.
Principal components of reals make 32 axes of it. Random filters tell textures apart nearly as well as trained ones
where only their energies are asked for (Saxe et al., ICML 2011; Ustyuzhaninov et al., arXiv:1606.00021).

How it ranks blurred, incomplete, repeated and foreign pictures is measured by `benchmarks/extractors.py`.
"""

import hashlib
import json

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, conv2d

from sparring.data import Data
from sparring.data.draws import drawn_rows
from sparring.engine.deal import generator
from sparring.engine.precision import choose_device
from sparring.metrics.base import Features, Floats, Pictures
from sparring.metrics.judge_network import native_side
from sparring.metrics.shapes import in_blocks, on_device, to_side, with_channels

FORMAT = 1
FILTERS = 16
KERNEL = 3
GRID = 2
COARSE = 4
COMPONENTS = 32
LAYOUT_WEIGHT = 2.0
SCALE_WEIGHTS = (0.25, 0.5, 1.0)
"""Of the finest scale, of the next and of the coarsest. Reals differ little in how much fine detail they have: with
equal weights its loss under a slight blur would count for more than pictures of something else."""

FITTED = 5_000
"""Reals that the axes come from, at most."""

BLOCK = 250


class RandomConvolution:
    """An extractor, see `base.Extractor`, fitted to reals; its features have a total variance of 1 among them.

    Args:
        reals: uint8 [N, H, W, C], N of 2 or more: the axes and the scales come from them.
        seed: of the filters.
        device: by default the fastest there is.
    """

    name = "conv"

    def __init__(self, reals: Pictures, *, seed: int = 0, device: torch.device | None = None) -> None:
        _, height, width, self._channels = reals.shape
        self._device = device or choose_device(None)
        self._side = native_side(height, width)
        self._filters = random_filters(self._channels, seed).to(self._device)
        self.sha256 = _identity(reals, seed)
        raw = in_blocks(self._raw, reals, BLOCK)
        self._mean = raw.mean(0)
        self._weight = _balanced(raw, self._groups())
        self._axes = _principal_axes((raw - self._mean) * self._weight)

    def __call__(self, pictures: Pictures) -> Features:
        """Features float64 [N, d], d of 32 at most, of pictures of any size and 1, 3 or 4 channels."""
        return Features(vectors=in_blocks(self._project, with_channels(pictures, self._channels), BLOCK))

    def _project(self, pictures: Pictures) -> Floats:
        projected: Floats = (self._raw(pictures) - self._mean) * self._weight @ self._axes
        return projected

    @torch.inference_mode()
    def _raw(self, pictures: Pictures) -> Floats:
        x_BCHW = to_side(on_device(pictures, self._device), self._side)
        found = [adaptive_avg_pool2d(x_BCHW, COARSE).flatten(1)]
        for scale in range(self._scales()):
            if scale:
                x_BCHW = avg_pool2d(x_BCHW, 2)
            strength_BFHW = conv2d(x_BCHW, self._filters).abs_()
            found.append(adaptive_avg_pool2d(strength_BFHW, GRID).flatten(1))
            found.append(strength_BFHW.flatten(2).std(2, correction=0))
        raw: Floats = torch.cat(found, 1).double().cpu().numpy()
        return raw

    def _scales(self) -> int:
        """Halvings that leave room for a filter in every quarter."""
        return sum(min(self._side) >> scale >= KERNEL + 1 for scale in range(len(SCALE_WEIGHTS))) or 1

    def _groups(self) -> list[tuple[int, float]]:
        """Sizes and weights of what belongs together: the coarse picture, and quarters and spreads of each scale."""
        scales = [(size, weight) for weight in SCALE_WEIGHTS for size in (FILTERS * GRID**2, FILTERS)]
        return [(COARSE**2 * self._channels, LAYOUT_WEIGHT), *scales[: 2 * self._scales()]]


def conv_for(data: Data, *, seed: int = 0, device: torch.device | None = None) -> RandomConvolution:
    """The extractor for a data set: fitted to training pictures drawn at random."""
    part = data.parts["train"]
    return RandomConvolution(np.asarray(part.x[drawn_rows(len(part), FITTED, seed=seed)]), seed=seed, device=device)


def random_filters(channels: int, seed: int) -> Tensor:
    """Filters [FILTERS, C, 3, 3] of length 1 that answer 0 to an even area, on the CPU: the same for every device."""
    drawn = torch.randn(FILTERS, channels, KERNEL, KERNEL, generator=generator(seed, "random convolution"))
    centred = drawn - drawn.mean((2, 3), keepdim=True)
    filters: Tensor = centred / centred.flatten(1).norm(dim=1)[:, None, None, None]
    return filters


def _balanced(raw: Floats, groups: list[tuple[int, float]]) -> Floats:
    """Weights that give every feature the same spread within its group, and every group the spread of its weight."""
    assert sum(size for size, _ in groups) == raw.shape[1]
    spread = raw.std(0)
    shares = np.concatenate([np.full(size, weight * size**-0.5) for size, weight in groups])
    # What does not change among reals, such as an empty corner, would be divided by nothing.
    varies = spread > 1e-6 * max(float(spread.max()), 1e-6)
    weight: Floats = np.where(varies, shares / np.where(varies, spread, 1.0), 0.0)
    return weight


def _principal_axes(centred: Floats) -> Floats:
    """Axes [D, d] of the strongest components, scaled so that what is centred has a total variance of 1 on them."""
    strengths, axes = np.linalg.eigh(np.cov(centred.T))
    kept = min(COMPONENTS, int((strengths > 1e-12 * max(float(strengths[-1]), 1e-300)).sum()))
    total = float(strengths[-kept:].sum()) or 1.0
    strongest: Floats = axes[:, -kept:][:, ::-1] / np.sqrt(total)
    return strongest


def _identity(reals: npt.NDArray[np.uint8], seed: int) -> str:
    """Digest of all that it follows from; the axes themselves differ in their last bits between processors."""
    digest = hashlib.sha256(json.dumps([FORMAT, seed, list(reals.shape)]).encode())
    digest.update(np.ascontiguousarray(reals).data)
    return digest.hexdigest()
