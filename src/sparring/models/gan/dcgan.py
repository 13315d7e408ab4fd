"""DCGAN: strided convolutions down, fractionally-strided convolutions up, batch normalisation in between.

Paper: Radford, Metz, Chintala, "Unsupervised representation learning with deep convolutional GANs", arXiv:1511.06434.
The layers are those of PyTorch's DCGAN example (64 channels next to the picture, 4x4 kernels, no biases, normal z),
continued to other sizes by one stage a halving. At 3x64x64 the generator has 3,576,704 parameters, the discriminator
2,765,568. Departures: an odd side gets an output padding of one on the way up; channels stop growing at 8 x width;
with classes, z is joined by an embedding of the class and D's logit by a projection.
"""

from itertools import pairwise
from typing import Annotated

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
from sparring.registry import Range


@generators("dcgan", paper="arXiv:1511.06434")
class DCGANGenerator(Generator):
    """Transposed convolutions from z to the picture, batch norm and ReLU in between, tanh at the end."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "channels of the layer next to the picture", Range(1)] = 64,
        z_dim: Annotated[int, "size of the noise", Range(1)] = 100,
        embedding: Annotated[int, "size of the class's embedding, joined to z", Range(1)] = 32,
        conditional: Annotated[bool, "whether it is asked for a class, where there are classes"] = True,
    ) -> None:
        super().__init__()
        spec = image_spec(spec)
        self.z_dim = z_dim
        self.classes = len(spec.classes) if conditional else 0
        self.embedding = nn.Embedding(self.classes, embedding) if self.classes else None
        sides = Sides(spec.height, spec.width)
        inputs = z_dim + (embedding if self.classes else 0)
        widths = (*sides.widths(width)[::-1], spec.channels)
        layers: list[nn.Module] = [
            ConvTranspose2d(inputs, widths[0], sides.base, bias=False),
            *_norm_relu(widths[0]),
        ]
        for (channels, outputs), odd in zip(pairwise(widths), sides.paddings, strict=True):
            layers.append(ConvTranspose2d(channels, outputs, 4, 2, 1, output_padding=odd, bias=False))
            layers += _norm_relu(outputs)
        # The picture itself is neither normalised nor rectified.
        self.layers = nn.Sequential(*layers[:-2], nn.Tanh())
        self.apply(_dcgan_init)

    def forward(self, z_BZ: Tensor, condition: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        z_BZ = joined(z_BZ, self.embedding, condition)
        pictures: Tensor = self.layers(z_BZ[:, :, None, None])
        return pictures


@discriminators("dcgan", paper="arXiv:1511.06434")
class DCGANDiscriminator(Discriminator):
    """Strided convolutions with LeakyReLU 0.2 and batch norm (not on the first), one logit at the end."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "channels of the layer next to the picture", Range(1)] = 64,
        heads: Annotated[HeadKind, HEADS] = "projection",
    ) -> None:
        spec = image_spec(spec)
        sides = Sides(spec.height, spec.width)
        widths = sides.widths(width)
        super().__init__(heads=heads, classes=len(spec.classes), features=widths[-1])
        layers: list[nn.Module] = [
            Conv2d(spec.channels, widths[0], 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for inputs, outputs in pairwise(widths):
            layers.append(Conv2d(inputs, outputs, 4, 2, 1, bias=False))
            layers += [nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2, inplace=True)]
        self.layers = nn.Sequential(*layers)
        self._map = (widths[-1], *sides.base)
        self.head = Conv2d(widths[-1], 1, sides.base, bias=False) if heads != "semi-supervised" else None
        self.apply(_dcgan_init)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """The last map of features, flattened: [B, F]."""
        h_BCHW: Tensor = self.layers(x_BCHW)
        return h_BCHW.flatten(1)

    def score(self, h_BF: Tensor) -> Tensor:
        """See `Discriminator.score`."""
        assert self.head is not None, "semi-supervised heads have no score of their own"
        logit_B: Tensor = self.head(self._places(h_BF)).flatten()
        return logit_B

    def pooled(self, h_BF: Tensor) -> Tensor:
        """Means over the places of the last map, [B, channels]."""
        return self._places(h_BF).mean((2, 3))

    def _places(self, h_BF: Tensor) -> Tensor:
        return h_BF.view(-1, *self._map)


def _norm_relu(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]


def _dcgan_init(module: nn.Module) -> None:
    """N(0, 0.02) for convolutions, N(1, 0.02) for the gains of batch norm, as the paper and PyTorch's example do."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
