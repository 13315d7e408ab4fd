"""Residual networks for small pictures, of SN-GAN and of WGAN-GP.

Papers: Miyato et al., "Spectral normalization for generative adversarial networks", arXiv:1802.05957, table 4: width
256 in the generator and 128 in the discriminator, sums over the places and spectral normalisation; Gulrajani et al.,
"Improved training of Wasserstein GANs", arXiv:1704.00028, appendix F: width 128 in both, means and no normalisation.
With `conditioning=norm` the generator's batch norm has a gain and a shift of each class, as in Miyato and Koyama,
"cGANs with projection discriminator", arXiv:1802.05637. The papers' size is 3x32x32.
Departures: other sizes have one stage a halving, with half the channels for each beyond three; a convolution right
before batch norm has no bias, which the norm would cancel; the discriminator halves its map once less than the
generator doubles it, at least once.
"""

import math
from itertools import pairwise
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.gan.base import (
    HEADS,
    Discriminator,
    Generator,
    HeadKind,
    Sides,
    discriminators,
    generators,
    image_spec,
    joined,
)
from sparring.nn.convolution import Conv2d
from sparring.nn.layout import same_layout
from sparring.nn.spectral import normalise_spectrum
from sparring.registry import Range


@generators("resnet", paper="arXiv:1802.05957, table 4")
class ResNetGenerator(Generator):
    """A linear map, residual blocks that double the sides, batch norm, a 3x3 convolution to the picture, tanh."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "channels of the smallest map", Range(1)] = 256,
        z_dim: Annotated[int, "size of the noise", Range(1)] = 128,
        embedding: Annotated[int, "size of the class's embedding, joined to z", Range(1)] = 32,
        conditional: Annotated[bool, "whether it is asked for a class, where there are classes"] = True,
        conditioning: Annotated[
            Literal["joined", "norm"], "where the class enters: joined to z, or by batch norm's gain and shift"
        ] = "joined",
    ) -> None:
        super().__init__()
        spec = image_spec(spec)
        self.z_dim = z_dim
        self.classes = len(spec.classes) if conditional else 0
        joins = self.classes > 0 and conditioning == "joined"
        self.embedding = nn.Embedding(self.classes, embedding) if joins else None
        sides = Sides(spec.height, spec.width)
        widths = _widths(sides.stages, width)[::-1]
        normed = 0 if joins else self.classes
        self._base = (width, *sides.base)
        self.linear = nn.Linear(z_dim + (embedding if joins else 0), math.prod(self._base))
        self.blocks = nn.ModuleList(
            UpBlock(inputs, outputs, size, normed)
            for (inputs, outputs), size in zip(pairwise(widths), sides.chain[-2::-1], strict=True)
        )
        self.norm = ClassNorm(widths[-1], normed)
        self.last = Conv2d(widths[-1], spec.channels, 3, 1, 1)
        self.apply(_init)

    def forward(self, z_BZ: Tensor, condition: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        z_BZ = joined(z_BZ, self.embedding, condition)
        h_BCHW = self.linear(z_BZ).unflatten(1, self._base).contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            h_BCHW = block(h_BCHW, condition)
        pictures: Tensor = self.last(F.relu(self.norm(h_BCHW, condition))).tanh()
        return pictures


@discriminators("resnet", paper="arXiv:1802.05957, table 4")
class ResNetDiscriminator(Discriminator):
    """Residual blocks that halve the sides, two that do not, features summed over the places, a linear head."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "channels of the smallest map", Range(1)] = 128,
        norm: Annotated[Literal["spectral", "none"], "how every layer is normalised"] = "spectral",
        pool: Annotated[Literal["sum", "mean"], "of the features, over the places"] = "sum",
        heads: Annotated[HeadKind, HEADS] = "projection",
    ) -> None:
        spec = image_spec(spec)
        super().__init__(heads=heads, classes=len(spec.classes), features=width)
        stages = Sides(spec.height, spec.width).stages
        widths = (spec.channels, *_widths(stages, width)[: max(1, stages - 1)])
        blocks: list[nn.Module] = [DownBlock(*widths[:2], first=True)]
        blocks += [DownBlock(inputs, outputs) for inputs, outputs in pairwise(widths[1:])]
        blocks += [DownBlock(width, width, down=False) for _ in range(2)]
        self.blocks = nn.Sequential(*blocks)
        self._pool = pool
        self.head = nn.Linear(width, 1) if heads != "semi-supervised" else None
        self.apply(_init)
        if norm == "spectral":
            normalise_spectrum(self)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """The last map's sums or means over its places, [B, F]."""
        h_BCHW = same_layout(F.relu(self.blocks(x_BCHW)))
        return h_BCHW.sum((2, 3)) if self._pool == "sum" else h_BCHW.mean((2, 3))

    def score(self, h_BF: Tensor) -> Tensor:
        """See `Discriminator.score`."""
        assert self.head is not None, "semi-supervised heads have no score of their own"
        logit_B: Tensor = self.head(h_BF).flatten()
        return logit_B


class ClassNorm(nn.Module):
    """Batch norm; with classes, each has a gain and a shift of its own (arXiv:1610.07629)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=not classes)
        self.gain = nn.Embedding(classes, channels) if classes else None
        self.shift = nn.Embedding(classes, channels) if classes else None

    def forward(self, x_BCHW: Tensor, label_B: Tensor | None) -> Tensor:
        """[B, C, H, W] to [B, C, H, W]; labels only where there are classes."""
        h_BCHW: Tensor = self.norm(x_BCHW)
        if self.gain is None or self.shift is None:
            return h_BCHW
        assert label_B is not None, "a conditional generator needs labels"
        gain_BC, shift_BC = self.gain(label_B).to(h_BCHW.dtype), self.shift(label_B).to(h_BCHW.dtype)
        result_BCHW: Tensor = h_BCHW * gain_BC[:, :, None, None] + shift_BC[:, :, None, None]
        return result_BCHW


class UpBlock(nn.Module):
    """Norm, ReLU, upsampling to `size`, 3x3, norm, ReLU, 3x3; beside it upsampling and 1x1."""

    def __init__(self, inputs: int, outputs: int, size: tuple[int, int], classes: int) -> None:
        super().__init__()
        self.size = size
        self.norm1, self.norm2 = ClassNorm(inputs, classes), ClassNorm(outputs, classes)
        self.conv1 = Conv2d(inputs, outputs, 3, 1, 1, bias=False)
        self.conv2 = Conv2d(outputs, outputs, 3, 1, 1)
        self.shortcut = Conv2d(inputs, outputs, 1)

    def forward(self, x_BCHW: Tensor, label_B: Tensor | None) -> Tensor:
        """[B, C, H, W] to [B, C', *size]."""
        h_BCHW = self.conv1(F.interpolate(F.relu(self.norm1(x_BCHW, label_B)), self.size))
        h_BCHW = self.conv2(F.relu(self.norm2(h_BCHW, label_B)))
        # A 1x1 convolution of copies is a copy of its results.
        sum_BCHW: Tensor = h_BCHW + F.interpolate(self.shortcut(x_BCHW), self.size)
        return sum_BCHW


class DownBlock(nn.Module):
    """ReLU, 3x3, ReLU, 3x3, means of 2x2 places; beside it means and 1x1. The first block has no ReLU at the picture.

    Args:
        down: whether it halves the sides; where it does not, `inputs` is `outputs` and the input is added as it is.
    """

    def __init__(self, inputs: int, outputs: int, *, first: bool = False, down: bool = True) -> None:
        super().__init__()
        self._first = first
        self.conv1 = Conv2d(inputs, outputs, 3, 1, 1)
        self.conv2 = Conv2d(outputs, outputs, 3, 1, 1)
        self.shortcut = Conv2d(inputs, outputs, 1) if down else None

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, C, H, W] to [B, C', H / 2, W / 2] or, where it is not `down`, [B, C, H, W]."""
        h_BCHW: Tensor = self.conv2(F.relu(self.conv1(x_BCHW if self._first else F.relu(x_BCHW))))
        if self.shortcut is None:
            return x_BCHW + h_BCHW
        half_BCHW: Tensor = F.avg_pool2d(h_BCHW, 2) + self.shortcut(F.avg_pool2d(x_BCHW, 2))
        return half_BCHW


def _widths(stages: int, width: int) -> tuple[int, ...]:
    """Channels at every size, from the picture down: `width` at the smallest four, half for each beyond."""
    return tuple(max(1, width >> max(0, stages - 3 - stage)) for stage in range(stages + 1))


def _init(module: nn.Module) -> None:
    """Glorot's uniform weights, a gain of root 2 for the 3x3 convolutions of the blocks, as the authors' code."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, UpBlock | DownBlock):
        for convolution in (module.conv1, module.conv2):
            nn.init.xavier_uniform_(convolution.weight, gain=math.sqrt(2))
    if isinstance(module, ClassNorm) and module.gain is not None and module.shift is not None:
        nn.init.ones_(module.gain.weight)
        nn.init.zeros_(module.shift.weight)
