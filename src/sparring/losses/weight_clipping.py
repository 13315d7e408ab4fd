"""Weight clipping: the first way to bound a Wasserstein critic's slope.

Paper: Arjovsky, Chintala, Bottou, "Wasserstein GAN", arXiv:1701.07875, algorithm 1, line 7.
"""

from typing import Annotated

import torch
from torch import Tensor, nn

from sparring.losses.base import DISCRIMINATOR, Penalty, Play, penalties
from sparring.registry import Range


@penalties("weight-clipping", paper="arXiv:1701.07875, algorithm 1")
class WeightClipping(Penalty):
    """After each step of D all its weights are put back into [-limit, limit]; nothing is added to a loss."""

    name = "weight-clipping"
    every = 1

    def __init__(self, *, limit: Annotated[float, "largest weight, the paper's c", Range(0.0)] = 0.01) -> None:
        self.limit = limit

    def __call__(self, play: Play) -> Tensor:
        """0, []: it acts after the step."""
        return play.fake.logit_B.new_zeros(())

    @torch.no_grad()
    def after_step(self, player: str, module: nn.Module) -> None:
        """See `Penalty.after_step`."""
        if player == DISCRIMINATOR:
            weights: list[Tensor] = list(module.parameters())
            torch._foreach_clamp_min_(weights, -self.limit)
            torch._foreach_clamp_max_(weights, self.limit)
