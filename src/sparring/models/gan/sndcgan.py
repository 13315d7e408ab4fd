"""SNDCGAN: DCGAN's layers with 3x3 convolutions in between, spectral normalisation in place of D's batch norm.

Paper: Miyato, Kataoka, Koyama, Yoshida, "Spectral normalization for generative adversarial networks",
arXiv:1802.05957, table 3, with the channels of the authors' code in the discriminator. The paper's size is 3x32x32.
Departures: other sizes have one stage a halving; a convolution right before batch norm has no bias, which the norm
would cancel; with classes, z is joined by an embedding of the class and D's logit by a projection, which is spectrally
normalised as well (arXiv:1802.05637).
"""

import math
from itertools import pairwise
from typing import Annotated

import torch
from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.gan.base import (
    HEADS,
    SOFTLY,
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
from sparring.nn.spectral import normalise_spectrum
from sparring.registry import Range


@generators("sndcgan", paper="arXiv:1802.05957, table 3")
class SNDCGANGenerator(Generator):
    """A linear map, transposed convolutions with batch norm and ReLU, a 3x3 convolution to the picture, tanh."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "channels of the layer next to the picture", Range(1)] = 64,
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
        widths = _widths(sides, width)[::-1]
        self._base = (widths[0], *sides.base)
        self.linear = nn.Linear(z_dim + (embedding if self.classes else 0), math.prod(self._base))
        layers: list[nn.Module] = [nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
        for (inputs, outputs), odd in zip(pairwise(widths), sides.paddings, strict=True):
            layers.append(ConvTranspose2d(inputs, outputs, 4, 2, 1, output_padding=odd, bias=False))
            layers += [nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, Conv2d(widths[-1], spec.channels, 3, 1, 1), nn.Tanh())
        self.apply(_init)

    def forward(self, z_BZ: Tensor, condition: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        z_BZ = joined(z_BZ, self.embedding, condition, strength=SOFTLY)
        h_BCHW = self.linear(z_BZ).unflatten(1, self._base).contiguous(memory_format=torch.channels_last)
        pictures: Tensor = self.layers(h_BCHW)
        return pictures


@discriminators("sndcgan", paper="arXiv:1802.05957, table 3")
class SNDCGANDiscriminator(Discriminator):
    """3x3 and strided 4x4 convolutions by turns, LeakyReLU 0.1, a linear head; all spectrally normalised."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "channels of the layer next to the picture", Range(1)] = 64,
        heads: Annotated[HeadKind, HEADS] = "projection",
    ) -> None:
        spec = image_spec(spec)
        sides = Sides(spec.height, spec.width)
        widths = _widths(sides, width)
        features = math.prod((widths[-1], *sides.base))
        super().__init__(heads=heads, classes=len(spec.classes), features=features)
        layers: list[nn.Module] = [Conv2d(spec.channels, width, 3, 1, 1), nn.LeakyReLU(0.1, inplace=True)]
        for inputs, outputs in pairwise(widths):
            layers += [Conv2d(inputs, outputs, 4, 2, 1), nn.LeakyReLU(0.1, inplace=True)]
            layers += [Conv2d(outputs, outputs, 3, 1, 1), nn.LeakyReLU(0.1, inplace=True)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(features, 1) if heads != "semi-supervised" else None
        self.apply(_init)
        normalise_spectrum(self)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """The last map of features, flattened: [B, F]."""
        h_BCHW: Tensor = self.layers(x_BCHW)
        return same_layout(h_BCHW).flatten(1)

    def score(self, h_BF: Tensor) -> Tensor:
        """See `Discriminator.score`."""
        assert self.head is not None, "semi-supervised heads have no score of their own"
        logit_B: Tensor = self.head(h_BF).flatten()
        return logit_B


def _widths(sides: Sides, width: int) -> tuple[int, ...]:
    """Channels at every size, from the picture down."""
    return tuple(width * min(2**stage, 8) for stage in range(sides.stages + 1))


def _init(module: nn.Module) -> None:
    """N(0, 0.02), as the authors' code."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
