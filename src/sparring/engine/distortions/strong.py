"""Everything at once, and much of it: what a picture is still to be recognised after.

In the place of RandAugment (Cubuk et al., arXiv:1909.13719), which changes one picture at a time by two of fourteen
steps, each picture here is turned, sheared, stretched and moved by one resampling, has its contrast and its brightness
changed, and loses a square; every amount is drawn evenly, so that most are small in most pictures.
"""

import math
from typing import Annotated

import torch
from torch import Tensor

from sparring.engine.deal import WHOLE, Share, to_device
from sparring.engine.distortions.base import distortions, erased, mirrored, resampled
from sparring.losses.base import Batch
from sparring.registry import Range

TURN = math.radians(30)
"""RandAugment's largest rotation; its largest shear is 0.3 as well."""
SHEAR = 0.3
STRETCH = 0.2
"""Of the logarithm of the factor of each side."""
MOVE = 0.2
"""Share of the side."""
CONTRAST = 0.7
"""Of the logarithm of the factor."""
BRIGHTNESS = 0.5
ERASED = 0.5
"""Largest side of the square, as a share of the picture's shorter one."""


@distortions("strong", paper="arXiv:1909.13719")
class Strong:
    """Turned, sheared, stretched, moved, relit and partly erased, each by a random amount."""

    def __init__(
        self,
        *,
        strength: Annotated[float, "factor on all amounts; 1: turned by up to 30 degrees", Range(0.0)] = 1.0,
        flip: Annotated[bool, "whether half of the pictures are mirrored, left and right"] = False,
    ) -> None:
        self.strength = strength
        self.flip = flip

    def __call__(self, batch: Batch, draw: torch.Generator, share: Share = WHOLE) -> Batch:
        """See `Distortion`."""
        x_BCHW = batch["x"]
        count, height, width = len(x_BCHW) * share.ranks, *x_BCHW.shape[2:]
        amounts_8B = self.strength * (2 * torch.rand(8, count, generator=draw) - 1)
        x_BCHW = resampled(x_BCHW, share.cut(warps(amounts_8B[:6], height / width)))
        x_BCHW = relit(x_BCHW, *map(share.cut, amounts_8B[6:]))
        if self.flip:
            x_BCHW = mirrored(x_BCHW, share.cut(torch.rand(count, generator=draw)) < 0.5)
        largest = min(height, width) * ERASED * min(1.0, self.strength)
        sides_B = share.cut((torch.rand(count, generator=draw) * largest).round().long())
        middles = [share.cut(torch.randint(0, length, (count,), generator=draw)) for length in (height, width)]
        return {**batch, "x": erased(x_BCHW, sides_B, *middles)}


def warps(amounts_6B: Tensor, ratio: float) -> Tensor:
    """From places of the new picture to places of the old one, both in [-1, 1], affine: [B, 2, 3].

    Args:
        amounts_6B: turn, shear, stretch across, stretch down, move across, move down, each in [-1, 1].
        ratio: the picture's height over its width: a turn is by the angle that is seen.
    """
    turn_B, shear_B, across_B, down_B, right_B, below_B = amounts_6B
    cosine_B, sine_B = (TURN * turn_B).cos(), (TURN * turn_B).sin()
    wide_B, high_B = (STRETCH * across_B).exp(), (STRETCH * down_B).exp()
    slant_B = SHEAR * shear_B
    # Turn times shear times stretch, in units of half the width across and half the height down.
    first_B3 = torch.stack([cosine_B * wide_B, (cosine_B * slant_B - sine_B) * high_B * ratio, 2 * MOVE * right_B], 1)
    second_B3 = torch.stack([sine_B * wide_B / ratio, (sine_B * slant_B + cosine_B) * high_B, 2 * MOVE * below_B], 1)
    return torch.stack([first_B3, second_B3], 1)


def relit(x_BCHW: Tensor, contrasts_B: Tensor, brightnesses_B: Tensor) -> Tensor:
    """Values times a factor about the picture's mean, and lighter or darker, within [-1, 1]; amounts in [-1, 1]."""
    factor_B, added_B = (
        to_device(value_B, x_BCHW.device).to(x_BCHW.dtype)[:, None, None, None]
        for value_B in ((CONTRAST * contrasts_B).exp(), BRIGHTNESS * brightnesses_B)
    )
    mean_B = x_BCHW.mean((1, 2, 3), keepdim=True)
    return ((x_BCHW - mean_B) * factor_B + mean_B + added_B).clamp(-1, 1)
