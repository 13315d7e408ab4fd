"""Activations by name."""

from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn

ActivationKind = Literal["step", "sigmoid", "tanh", "relu", "leaky", "elu", "selu", "gelu", "scaled-tanh", "none"]


class Step(nn.Module):
    """1 above 0, else 0; backwards as if it were the identity within [-1, 1], or nothing below it would learn.

    Source: Bengio, Leonard, Courville 2013, arXiv:1308.3432, section 4 (the straight-through estimator), cut off as in
    Hubara et al. 2016, arXiv:1602.02830, eq. 4.
    """

    def forward(self, x: Tensor) -> Tensor:
        """A tensor of x's shape, of zeros and ones."""
        through = x.clamp(-1, 1)
        return through + ((x > 0).to(x.dtype) - through).detach()


class ScaledTanh(nn.Module):
    """1.7159 tanh(2 x / 3), which maps 1 to 1 and -1 to -1.

    Source: LeCun, Bottou, Bengio, Haffner 1998, eq. 6 and appendix A.
    """

    def forward(self, x: Tensor) -> Tensor:
        """A tensor of x's shape, in (-1.7159, 1.7159)."""
        return 1.7159 * torch.tanh(x * (2 / 3))


_KINDS: Mapping[str, Callable[[], nn.Module]] = {
    "step": Step,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky": lambda: nn.LeakyReLU(0.2),
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "scaled-tanh": ScaledTanh,
    "none": nn.Identity,
}


def activation_of(kind: ActivationKind) -> nn.Module:
    """A new module of that name."""
    return _KINDS[kind]()
