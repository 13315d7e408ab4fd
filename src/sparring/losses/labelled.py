"""Cross-entropy of a discriminator's class head on the examples that have a label, dealt apart from all others.

Source: Salimans et al. 2016, arXiv:1606.03498, section 5: L_supervised = -log p(y | x, y < K + 1). Few labels among
many examples would fill few places of a batch; a stream of their own gives each update a full batch of them.
"""

from typing import Annotated, ClassVar

from torch import Tensor
from torch.nn.functional import cross_entropy

from sparring.losses.base import Penalty, Play, penalties, refuse_nameless
from sparring.models.gan.base import Discriminator, Generator
from sparring.registry import Range


@penalties("supervised", paper="arXiv:1606.03498, section 5")
class Supervised(Penalty):
    """The discriminator's class head learns from the examples with labels.

    With `semi-supervised` heads and the non-saturating loss D's adversarial term is twice the paper's L_unsupervised,
    so a weight of 2 gives its sum, doubled.
    """

    name = "supervised"
    needs_labelled: ClassVar[bool] = True

    def __init__(
        self,
        *,
        weight: Annotated[float, "factor on the cross-entropy in nats; 2 as in the paper", Range(0.0)] = 2.0,
        every: Annotated[int, "evaluated once in so many updates, with so many times the weight", Range(1)] = 1,
    ) -> None:
        self.weight = weight
        self.every = every

    def check(self, generator: Generator, discriminator: Discriminator) -> None:
        """See `Penalty.check`."""
        refuse_nameless(self.name, discriminator)

    def __call__(self, play: Play) -> Tensor:
        """The weighted cross-entropy per labelled example, [B]."""
        assert play.labelled is not None, "this penalty is shown examples with labels"
        logit_BK = play.discriminator.class_logits(play.labelled.feature_BF)
        loss_B: Tensor = cross_entropy(logit_BK, play.batch["y_labelled"], reduction="none")
        return self.weight * self.every * loss_B
