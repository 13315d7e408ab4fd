"""R3GAN: residual blocks without any normalisation, thin where the picture is large, started as the identity.

Paper: Huang, Gokaslan, Kuleshov, Tompkin, "The GAN is dead; long live the GAN! A modern baseline GAN",
arXiv:2501.05441, configuration E. A learned map scaled by a linear map of (z, class) is the generator's start, stages
of bottleneck blocks with grouped convolutions follow, a 1x1 convolution draws the picture; the discriminator is the
mirror. With width 768, growth 1, 2 blocks, and the default expansion 2 and groups of 16, at 3x32x32 with ten classes,
the generator has 20.78 million parameters, the discriminator 21.28, as in the paper for CIFAR-10. The defaults are for
a CPU, where most of the time goes into what is next to the picture: few channels there, four times as many at each
halving, which takes the same time again, and one block a size.
Departures: an odd side is resampled by the same filter, with one point more; a picture without a label is scored
by the mean of the classes' embeddings; all stages compute in the precision of the run, not only the large ones.
"""

import math
from itertools import pairwise
from typing import Annotated, ClassVar

import torch
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
from sparring.registry import Range

SLOPE = 0.2


@generators("r3gan", paper="arXiv:2501.05441")
class R3GANGenerator(Generator):
    """Residual grouped convolutions from a learned map, no norm; its pictures are aimed at [-1, 1], not bound to it."""

    bounded: ClassVar[bool] = False

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "channels next to the picture", Range(1)] = 16,
        growth: Annotated[int, "factor on the channels at each halving of the sides", Range(1)] = 4,
        most: Annotated[int, "channels at most, in multiples of the width", Range(1)] = 8,
        blocks: Annotated[int, "residual blocks at each size", Range(1)] = 1,
        expansion: Annotated[int, "channels inside a block, in multiples of those outside", Range(1)] = 2,
        group: Annotated[int, "channels that a 3x3 convolution sees together", Range(1)] = 16,
        z_dim: Annotated[int, "size of the noise", Range(1)] = 64,
        embedding: Annotated[int, "size of the class's embedding, joined to z", Range(1)] = 64,
        conditional: Annotated[bool, "whether it is asked for a class, where there are classes"] = True,
    ) -> None:
        super().__init__()
        spec = image_spec(spec)
        self.z_dim = z_dim
        self.classes = len(spec.classes) if conditional else 0
        self.embedding = nn.Embedding(self.classes, embedding) if self.classes else None
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight, 0.0, 1 / math.sqrt(self.classes))
        sides, widths = _plan(spec.height, spec.width, width, growth, most)
        inputs = z_dim + (embedding if self.classes else 0)
        self.basis = nn.Parameter(torch.randn(widths[-1], *sides[-1]))
        self.modulation = nn.Linear(inputs, widths[-1], bias=False)
        nn.init.normal_(self.modulation.weight, 0.0, 1 / math.sqrt(inputs))
        count = blocks * len(sides)
        layers: list[nn.Module] = [Block(widths[-1], expansion, group, count=count) for _ in range(blocks)]
        for (small, large), (channels, outputs) in zip(pairwise(sides[::-1]), pairwise(widths[::-1]), strict=True):
            layers += _changed(channels, outputs)
            layers.append(Resampling(small, large))
            layers += [Block(outputs, expansion, group, count=count) for _ in range(blocks)]
        self.layers = nn.Sequential(*layers, convolution(widths[0], spec.channels))

    def forward(self, z_BZ: Tensor, condition: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        scale_BC: Tensor = self.modulation(joined(z_BZ, self.embedding, condition))
        h_BCHW = (self.basis * scale_BC[:, :, None, None]).contiguous(memory_format=torch.channels_last)
        pictures: Tensor = self.layers(h_BCHW)
        return pictures


@discriminators("r3gan", paper="arXiv:2501.05441")
class R3GANDiscriminator(Discriminator):
    """The generator's mirror: residual grouped convolutions without norm, a learned map against the last one.

    With `projection` heads and classes the logit is the inner product of the features and the class's embedding.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "channels next to the picture", Range(1)] = 16,
        growth: Annotated[int, "factor on the channels at each halving of the sides", Range(1)] = 4,
        most: Annotated[int, "channels at most, in multiples of the width", Range(1)] = 8,
        blocks: Annotated[int, "residual blocks at each size", Range(1)] = 1,
        expansion: Annotated[int, "channels inside a block, in multiples of those outside", Range(1)] = 2,
        group: Annotated[int, "channels that a 3x3 convolution sees together", Range(1)] = 16,
        heads: Annotated[HeadKind, HEADS] = "projection",
    ) -> None:
        spec = image_spec(spec)
        sides, widths = _plan(spec.height, spec.width, width, growth, most)
        features = widths[-1]
        super().__init__(heads=heads, classes=len(spec.classes), features=features)
        count = blocks * len(sides)
        layers: list[nn.Module] = [convolution(spec.channels, widths[0])]
        for (large, small), (channels, outputs) in zip(pairwise(sides), pairwise(widths), strict=True):
            layers += [Block(channels, expansion, group, count=count) for _ in range(blocks)]
            layers.append(Resampling(large, small))
            layers += _changed(channels, outputs)
        self.layers = nn.Sequential(*layers, *(Block(features, expansion, group, count=count) for _ in range(blocks)))
        self.basis = nn.Parameter(torch.randn(features, *sides[-1]) / math.sqrt(math.prod(sides[-1])))
        if self.projection is not None:
            nn.init.normal_(self.projection.embedding.weight, 0.0, 1 / math.sqrt(features * len(spec.classes)))
        outputs = features if self.projection is not None else 1
        self.head = nn.Linear(features, outputs, bias=False) if heads != "semi-supervised" else None
        if self.head is not None:
            nn.init.normal_(self.head.weight, 0.0, 1 / math.sqrt(features))

    def features(self, x_BCHW: Tensor) -> Tensor:
        """The last map's inner products with the learned one, channel by channel, [B, F]; see `score`."""
        h_BCHW: Tensor = self.layers(x_BCHW)
        h_BF: Tensor = (h_BCHW * self.basis).sum((2, 3))
        if self.projection is None:
            return h_BF
        assert self.head is not None, "there is one wherever there is a projection"
        embedded_BF: Tensor = self.head(h_BF)
        return embedded_BF

    def score(self, h_BF: Tensor) -> Tensor:
        """See `Discriminator.score`."""
        if self.projection is not None:
            return h_BF @ self.projection.embedding.weight.mean(0).to(h_BF.dtype)
        assert self.head is not None, "semi-supervised heads have no score of their own"
        logit_B: Tensor = self.head(h_BF).flatten()
        return logit_B

    def logit(self, h_BF: Tensor, label: Tensor | None = None) -> Tensor:
        """See `Discriminator.logit`; the class's embedding takes the place of the mean one."""
        if self.projection is None or label is None:
            return super().logit(h_BF, label)
        return torch.where(label >= 0, self.projection(h_BF, label), self.score(h_BF))


class Block(nn.Module):
    """x + 1x1(3x3 in groups(1x1(x))): an inverted bottleneck, biases and LeakyReLU in between, no normalisation.

    The last convolution starts at zero, the others with a gain of `count ** -1/4` beside that of the activation, so
    that neither the signal nor its updates grow with the depth (fix-up, arXiv:1901.09321).

    Args:
        count: how many blocks the network has.
    """

    def __init__(self, channels: int, expansion: int, group: int, *, count: int) -> None:
        super().__init__()
        inner = channels * expansion
        gain = math.sqrt(2 / (1 + SLOPE**2)) * count**-0.25
        self.layers = nn.Sequential(
            convolution(channels, inner, gain=gain, bias=True),
            nn.LeakyReLU(SLOPE, inplace=True),
            convolution(inner, inner, 3, gain=gain, groups=inner // math.gcd(inner, group), bias=True),
            nn.LeakyReLU(SLOPE, inplace=True),
            convolution(inner, channels, gain=0.0),
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, C, H, W] to [B, C, H, W]."""
        h_BCHW: Tensor = x_BCHW + self.layers(x_BCHW)
        return h_BCHW


class Resampling(nn.Module):
    """Doubling or halving of both sides, rounded, with the filter (1, 3, 3, 1): zero beyond the border.

    One small matrix an axis: on a CPU in bf16, backwards twice, three to seven times as fast as convolutions of single
    channels.

    Args:
        old, new: height and width, before and after.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, old: tuple[int, int], new: tuple[int, int]) -> None:
        super().__init__()
        self.register_buffer("rows", _filter(old[0], new[0]), persistent=False)
        self.register_buffer("columns", _filter(old[1], new[1]), persistent=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, C, H, W] to [B, C, H', W'], channels last."""
        x_BHWC = x_BCHW.permute(0, 2, 3, 1)
        batch, _, width, channels = x_BHWC.shape
        rows_NWC = (self.rows @ x_BHWC.flatten(2)).view(-1, width, channels)
        return (self.columns @ rows_NWC).view(batch, len(self.rows), -1, channels).permute(0, 3, 1, 2)


def convolution(
    inputs: int, outputs: int, kernel: int = 1, *, gain: float = 1.0, groups: int = 1, bias: bool = False
) -> nn.Conv2d:
    """A convolution that keeps the sides, its weights N(0, gain / sqrt(fan in)), its biases 0."""
    made = Conv2d(inputs, outputs, kernel, 1, kernel // 2, groups=groups, bias=bias)
    nn.init.normal_(made.weight, 0.0, gain / math.sqrt(made.weight[0].numel()))
    if made.bias is not None:
        nn.init.zeros_(made.bias)
    return made


def _plan(
    height: int, width: int, channels: int, growth: int, most: int
) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    """Sides and channels from the picture down."""
    sides = Sides(height, width).chain
    return sides, tuple(channels * min(growth**stage, most) for stage in range(len(sides)))


def _changed(channels: int, outputs: int) -> list[nn.Module]:
    """What changes the number of channels, between two sizes."""
    return [] if channels == outputs else [convolution(channels, outputs)]


def _filter(old: int, new: int) -> Tensor:
    """The matrix [new, old] that doubles or halves an axis; the way down is that up transposed, over 2."""
    large, small = max(old, new), min(old, new)
    matrix = torch.zeros(large, small)
    for column in range(small):
        for tap, weight in enumerate((0.25, 0.75, 0.75, 0.25)):
            row = 2 * column - 1 + tap
            if 0 <= row < large:
                matrix[row, column] = weight
    return matrix if new == large else matrix.t() / 2
