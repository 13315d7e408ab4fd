"""What the Inception networks are made of: chains of convolutions side by side, joined along the channels.

Source: Szegedy et al., "Going deeper with convolutions", arXiv:1409.4842, figure 2b; with batch norm as in "Rethinking
the Inception architecture", arXiv:1512.00567.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.nn.conv_norm import conv_norm

EPS = 1e-3
"""What batch norm adds to the variance, as in the authors' code."""

Layer = tuple[int, int | tuple[int, int]]
"""Channels that come out, and the kernel."""


class Branches(nn.ModuleList):
    """Modules that read the same map; what they give is joined along the channels."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, C, H, W] to [B, sum of the branches' channels, H', W']."""
        return torch.cat([branch(x_BCHW) for branch in self], 1)


def chain(inputs: int, *layers: Layer, halves: bool = False) -> nn.Sequential:
    """Convolutions with batch norm and ReLU, one after the other, with as many places as before.

    Args:
        halves: the last one moves in steps of two and is not padded.
    """
    modules = []
    for number, (outputs, kernel) in enumerate(layers, start=1):
        last = halves and number == len(layers)
        modules.append(conv_norm(inputs, outputs, kernel, stride=2 if last else 1, padded=not last, eps=EPS))
        inputs = outputs
    return nn.Sequential(*modules)


def pooled_chain(inputs: int, outputs: int, *, count_padding: bool) -> nn.Sequential:
    """Means of 3x3 places, then 1x1.

    Args:
        count_padding: whether zeros beyond the border count, as in torchvision, or not, as in the authors' code.
    """
    return nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=count_padding), *chain(inputs, (outputs, 1)))


class AuxiliaryPool(nn.Module):
    """Means of 5x5 places in steps of three, as the auxiliary classifiers begin; what reads them needs `side` x `side`.

    Maps of other sizes than the papers', which that would not fit, are cut into `side` x `side` parts instead.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, C, H, W] to [B, C, side, side]."""
        if all((places - 5) // 3 + 1 == self.side for places in x_BCHW.shape[2:]):
            return F.avg_pool2d(x_BCHW, 5, 3)
        return F.adaptive_avg_pool2d(x_BCHW, self.side)
