"""How far what was rebuilt is from the original: errors, and negative log-likelihoods.

Shape suffixes: B examples; an example has any shape, pictures are in [-1, 1].
"""

import math
from typing import Annotated, ClassVar, Protocol

import torch
from torch import Tensor
from torch.nn.functional import softplus

from sparring.nn.wide import widened
from sparring.registry import Range, Registry

GREYS = 127.5
"""Steps of a byte within a length of 1, for pictures in [-1, 1]."""


class ReconstructionLoss(Protocol):
    """A pure function of what a decoder made and of the original."""

    nats: ClassVar[bool]
    """Whether it is -log p(x | z), summed over the values of an example; else a mean over them."""

    def __call__(self, made: Tensor, x: Tensor, log_sd: Tensor | None = None) -> Tensor:
        """The loss of each example, [B].

        Args:
            made: [B, ...], as the decoder gives it.
            log_sd: log of the standard deviation that the network learned, [], where it learns one.
        """
        ...

    def shown(self, made: Tensor) -> Tensor:
        """The mean of p(x | z), of x's range but for what an unbounded decoder leaves: what is drawn."""
        ...

    def bits(self, nats: float, values: int, *, pictures: bool) -> float:
        """Nats of one example in bits per dimension, where the loss is in nats.

        Args:
            values: of an example.
        """
        ...


reconstruction_losses: Registry[ReconstructionLoss] = Registry("reconstruction loss", package="sparring.losses")


class _Error:
    """What the two errors share."""

    nats: ClassVar[bool] = False

    def shown(self, made: Tensor) -> Tensor:
        """As it is."""
        return made

    def bits(self, nats: float, values: int, *, pictures: bool) -> float:
        """No likelihood, no bits."""
        return math.nan


@reconstruction_losses("mse")
class SquaredError(_Error):
    """Mean squared error: the mean of what is possible is best, so that what is uncertain is blurred."""

    def __call__(self, made: Tensor, x: Tensor, log_sd: Tensor | None = None) -> Tensor:
        """Mean of (made - x)^2 over the values, [B]."""
        return (_wide(made) - x).square().flatten(1).mean(1)


@reconstruction_losses("mae")
class AbsoluteError(_Error):
    """Mean absolute error: the median is best, and a far value counts less than with squares."""

    def __call__(self, made: Tensor, x: Tensor, log_sd: Tensor | None = None) -> Tensor:
        """Mean of |made - x| over the values, [B]."""
        return (_wide(made) - x).abs().flatten(1).mean(1)


@reconstruction_losses("bernoulli")
class Bernoulli:
    """-log p(x | z) in nats of points that are black or white; the decoder gives logits.

    Of grey points it is the expectation over drawing each white with its value as the probability: a bound for such
    drawn pictures, not for the grey ones.
    """

    nats: ClassVar[bool] = True

    def __call__(self, made: Tensor, x: Tensor, log_sd: Tensor | None = None) -> Tensor:
        """-sum s log p + (1 - s) log(1 - p) with s = (x + 1) / 2, [B]."""
        logit, share = _wide(made), (x + 1) / 2
        return (softplus(logit) - share * logit).flatten(1).sum(1)

    def shown(self, made: Tensor) -> Tensor:
        """The probability of white, as a grey value."""
        return 2 * made.sigmoid() - 1

    def bits(self, nats: float, values: int, *, pictures: bool) -> float:
        """Bits per point."""
        return nats / (values * math.log(2))


@reconstruction_losses("gaussian")
class Gaussian:
    """-log p(x | z) in nats of independent values with one standard deviation; a density, so it may be negative."""

    nats: ClassVar[bool] = True

    def __init__(
        self,
        *,
        sd: Annotated[
            float | None, "standard deviation, pictures being in [-1, 1]; none: learned by a VAE, else 1", Range(1e-6)
        ] = None,
    ) -> None:
        self.sd = sd

    def __call__(self, made: Tensor, x: Tensor, log_sd: Tensor | None = None) -> Tensor:
        """Sum of (made - x)^2 / (2 sd^2) + log sd + log(2 pi) / 2 over the values, [B]."""
        if self.sd is not None or log_sd is None:
            log_sd = torch.tensor(math.log(self.sd or 1.0), dtype=x.dtype, device=x.device)
        wide = _wide(made)
        scaled = ((wide - x) * (-log_sd).exp()).square().flatten(1)
        return 0.5 * scaled.sum(1) + scaled.shape[1] * (log_sd + 0.5 * math.log(2 * math.pi))

    def shown(self, made: Tensor) -> Tensor:
        """The mean."""
        return made

    def bits(self, nats: float, values: int, *, pictures: bool) -> float:
        """Bits per value: of pictures as if the density were even within a byte's step, of rows of the density."""
        return nats / (values * math.log(2)) + (math.log2(GREYS) if pictures else 0.0)


def _wide(made: Tensor) -> Tensor:
    """In fp32 at least: sums over thousands of values need it."""
    return widened(made)
