"""What a classifier is."""

from typing import ClassVar

from torch import Tensor, nn

from sparring.data.spec import ImageSpec, Spec
from sparring.errors import UsageError
from sparring.registry import Registry


class Classifier(nn.Module):
    """Examples to features, and features to one logit for each class.

    A subclass defines `features`, and sets `head`, which reads them.

    Attributes:
        head: the last layer, [B, F] to [B, K].
        auxiliary_weight: of the loss of each further head, see `heads`.
    """

    auxiliary_weight: ClassVar[float] = 0.0
    head: nn.Module

    def features(self, x_BCHW: Tensor) -> Tensor:
        """What the head reads, [B, F], of examples in [-1, 1] (rows [B, C] of a table)."""
        raise NotImplementedError

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Logits [B, K]."""
        logit_BK: Tensor = self.head(self.features(x_BCHW))
        return logit_BK

    def begin(self, x_NCHW: Tensor) -> None:
        """Told all training examples before the first round: a place for what is taken from the data."""

    def body(self) -> list[nn.Parameter]:
        """All parameters but those of the head."""
        head = set(self.head.parameters())
        return [parameter for parameter in self.parameters() if parameter not in head]

    def freeze(self, frozen: bool = True) -> None:
        """Told before the body's parameters stop to learn, and before they learn again: a place for what else is to
        stand still then."""

    def heads(self, x_BCHW: Tensor) -> tuple[Tensor, ...]:
        """The logits, [B, K], and those of whichever further heads help in training."""
        return (self(x_BCHW),)


def picture_spec(spec: Spec, name: str, *, least: int = 1) -> ImageSpec:
    """The spec of flat pictures with sides of `least` points or more, and with classes.

    Raises:
        UsageError: they are something else, or smaller; says what `name` needs.
    """
    if not isinstance(spec, ImageSpec) or spec.depth is not None:
        volumes = isinstance(spec, ImageSpec)
        told = "volumes: take --recipe volume" if volumes else "rows of numbers: take --recipe mlp"
        raise UsageError(f"{name} is for flat pictures, and the data are {told}.")
    if min(spec.height, spec.width) < least:
        raise UsageError(
            f"{name} needs pictures of {least}x{least} or more, these are {spec.height}x{spec.width}: give --size "
            f"{least}, or take a network for small pictures."
        )
    return spec


classifiers: Registry[Classifier] = Registry("classifier", package="sparring.models.classify")
