"""D is to be sure which class a real picture is of, also where nobody says which.

Paper: Dai et al., "Good semi-supervised learning that requires a bad GAN", arXiv:1705.09783: its conditional entropy,
of p(y | x, y < K + 1) over reals. Without it D may spread a real picture over all classes and still call it real.
"""

from typing import Annotated, ClassVar

from torch import Tensor

from sparring.losses.base import DISCRIMINATOR, Penalty, Play, penalties, refuse_nameless
from sparring.models.gan.base import Discriminator, Generator
from sparring.registry import Range


@penalties("entropy", paper="arXiv:1705.09783")
class ConditionalEntropy(Penalty):
    """weight times -sum_k p_k log p_k of the classes that D names for reals, in nats."""

    name = "entropy"
    players: ClassVar[frozenset[str]] = frozenset({DISCRIMINATOR})

    def __init__(
        self,
        *,
        weight: Annotated[float, "factor on the entropy in nats", Range(0.0)] = 0.1,
        every: Annotated[int, "evaluated once in so many updates, with so many times the weight", Range(1)] = 1,
    ) -> None:
        self.weight = weight
        self.every = every

    def check(self, generator: Generator, discriminator: Discriminator) -> None:
        """See `Penalty.check`."""
        refuse_nameless(self.name, discriminator)

    def __call__(self, play: Play) -> Tensor:
        """The weighted entropy of each real, [B]."""
        log_p_BK = play.discriminator.class_logits(play.reals.feature_BF).log_softmax(1)
        return -self.weight * self.every * (log_p_BK.exp() * log_p_BK).sum(1)
