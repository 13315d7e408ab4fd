"""Differentiable augmentation of what the discriminator sees: colour, translation and cutout, always on.

Paper: Zhao, Liu, Lin, Zhu, Han, "Differentiable augmentation for data-efficient GAN training", arXiv:2006.10738,
section 3.2 and figure 2. Each picture has draws of its own; reals and fakes, in both players' turns, get the same
kinds of change, so that the generator has nothing to gain from drawing them.
"""

from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from sparring.losses.base import Augmentation, augmentations
from sparring.losses.shift import picked, shifts
from sparring.nn import ranks

REACH = 8
"""Pictures move by up to one part in so many of their side."""


@augmentations("diffaugment", paper="arXiv:2006.10738")
class DiffAugment(Augmentation):
    """Brightness, saturation and contrast, a shift, and a square cut out, on every picture that D sees."""

    def __init__(
        self,
        *,
        color: Annotated[bool, "brightness, saturation (with colour) and contrast change"] = True,
        translation: Annotated[bool, "pictures shift by up to an eighth of their side; what is bared is grey"] = True,
        cutout: Annotated[bool, "a square of half the side is grey"] = True,
    ) -> None:
        self.color = color
        self.translation = translation
        self.cutout = cutout

    def __call__(self, x_BCHW: Tensor) -> Tensor:
        """See `Augmentation.__call__`."""
        if self.color:
            x_BCHW = contrasted(saturated(brightened(x_BCHW)))
        if self.translation:
            x_BCHW = shifted(x_BCHW)
        return cut_out(x_BCHW) if self.cutout else x_BCHW


def brightened(x_BCHW: Tensor) -> Tensor:
    """One number of U(-0.5, 0.5) added to each picture."""
    return x_BCHW + (_uniform(x_BCHW) - 0.5)


def saturated(x_BCHW: Tensor) -> Tensor:
    """Distances from the mean of the channels times U(0, 2); grey pictures have no saturation and stay."""
    if x_BCHW.shape[1] == 1:
        return x_BCHW
    grey_B1HW = x_BCHW.mean(1, keepdim=True)
    return grey_B1HW + (x_BCHW - grey_B1HW) * (2 * _uniform(x_BCHW))


def contrasted(x_BCHW: Tensor) -> Tensor:
    """Distances from the picture's mean times U(0.5, 1.5)."""
    mean_B111 = x_BCHW.mean((1, 2, 3), keepdim=True)
    return mean_B111 + (x_BCHW - mean_B111) * (_uniform(x_BCHW) + 0.5)


def shifted(x_BCHW: Tensor) -> Tensor:
    """Moved by whole points, up to an eighth of the side each way; zeros, which are grey, come in."""
    # A border of zeros around the picture: whatever would come from beyond comes from there.
    rows_BH, columns_BW = ((places + 1).clamp(0, places.shape[1] + 1) for places in shifts(x_BCHW, reach(x_BCHW)))
    return picked(F.pad(x_BCHW, (1, 1, 1, 1)), rows_BH, columns_BW)


def cut_out(x_BCHW: Tensor) -> Tensor:
    """A square of half the side set to 0, its middle anywhere in the picture."""
    height, width = x_BCHW.shape[2:]
    inside_BH, inside_BW = (_within_half(side, x_BCHW) for side in (height, width))
    keep_B1HW = ~(inside_BH[:, None, :, None] & inside_BW[:, None, None, :])
    return x_BCHW * keep_B1HW


def _within_half(side: int, like: Tensor) -> Tensor:
    """Whether each place of a side lies in a stretch of half of it around a place drawn for each example: [B, side]."""
    half = max(1, side // 2)
    start_B = _whole(like, 0, side - 1) - half // 2
    place_S = _places(side, like)
    return (place_S >= start_B[:, None]) & (place_S < start_B[:, None] + half)


def reach(x_BCHW: Tensor) -> tuple[int, int]:
    """Most points that pictures of this size move, down and across."""
    height, width = (max(1, round(side / REACH)) for side in x_BCHW.shape[2:])
    return height, width


def _uniform(like: Tensor) -> Tensor:
    """U(0, 1) for each example, [B, 1, 1, 1]."""
    return ranks.rand(len(like), 1, 1, 1, device=like.device, dtype=like.dtype)


def _whole(like: Tensor, least: int, most: int) -> Tensor:
    """Whole numbers from `least` to `most` for each example, int64 [B]."""
    return ranks.randint(least, most + 1, len(like), device=like.device)


def _places(side: int, like: Tensor) -> Tensor:
    return torch.arange(side, device=like.device)
