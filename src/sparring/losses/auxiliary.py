"""AC-GAN: D names the class of what it is shown, and G is to draw what is named as it was asked for.

Paper: Odena, Olah, Shlens, "Conditional image synthesis with auxiliary classifier GANs", arXiv:1610.09585, eq. 3. D is
to name fakes as well as reals, each by what it was asked for: while G draws a 3 where a 5 was wanted, D is told that
3s are 5s. `fakes=false` leaves them out of D's turn. Pictures without a label do not count, nor do fakes whose real
partner has none: nobody is shown their label.
"""

from typing import Annotated, ClassVar

from torch import Tensor

from sparring.errors import UsageError
from sparring.losses.base import DISCRIMINATOR, GENERATOR, Penalty, Play, Seen, penalties
from sparring.losses.supervised import labelled_cross_entropy
from sparring.models.gan.base import Discriminator, Generator
from sparring.registry import Range


@penalties("auxiliary", paper="arXiv:1610.09585, eq. 3")
class Auxiliary(Penalty):
    """weight times the cross-entropy of the classes that D names: of reals and fakes for D, of fakes for G."""

    name = "auxiliary"
    players: ClassVar[frozenset[str]] = frozenset({DISCRIMINATOR, GENERATOR})

    def __init__(
        self,
        *,
        weight: Annotated[float, "of the classes beside that of real and fake, 1 in the paper", Range(0.0)] = 1.0,
        fakes: Annotated[bool, "whether D learns to name fakes as well, by what they were asked for"] = True,
        every: Annotated[int, "evaluated once in so many updates, with so many times the weight", Range(1)] = 1,
    ) -> None:
        self.weight = weight
        self.fakes = fakes
        self.every = every

    def check(self, generator: Generator, discriminator: Discriminator) -> None:
        """See `Penalty.check`."""
        if discriminator.heads != "auxiliary":
            raise UsageError(
                f"the auxiliary loss needs a discriminator that names classes beside its logit; its heads are "
                f"'{discriminator.heads}'. Take --set discriminator.heads=auxiliary."
            )
        if not generator.conditional:
            raise UsageError(
                "the auxiliary loss needs a generator that is asked for a class. Take --set generator.conditional=true."
            )

    def __call__(self, play: Play) -> Tensor:
        """Cross-entropy in nats of pairs of a real and a fake, or of fakes, [B]; its mean is that over the labelled."""
        seen = [play.fake] if play.player == GENERATOR or self.fakes else []
        seen += [play.reals] if play.player == DISCRIMINATOR else []
        terms_SB = [_cross_entropy(play.discriminator, pictures) for pictures in seen]
        return self.weight * self.every * sum(terms_SB[1:], terms_SB[0])


def _cross_entropy(discriminator: Discriminator, pictures: Seen) -> Tensor:
    assert pictures.label_B is not None, "a conditional generator comes with labels"
    return labelled_cross_entropy(discriminator.class_logits(pictures.feature_BF), pictures.label_B)
