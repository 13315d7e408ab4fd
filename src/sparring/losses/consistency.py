"""Consistency: D is to say the same of a picture and of that picture flipped and shifted.

Papers: Zhang, Zhang, Odena, Lee, "Consistency regularization for generative adversarial networks", arXiv:1910.12027,
eq. 2 with the last layer alone; with `fakes` also Zhao, Singh, Lee, Zhang, Odena, Zhang, "Improved consistency
regularization for GANs", arXiv:2002.04724, section 2.1 (balanced, bCR). Shifts are by up to an eighth of the side, and
what they bare is grey; with an augmentation both pictures pass through it.
"""

from typing import Annotated

import torch
from torch import Tensor

from sparring.losses.base import Penalty, Play, Seen, penalties
from sparring.losses.diffaugment import shifted
from sparring.nn import ranks
from sparring.registry import Range


@penalties("consistency", paper="arXiv:1910.12027, arXiv:2002.04724")
class Consistency(Penalty):
    """weight times the squared difference of D's logits on a picture and on it flipped and shifted."""

    name = "consistency"

    def __init__(
        self,
        *,
        weight: Annotated[float, "strength, the papers' lambda", Range(0.0)] = 10.0,
        fakes: Annotated[bool, "fakes count as reals do (balanced consistency)"] = False,
        every: Annotated[int, "evaluated once in so many updates, with so many times the weight", Range(1)] = 1,
    ) -> None:
        self.weight = weight
        self.fakes = fakes
        self.every = every

    def __call__(self, play: Play) -> Tensor:
        """The penalty per real, or per pair of a real and a fake, [B]."""
        difference_B = _squared_difference(play, play.reals)
        if self.fakes:
            difference_B = difference_B + _squared_difference(play, play.fake)
        return self.weight * self.every * difference_B


def flipped(x_BCHW: Tensor) -> Tensor:
    """Left and right exchanged in every other picture, by chance."""
    return torch.where(ranks.rand(len(x_BCHW), 1, 1, 1, device=x_BCHW.device) < 0.5, x_BCHW.flip(3), x_BCHW)


def _squared_difference(play: Play, seen: Seen) -> Tensor:
    changed = play.see(shifted(flipped(seen.x_BCHW.detach())), seen.label_B)
    return (seen.logit_B - changed.logit_B).square()
