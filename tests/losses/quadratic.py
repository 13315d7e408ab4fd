"""A discriminator whose slopes are known, and a turn in which it is shown pictures."""

import functools

import torch
from torch import Tensor, nn

from sparring.losses.base import Play, Seen
from sparring.models.gan.base import Discriminator, Generator

SHAPE = (5, 2, 3, 3)


class Quadratic(Discriminator):
    """D(x) = x' A x / 2 with A symmetric, so that dD/dx = A x and ||dD/dx||^2 = x' A A x."""

    def __init__(self) -> None:
        super().__init__(heads="none", classes=0, features=1)
        size = SHAPE[1] * SHAPE[2] * SHAPE[3]
        half = torch.randn(size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        self.form = nn.Parameter(half + half.T)

    def features(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW.flatten(1)

    def score(self, x_BN: Tensor) -> Tensor:
        logit_B: Tensor = ((x_BN @ self.form) * x_BN).sum(1) / 2
        return logit_B

    def squared_slope(self, x_BCHW: Tensor) -> Tensor:
        slope: Tensor = (x_BCHW.flatten(1) @ self.form).square().sum(1)
        return slope


def seen(discriminator: Discriminator, x_BCHW: Tensor, label: Tensor | None = None) -> Seen:
    h_BF = discriminator.features(x_BCHW)
    return Seen(x_BCHW=x_BCHW, feature_BF=h_BF, logit_B=discriminator.logit(h_BF, label), label_B=label)


def pictures() -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(1)
    real, fake = (torch.randn(SHAPE, dtype=torch.float64, generator=draw).requires_grad_() for _ in range(2))
    return real, fake


def play(discriminator: Discriminator, *, player: str = "discriminator") -> Play:
    return played_with(discriminator, *pictures(), player=player)


def played_with(discriminator: Discriminator, real: Tensor, fake: Tensor, *, player: str = "discriminator") -> Play:
    return Play(
        player=player,
        batch={},
        generator=Generator(),
        discriminator=discriminator,
        real=seen(discriminator, real),
        fake=seen(discriminator, fake),
        see=functools.partial(seen, discriminator),
    )
