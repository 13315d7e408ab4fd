"""LeCam regularisation: D's logits are held to where the other side's have been of late.

Paper: Tseng, Jiang, Liu, Yang, Yang, "Regularizing generative adversarial networks under limited data",
arXiv:2104.03310, eq. 3 and 4. Departure: the averages are rid of the bias of their start at 0, as Adam's are, so the
term counts from the first update. Differences of both signs count, as in eq. 4; the authors' program takes those alone
in which a logit lies on its own side, at a weight of 0.3 on CIFAR-10 too.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
from torch import Tensor

from sparring.losses.base import Penalty, Play, penalties
from sparring.nn import ranks
from sparring.nn.wide import wide
from sparring.registry import Range


@penalties("lecam", paper="arXiv:2104.03310, eq. 4")
class LeCam(Penalty):
    """weight times (D(x) - average of fakes)^2 + (D(G(z)) - average of reals)^2, for few data."""

    name = "lecam"

    def __init__(
        self,
        *,
        weight: Annotated[float, "strength, the paper's lambda", Range(0.0)] = 0.3,
        decay: Annotated[float, "share of the averages that stays at each evaluation", Range(0.0, 1.0)] = 0.99,
        every: Annotated[int, "evaluated once in so many updates, with so many times the weight", Range(1)] = 1,
    ) -> None:
        self.weight = weight
        self.decay = decay
        self.every = every
        self._sums = torch.zeros(3)
        """Sums, fading by `decay`, of the mean logit of reals, that of fakes, and 1."""

    def __call__(self, play: Play) -> Tensor:
        """The penalty per pair of a real and a fake, [B]."""
        precision = wide(play.fake.logit_B.dtype)
        real_B, fake_B = play.reals.logit_B.to(precision), play.fake.logit_B.to(precision)
        now_3 = ranks.mean(torch.stack([real_B.mean(), fake_B.mean(), real_B.new_ones(())]).detach())
        sums_3 = self._sums.to(now_3)
        # Logits that are not finite, with which the engine does not step, must not stay in the averages.
        self._sums = torch.where(now_3.isfinite().all(), sums_3.lerp(now_3, 1 - self.decay), sums_3)
        of_reals, of_fakes = self._sums[:2] / self._sums[2]
        apart_B: Tensor = (real_B - of_fakes).square() + (fake_B - of_reals).square()
        return self.weight * self.every * apart_B

    def state(self) -> dict[str, Tensor]:
        """See `Penalty.state`."""
        return {"sums": self._sums}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """See `Penalty.load_state`."""
        self._sums = state["sums"]
