"""WGAN-GP: D's slope is held near 1 halfway between reals and fakes.

Paper: Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville, "Improved training of Wasserstein GANs", arXiv:1704.00028,
eq. 3. The norm is that of each picture's own gradient with respect to the picture before any augmentation. A mixture is
shown with the label of its real.
"""

from typing import Annotated, ClassVar

import torch
from torch import Tensor

from sparring.losses.base import Penalty, Play, penalties
from sparring.losses.penalties import slopes
from sparring.nn import ranks
from sparring.registry import Range


@penalties("gradient-penalty", paper="arXiv:1704.00028, eq. 3")
class GradientPenalty(Penalty):
    """weight times (slope of D - 1)^2 at one random mixture of each real with a fake."""

    name = "gradient-penalty"
    by_example: ClassVar[bool] = True

    def __init__(
        self,
        *,
        weight: Annotated[float, "strength, the paper's lambda", Range(0.0)] = 10.0,
        every: Annotated[int, "evaluated once in so many updates, with so many times the weight", Range(1)] = 1,
    ) -> None:
        self.weight = weight
        self.every = every

    def __call__(self, play: Play) -> Tensor:
        """The penalty per mixture, [B]."""
        real_BCHW = play.reals.x_BCHW.detach()
        share_B111 = ranks.rand(
            len(real_BCHW), *[1] * (real_BCHW.ndim - 1), device=real_BCHW.device, dtype=real_BCHW.dtype
        )
        mixed_BCHW = play.fake.x_BCHW.detach().to(real_BCHW.dtype).lerp(real_BCHW, share_B111).requires_grad_()
        logit_B = play.see(mixed_BCHW, play.reals.label_B).logit_B
        # Unlike a root of squares, this norm has a gradient (0) where D is flat.
        slope_B: Tensor = torch.linalg.vector_norm(slopes(logit_B, mixed_BCHW), dim=1)
        return self.weight * self.every * (slope_B - 1).square()
