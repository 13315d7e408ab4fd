"""Compact: the networks of the default recipe, measured to learn the most per minute on a CPU.

Generator: a linear map from (z, class) to the smallest map, transposed 4x4 convolutions with batch norm up to the full
size, a 3x3 convolution to the picture. Discriminator: strided 4x4 convolutions without any normalisation (a gradient
penalty on single examples needs none that mixes them, arXiv:1704.00028, section 4), a 3x3 convolution on the smallest
map, a linear head. Both are initialised for their activations (He et al., arXiv:1502.01852); the class enters as in
`dcgan`. The logit is divided by the root of the number of features, as an equalised learning rate does
(arXiv:1710.10196, section 4.1): without it one step of Adam moves all logits by several units, and D overshoots.
"""

import math
from itertools import pairwise
from typing import Annotated

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
from sparring.nn.convolution import Conv2d, ConvTranspose2d
from sparring.nn.layout import same_layout
from sparring.registry import Range

SLOPE = 0.2


@generators("compact")
class CompactGenerator(Generator):
    """Linear, transposed convolutions with batch norm and ReLU, a last 3x3 convolution, tanh."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "channels one halving below the picture; half of it at the full size", Range(1)] = 32,
        z_dim: Annotated[int, "size of the noise", Range(1)] = 128,
        embedding: Annotated[int, "size of the class's embedding, joined to z", Range(1)] = 32,
        conditional: Annotated[bool, "whether it is asked for a class, where there are classes"] = True,
    ) -> None:
        super().__init__()
        spec = image_spec(spec)
        self.z_dim = z_dim
        self.classes = len(spec.classes) if conditional else 0
        self.embedding = nn.Embedding(self.classes, embedding) if self.classes else None
        sides = Sides(spec.height, spec.width)
        widths = (*sides.widths(width)[::-1], max(8, width // 2))
        self._base = (widths[0], *sides.base)
        self.linear = nn.Linear(z_dim + (embedding if self.classes else 0), math.prod(self._base))
        layers: list[nn.Module] = [nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
        for (inputs, outputs), odd in zip(pairwise(widths), sides.paddings, strict=True):
            layers.append(ConvTranspose2d(inputs, outputs, 4, 2, 1, output_padding=odd, bias=False))
            layers += [nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, Conv2d(widths[-1], spec.channels, 3, 1, 1), nn.Tanh())
        self.apply(_he_init)

    def forward(self, z_BZ: Tensor, condition: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        z_BZ = joined(z_BZ, self.embedding, condition)
        h_BCHW = self.linear(z_BZ).unflatten(1, self._base).contiguous(memory_format=torch.channels_last)
        pictures: Tensor = self.layers(h_BCHW)
        return pictures


@discriminators("compact")
class CompactDiscriminator(Discriminator):
    """Strided convolutions with LeakyReLU 0.2 and no normalisation, a 3x3 convolution, a linear head."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "channels of the layer next to the picture", Range(1)] = 32,
        heads: Annotated[HeadKind, HEADS] = "projection",
    ) -> None:
        spec = image_spec(spec)
        sides = Sides(spec.height, spec.width)
        widths = (spec.channels, *sides.widths(width))
        inputs = math.prod((widths[-1], *sides.base))
        super().__init__(heads=heads, classes=len(spec.classes), features=inputs)
        layers: list[nn.Module] = []
        for channels, outputs in pairwise(widths):
            layers += [Conv2d(channels, outputs, 4, 2, 1), nn.LeakyReLU(SLOPE, inplace=True)]
        layers += [Conv2d(widths[-1], widths[-1], 3, 1, 1), nn.LeakyReLU(SLOPE, inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(inputs, 1) if heads != "semi-supervised" else None
        self.scale = 1 / math.sqrt(inputs)
        self.apply(_he_init)
        for head in (self.head, self.classifier):
            if head is not None:
                nn.init.normal_(head.weight)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """The last map of features, flattened: [B, F]."""
        h_BCHW: Tensor = self.layers(x_BCHW)
        return same_layout(h_BCHW).flatten(1)

    def score(self, h_BF: Tensor) -> Tensor:
        """See `Discriminator.score`."""
        assert self.head is not None, "semi-supervised heads have no score of their own"
        logit_B: Tensor = self.head(h_BF).flatten()
        return logit_B


def _he_init(module: nn.Module) -> None:
    """N(0, gain / sqrt(fan in)); a transposed convolution of stride 2 adds up a quarter of its kernel at each point."""
    gain = math.sqrt(2 / (1 + SLOPE**2))
    if isinstance(module, nn.ConvTranspose2d):
        taps = module.kernel_size[0] * module.kernel_size[1] / (module.stride[0] * module.stride[1])
        nn.init.normal_(module.weight, 0.0, gain / math.sqrt(module.in_channels * taps))
    elif isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, gain / math.sqrt(module.weight[0].numel()))
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
