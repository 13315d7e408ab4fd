"""Distance of a translated picture from the target of its source.

Source: Isola et al., arXiv:1611.07004, eq. 3-4: L1 blurs less than L2, and D takes care of what L1 leaves blurred.
"""

from typing import Annotated, ClassVar

from torch import Tensor

from sparring.errors import UsageError
from sparring.losses.base import GENERATOR, Penalty, Play, penalties
from sparring.models.gan.base import Discriminator, Generator
from sparring.registry import Range


@penalties("l1", paper="arXiv:1611.07004, eq. 3")
class L1(Penalty):
    """Mean of |target - G(source)|, for pairs of pictures."""

    name = "l1"
    players: ClassVar[frozenset[str]] = frozenset({GENERATOR})

    def __init__(
        self,
        *,
        weight: Annotated[float, "of the distance, whose values lie in 0 to 2", Range(0.0)] = 100.0,
        every: Annotated[int, "evaluated once in so many updates, with so many times the weight", Range(1)] = 1,
    ) -> None:
        self.weight = weight
        self.every = every

    def check(self, generator: Generator, discriminator: Discriminator) -> None:
        """See `Penalty.check`."""
        if not generator.source_channels:
            raise UsageError(
                "--set penalties=l1 compares each picture with the target of its source, and this generator makes "
                "pictures of no source: take --set generator.model=unet on pairs, or leave it out."
            )

    def __call__(self, play: Play) -> Tensor:
        """The weighted distance of each picture, [B]."""
        distance_B = (play.batch["x"] - play.fake.x_BCHW).abs().flatten(1).mean(1)
        return self.weight * self.every * distance_B
