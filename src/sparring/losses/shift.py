"""Shifts of what the discriminator sees, by whole points: small ones lose nothing, and D learns that place is no class.

The draws and the border differ by who asks: `shift` repeats the points of the border, as suits pictures whose
background is not grey; DiffAugment (arXiv:2006.10738) lets grey come in.
"""

from typing import Annotated

import torch
from torch import Tensor

from sparring.losses.base import Augmentation, augmentations
from sparring.nn import ranks
from sparring.registry import Range


@augmentations("shift")
class Shift(Augmentation):
    """Every picture that D sees moves by a few points; those of its border come in."""

    def __init__(
        self, *, reach: Annotated[int, "most points that a picture moves, each way and up or down", Range(1)] = 2
    ) -> None:
        self.reach = reach

    def __call__(self, x_BCHW: Tensor) -> Tensor:
        """See `Augmentation.__call__`."""
        height, width = x_BCHW.shape[2:]
        rows_BH, columns_BW = shifts(x_BCHW, (self.reach, self.reach))
        return picked(x_BCHW, rows_BH.clamp(0, height - 1), columns_BW.clamp(0, width - 1))


def shifts(x_BCHW: Tensor, reach: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Where each row and column comes from, [B, H] and [B, W], in pictures that move by up to `reach` points."""
    rows_BH, columns_BW = (
        torch.arange(side, device=x_BCHW.device) - ranks.randint(-most, most + 1, len(x_BCHW), 1, device=x_BCHW.device)
        for side, most in zip(x_BCHW.shape[2:], reach, strict=True)
    )
    return rows_BH, columns_BW


def picked(x_BCHW: Tensor, rows_BH: Tensor, columns_BW: Tensor) -> Tensor:
    """The given rows and columns of each picture, channels last.

    No sampler, because gathering is differentiable twice everywhere; and along one axis, because the gradient of an
    index by several is four times slower on a CPU.
    """
    examples, height, width = len(x_BCHW), rows_BH.shape[1], columns_BW.shape[1]
    place_BN1 = (rows_BH[:, :, None] * x_BCHW.shape[3] + columns_BW[:, None, :]).flatten(1)[:, :, None]
    points_BNC = x_BCHW.permute(0, 2, 3, 1).flatten(1, 2)
    picked_BNC = points_BNC.gather(1, place_BN1.expand(-1, -1, x_BCHW.shape[1]))
    return picked_BNC.view(examples, height, width, -1).permute(0, 3, 1, 2)
