"""Feature matching: the generator is to give the discriminator's features the means that reals give them.

Source: Salimans et al. 2016, arXiv:1606.03498, section 3.1: || E f(x) - E f(G(z)) ||_2^2, f the last hidden layer. The
means of a batch are compared, not examples. As in the authors' code the squared differences are averaged over the
features, not added up, so that a weight means the same at any width; for colour pictures it takes absolute ones.
"""

from typing import Annotated, ClassVar, Literal

from torch import Tensor

from sparring.losses.base import GENERATOR, Penalty, Play, penalties
from sparring.nn import ranks
from sparring.nn.wide import wide
from sparring.registry import Range


@penalties("feature-matching", paper="arXiv:1606.03498, section 3.1")
class FeatureMatching(Penalty):
    """The distance between the means of D's features over reals and over fakes, in the generator's turn."""

    name = "feature-matching"
    players: ClassVar[frozenset[str]] = frozenset({GENERATOR})
    needs_reals: ClassVar[bool] = True

    def __init__(
        self,
        *,
        weight: Annotated[float, "factor on the distance", Range(0.0)] = 1.0,
        norm: Annotated[Literal["l1", "l2"], "l2: squared differences, l1: absolute ones"] = "l2",
        every: Annotated[int, "evaluated once in so many updates, with so many times the weight", Range(1)] = 1,
    ) -> None:
        self.weight = weight
        self.norm = norm
        self.every = every

    def __call__(self, play: Play) -> Tensor:
        """The weighted distance of the two means, []."""
        difference_F = _mean(play.reals.feature_BF) - _mean(play.fake.feature_BF)
        distance = difference_F.abs().mean() if self.norm == "l1" else difference_F.square().mean()
        return self.weight * self.every * distance


def _mean(feature_BF: Tensor) -> Tensor:
    return ranks.mean(feature_BF.mean(0, dtype=wide(feature_BF.dtype)))
