"""Gradient penalties: how steep the discriminator may be, at the reals (R1) and at the fakes (R2).

Source: Mescheder, Geiger, Nowozin, "Which training methods for GANs do actually converge?", arXiv:1801.04406, eq. 9-10.
The gradient is taken with respect to the pictures as they enter the objective, before any augmentation.
"""

from typing import Annotated, ClassVar

import torch
from torch import Tensor

from sparring.losses.base import Penalty, Play, penalties
from sparring.nn.convolution import of_inputs_alone
from sparring.registry import Range


def squared_gradient(logit_B: Tensor, input_BCHW: Tensor) -> Tensor:
    """||d logit_b / d input_b||^2 summed over C, H and W, differentiable once more. [B], at least 0."""
    return slopes(logit_B, input_BCHW).square().sum(1)


def slopes(logit_B: Tensor, input_BCHW: Tensor) -> Tensor:
    """d logit_b / d input_b, [B, C * H * W], differentiable once more."""
    with of_inputs_alone():
        (grad_BCHW,) = torch.autograd.grad(logit_B.sum(), input_BCHW, create_graph=True)
    return grad_BCHW.flatten(1)


@penalties("r1", paper="arXiv:1801.04406, eq. 9")
class R1(Penalty):
    """gamma / 2 times the squared gradient of D at the reals."""

    name = "r1"
    needs_real_grad: ClassVar[bool] = True

    def __init__(
        self,
        *,
        gamma: Annotated[float, "strength; grows with the picture's size, see the recipe's reason", Range(0.0)] = 1.0,
        every: Annotated[int, "evaluated once in so many updates, with so many times the weight", Range(1)] = 1,
    ) -> None:
        self.gamma = gamma
        self.every = every

    def __call__(self, play: Play) -> Tensor:
        """The penalty per real, [B]."""
        return 0.5 * self.gamma * self.every * squared_gradient(play.reals.logit_B, play.reals.x_BCHW)


@penalties("r2", paper="arXiv:1801.04406, eq. 10")
class R2(Penalty):
    """gamma / 2 times the squared gradient of D at the fakes."""

    name = "r2"
    needs_fake_grad: ClassVar[bool] = True

    def __init__(
        self,
        *,
        gamma: Annotated[float, "strength; as a rule the same as r1's", Range(0.0)] = 1.0,
        every: Annotated[int, "evaluated once in so many updates, with so many times the weight", Range(1)] = 1,
    ) -> None:
        self.gamma = gamma
        self.every = every

    def __call__(self, play: Play) -> Tensor:
        """The penalty per fake, [B]."""
        return 0.5 * self.gamma * self.every * squared_gradient(play.fake.logit_B, play.fake.x_BCHW)
