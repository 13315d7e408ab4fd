"""What residual networks are made of: the first layers, blocks of two or three convolutions, and their shortcuts.

Paper: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", arXiv:1512.03385, sections 3.2 to 3.4.
"""

from itertools import pairwise
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from sparring.errors import UsageError
from sparring.nn.convolution import Conv2d
from sparring.nn.squeeze_excitation import SqueezeExcitation

StemKind = Literal["auto", "7x7", "3x3"]
ShortcutKind = Literal["projection", "padding", "none"]
StrideIn = Literal["1x1", "3x3"]

STEM = "first layers: 7x7 of stride 2 and a pool; 3x3 alone; auto: 3x3 alone for sides below 64"
SHORTCUT = "where shapes change: 1x1 projection (B), or zeros as further channels (A); none: a plain net, without any"
STRIDE_IN = "which convolution of three halves the sides: 1x1 as in the paper, 3x3 as in most libraries"
REDUCTION = "squeeze-and-excitation with one unit for so many channels (arXiv:1709.01507); 0: without"
ZERO_GAIN = "whether blocks begin as their shortcuts: the last norm's gain is 0 (arXiv:1706.02677, 5.1)"

LARGE = 64
"""From this side on `auto` takes the stem of the paper's large pictures, which leaves a quarter of it."""


def stem_of(kind: StemKind, channels: int, outputs: int, side: int) -> nn.Sequential:
    """Convolution, batch norm, ReLU and perhaps a pool: [B, channels, H, W] to [B, outputs, H', W'].

    Args:
        side: the shorter side of the pictures.
    """
    if kind == "3x3" or (kind == "auto" and side < LARGE):
        return nn.Sequential(conv3x3(channels, outputs), nn.BatchNorm2d(outputs), nn.ReLU())
    first = Conv2d(channels, outputs, 7, 2, 3, bias=False)
    return nn.Sequential(first, nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(3, 2, 1))


class Residual(nn.Module):
    """ReLU of the sum of a body, which ends in batch norm, and a shortcut (eq. 1).

    Args:
        bottleneck: 1x1 to a quarter of `outputs`, 3x3, 1x1 instead of two 3x3 (figure 5).
        shortcut, stride_in, reduction, zero_gain: see the constants of this file.

    Raises:
        UsageError: it would give zeros alone.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int = 1,
        *,
        bottleneck: bool = False,
        shortcut: ShortcutKind = "projection",
        stride_in: StrideIn = "1x1",
        reduction: int = 0,
        zero_gain: bool = False,
    ) -> None:
        super().__init__()
        if shortcut == "none" and zero_gain:
            raise UsageError("shortcut=none and zero_gain=true: no block would let anything pass. Leave one of them.")
        layers: list[nn.Module] = []
        for convolution in convolutions_of(inputs, outputs, stride, bottleneck=bottleneck, stride_in=stride_in):
            norm = nn.BatchNorm2d(convolution.out_channels)
            layers += [convolution, norm, nn.ReLU()]
        layers.pop()
        if zero_gain:
            nn.init.zeros_(norm.weight)
        if reduction:
            layers.append(SqueezeExcitation(outputs, reduction))
        self.body = nn.Sequential(*layers)
        self.shortcut = shortcut_of(shortcut, inputs, outputs, stride)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, inputs, H, W] to [B, outputs, H / stride, W / stride], rounded up."""
        h_BCHW: Tensor = self.body(x_BCHW)
        return F.relu(h_BCHW if self.shortcut is None else h_BCHW + self.shortcut(x_BCHW))


class PaddedShortcut(nn.Module):
    """Every `stride`-th place, and zeros for the channels that come in addition: option A, without parameters."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.further, self.stride = outputs - inputs, stride

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, inputs, H, W] to [B, outputs, H / stride, W / stride], rounded up."""
        # A pool of single places: the gradient of a slice would lie in another order than the maps, see `nn/layout`.
        return F.pad(F.avg_pool2d(x_BCHW, 1, self.stride), (0, 0, 0, 0, 0, self.further))


def shortcut_of(kind: ShortcutKind, inputs: int, outputs: int, stride: int, *, norm: bool = True) -> nn.Module | None:
    """The identity where shapes stay, else what `kind` says, a projection with batch norm; None for plain nets."""
    if kind == "none":
        return None
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    if kind == "padding":
        return PaddedShortcut(inputs, outputs, stride)
    projection = Conv2d(inputs, outputs, 1, stride, bias=False)
    return nn.Sequential(projection, nn.BatchNorm2d(outputs)) if norm else projection


def convolutions_of(
    inputs: int, outputs: int, stride: int, *, bottleneck: bool, stride_in: StrideIn = "1x1"
) -> tuple[nn.Conv2d, ...]:
    """The two or three convolutions of a block, without biases, which batch norm would cancel."""
    if not bottleneck:
        return conv3x3(inputs, outputs, stride), conv3x3(outputs, outputs)
    inner = outputs // 4
    first, second = (stride, 1) if stride_in == "1x1" else (1, stride)
    return (
        Conv2d(inputs, inner, 1, first, bias=False),
        conv3x3(inner, inner, second),
        Conv2d(inner, outputs, 1, bias=False),
    )


def conv3x3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the sides, or halves them by its stride, without a bias."""
    return Conv2d(inputs, outputs, 3, stride, 1, bias=False)


def stages_of(first: int, widths: tuple[int, ...], blocks: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Inputs, outputs and stride of each block: a stage has one width, all stages but the first begin by halving.

    >>> stages_of(16, (16, 32), (1, 2))
    [(16, 16, 1), (16, 32, 2), (32, 32, 1)]
    """
    outputs = [width for width, count in zip(widths, blocks, strict=True) for _ in range(count)]
    halves = [stage > 0 and block == 0 for stage, count in enumerate(blocks) for block in range(count)]
    pairs = pairwise([first, *outputs])
    return [(before, after, 2 if half else 1) for (before, after), half in zip(pairs, halves, strict=True)]
