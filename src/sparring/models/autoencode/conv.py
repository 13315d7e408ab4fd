"""Convolutional autoencoders: strided convolutions down to a code, transposed ones up again."""

import math
from itertools import pairwise
from typing import Annotated

import torch
from torch import Tensor, nn

from sparring.data.spec import ImageSpec, Spec
from sparring.models.autoencode.base import Autoencoder, autoencoders, flat_pictures
from sparring.models.gan.base import Sides
from sparring.nn.convolution import Conv2d, ConvTranspose2d
from sparring.registry import Range

LEAST = 2 * Sides.smallest
WIDTH = "channels one halving below the picture; doubled at each further halving, up to eight times"


class Down(nn.Module):
    """Strided 4x4 convolutions with batch norm and ReLU until a side is below 8, flattened: [B, F].

    Attributes:
        features: F.
    """

    def __init__(self, spec: ImageSpec, width: int) -> None:
        super().__init__()
        sides = Sides(spec.height, spec.width)
        widths = (spec.channels, *sides.widths(width))
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [Conv2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.features = widths[-1] * math.prod(sides.base)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, F] of pictures in [-1, 1]."""
        h_BF: Tensor = self.layers(x_BCHW)
        return h_BF


class Up(nn.Module):
    """A linear map to the smallest map, transposed 4x4 convolutions with batch norm and ReLU, a last 3x3 one."""

    def __init__(self, spec: ImageSpec, width: int, inputs: int) -> None:
        super().__init__()
        sides = Sides(spec.height, spec.width)
        widths = (*sides.widths(width)[::-1], max(8, width // 2))
        self._base = (widths[0], *sides.base)
        self.linear = nn.Linear(inputs, math.prod(self._base))
        layers: list[nn.Module] = [nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True)]
        for (channels, outputs), odd in zip(pairwise(widths), sides.paddings, strict=True):
            layers.append(ConvTranspose2d(channels, outputs, 4, 2, 1, output_padding=odd, bias=False))
            layers += [nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, Conv2d(widths[-1], spec.channels, 3, 1, 1))

    def forward(self, z_BF: Tensor) -> Tensor:
        """[B, C, H, W], not bounded."""
        h_BCHW = self.linear(z_BF).unflatten(1, self._base).contiguous(memory_format=torch.channels_last)
        made: Tensor = self.layers(h_BCHW)
        return made


@autoencoders("conv")
class ConvAutoencoder(Autoencoder):
    """Strided convolutions to a code of so many numbers, transposed ones back to the picture."""

    def __init__(
        self,
        spec: Spec,
        *,
        code: Annotated[int, "numbers of a code", Range(1)] = 32,
        width: Annotated[int, WIDTH, Range(1)] = 32,
    ) -> None:
        super().__init__()
        pictures = flat_pictures(spec, least=LEAST)
        self.code = (code,)
        self.down = Down(pictures, width)
        self.to_code = nn.Linear(self.down.features, code)
        self.up = Up(pictures, width, code)

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """See `Autoencoder.encode`."""
        z_BZ: Tensor = self.to_code(self.down(x))
        return z_BZ

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """See `Autoencoder.decode`."""
        made: Tensor = self.up(z)
        return made
