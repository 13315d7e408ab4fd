"""DCGAN: strided convolutions down, fractionally-strided convolutions up, batch normalisation in between.

Paper: Radford, Metz, Chintala, "Unsupervised representation learning with deep convolutional GANs", arXiv:1511.06434.
By default the layers are those of PyTorch's DCGAN example (64 channels next to the picture, 4x4 kernels, no biases,
normal z), continued to other sizes by one stage a halving. At 3x64x64 the generator has 3,576,704 parameters, the
discriminator 2,765,568. With `width` 128, `kernel` 5 and uniform noise they are the paper's, figure 1: 1024, 512, 256
and 128 channels. Departures: an odd side gets an output padding of one on the way up; channels stop growing at 8 x
width; with classes, z is joined by an embedding of the class and D's logit by a projection; the authors' code
normalises each value of the generator's first map, here it is each channel.

`norm` and `minibatch` put in the layers of arXiv:1606.03498: `nn/virtual_batch_norm` and `nn/minibatch_discrimination`.
"""

import math
from itertools import pairwise
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.errors import UsageError
from sparring.models.gan.base import (
    HEADS,
    SOFTLY,
    Discriminator,
    Generator,
    HeadKind,
    NoiseKind,
    Sides,
    discriminators,
    generators,
    image_spec,
    joined,
)
from sparring.nn.convolution import Conv2d, ConvTranspose2d
from sparring.nn.layout import same_layout
from sparring.nn.minibatch_discrimination import MinibatchDiscrimination
from sparring.nn.virtual_batch_norm import VirtualBatchNorm, reference_rows
from sparring.registry import Range

Kernel = Literal[4, 5]
Norm = Literal["batch", "virtual", "none"]

NORM = "batch; virtual: by a reference batch (arXiv:1606.03498); none: biases instead"
REFERENCE = "examples of the reference batch, where the norm is virtual"
KERNEL = "side of the kernels: 4 as in PyTorch's example, 5 as in the authors' code"


@generators("dcgan", paper="arXiv:1511.06434")
class DCGANGenerator(Generator):
    """Transposed convolutions from z to the picture, batch norm and ReLU in between, tanh at the end."""

    reference_z: Tensor | None
    reference_label: Tensor | None

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "channels of the layer next to the picture", Range(1)] = 64,
        kernel: Annotated[Kernel, KERNEL] = 4,
        z_dim: Annotated[int, "size of the noise", Range(1)] = 100,
        noise: Annotated[NoiseKind, "distribution of z: standard normal, or uniform in [-1, 1]"] = "normal",
        embedding: Annotated[int, "size of the class's embedding, joined to z", Range(1)] = 32,
        conditional: Annotated[bool, "whether it is asked for a class, where there are classes"] = True,
        norm: Annotated[Norm, NORM] = "batch",
        reference: Annotated[int, REFERENCE, Range(2)] = 32,
    ) -> None:
        super().__init__()
        spec = image_spec(spec)
        self.z_dim = z_dim
        self.noise = noise
        self.classes = len(spec.classes) if conditional else 0
        self.embedding = nn.Embedding(self.classes, embedding) if self.classes else None
        sides = Sides(spec.height, spec.width)
        inputs = z_dim + (embedding if self.classes else 0)
        widths = (*sides.widths(width)[::-1], spec.channels)
        bias = norm == "none"
        layers: list[nn.Module] = [
            ConvTranspose2d(inputs, widths[0], sides.base, bias=bias),
            *_norm_relu(widths[0], norm, reference),
        ]
        for (channels, outputs), odd in zip(pairwise(widths), sides.paddings, strict=True):
            layers.append(_up(channels, outputs, kernel, odd, bias=bias))
            layers += _norm_relu(outputs, norm, reference)
        # The picture itself is neither normalised nor rectified.
        self.layers = nn.Sequential(*layers[: -len(_norm_relu(1, norm, reference))], nn.Tanh())
        self.apply(_dcgan_init)
        # Of noise until `begin`, so that it makes pictures before any data are seen.
        virtual = norm == "virtual"
        self.register_buffer("reference_z", torch.randn(reference, z_dim) if virtual else None)
        labels = torch.arange(reference) % self.classes if virtual and self.classes else None
        self.register_buffer("reference_label", labels)

    def begin(self, z_BZ: Tensor, condition: Tensor | None) -> None:
        """Keep the first batch's noise and labels as the reference of virtual batch norm."""
        if self.reference_z is not None:
            self.reference_z.copy_(reference_rows(z_BZ, len(self.reference_z)))
        if self.reference_label is not None:
            assert condition is not None, "a conditional generator needs labels"
            self.reference_label.copy_(reference_rows(condition, len(self.reference_label)))

    def forward(self, z_BZ: Tensor, condition: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        h_BZ = joined(z_BZ, self.embedding, condition, strength=SOFTLY)
        if self.reference_z is None:
            return self._pictures(h_BZ)
        reference_RZ = joined(self.reference_z, self.embedding, self.reference_label, strength=SOFTLY)
        return self._pictures(torch.cat([reference_RZ, h_BZ]))[len(reference_RZ) :]

    def _pictures(self, h_BZ: Tensor) -> Tensor:
        pictures: Tensor = self.layers(h_BZ[:, :, None, None])
        return pictures


@discriminators("dcgan", paper="arXiv:1511.06434")
class DCGANDiscriminator(Discriminator):
    """Strided convolutions with LeakyReLU 0.2 and batch norm (not on the first), one logit at the end."""

    reference_x: Tensor | None

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "channels of the layer next to the picture", Range(1)] = 64,
        kernel: Annotated[Kernel, KERNEL] = 4,
        heads: Annotated[HeadKind, HEADS] = "projection",
        norm: Annotated[Norm, NORM] = "batch",
        reference: Annotated[int, REFERENCE, Range(2)] = 32,
        minibatch: Annotated[bool, "whether it sees how alike the pictures of a batch are (arXiv:1606.03498)"] = False,
    ) -> None:
        spec = image_spec(spec)
        sides = Sides(spec.height, spec.width)
        widths = sides.widths(width)
        # Of the whole map: means over its places, of pictures halved but twice, hardly tell one digit from another.
        features = math.prod((widths[-1], *sides.base))
        super().__init__(heads=heads, classes=len(spec.classes), features=features)
        if minibatch and heads == "semi-supervised":
            raise UsageError(
                "--set discriminator.minibatch=true adds to the logit of real or fake, which semi-supervised heads "
                "have not: take another head, or leave it out."
            )
        bias = norm == "none"
        layers: list[nn.Module] = [
            _down(spec.channels, widths[0], kernel, sides.chain[0], bias=bias),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for (inputs, outputs), side in zip(pairwise(widths), sides.chain[1:-1], strict=True):
            layers += [_down(inputs, outputs, kernel, side, bias=bias), *_norm(outputs, norm, reference)]
            layers.append(nn.LeakyReLU(0.2, inplace=True))
        self.layers = nn.Sequential(*layers)
        self._map = (widths[-1], *sides.base)
        self.head = Conv2d(widths[-1], 1, sides.base, bias=False) if heads != "semi-supervised" else None
        self.nearness = None
        if minibatch:
            likeness = MinibatchDiscrimination(widths[-1])
            self.nearness = nn.Sequential(likeness, nn.Linear(likeness.kernels, 1, bias=False))
        self.apply(_dcgan_init)
        shape = (reference, spec.channels, spec.height, spec.width)
        # Of noise until `begin`, so that it gives logits before any data are seen.
        self.register_buffer("reference_x", torch.rand(shape) * 2 - 1 if norm == "virtual" else None)

    def begin(self, x_BCHW: Tensor) -> None:
        """Keep the first batch as the reference of virtual batch norm."""
        if self.reference_x is not None:
            self.reference_x.copy_(reference_rows(x_BCHW, len(self.reference_x)))

    def features(self, x_BCHW: Tensor) -> Tensor:
        """The last map of features, flattened: [B, F]."""
        if self.reference_x is None:
            return self._maps(x_BCHW)
        return self._maps(torch.cat([self.reference_x, x_BCHW]))[len(self.reference_x) :]

    def score(self, h_BF: Tensor) -> Tensor:
        """See `Discriminator.score`."""
        assert self.head is not None, "semi-supervised heads have no score of their own"
        logit_B: Tensor = self.head(self._places(h_BF)).flatten()
        if self.nearness is not None:
            logit_B = logit_B + self.nearness(self._places(h_BF).mean((2, 3))).flatten()
        return logit_B

    def _maps(self, x_BCHW: Tensor) -> Tensor:
        h_BCHW: Tensor = self.layers(x_BCHW)
        return same_layout(h_BCHW).flatten(1)

    def _places(self, h_BF: Tensor) -> Tensor:
        return h_BF.view(-1, *self._map)


def _down(inputs: int, outputs: int, kernel: int, side: tuple[int, int], *, bias: bool) -> Conv2d:
    """To half the side, rounded down: a 5x5 kernel would round up an odd one with as much padding as an even one."""
    padding = (1, 1) if kernel == 4 else (2 - side[0] % 2, 2 - side[1] % 2)
    return Conv2d(inputs, outputs, kernel, 2, padding, bias=bias)


def _up(inputs: int, outputs: int, kernel: int, odd: tuple[int, int], *, bias: bool) -> ConvTranspose2d:
    """To twice the side, and one more where it is odd."""
    if kernel == 4:
        return ConvTranspose2d(inputs, outputs, 4, 2, 1, output_padding=odd, bias=bias)
    padding, output_padding = (2 - odd[0], 2 - odd[1]), (1 - odd[0], 1 - odd[1])
    return ConvTranspose2d(inputs, outputs, 5, 2, padding, output_padding=output_padding, bias=bias)


def _norm(channels: int, norm: Norm, reference: int) -> list[nn.Module]:
    if norm == "none":
        return []
    return [nn.BatchNorm2d(channels) if norm == "batch" else VirtualBatchNorm(channels, reference=reference)]


def _norm_relu(channels: int, norm: Norm, reference: int) -> list[nn.Module]:
    return [*_norm(channels, norm, reference), nn.ReLU(inplace=True)]


def _dcgan_init(module: nn.Module) -> None:
    """N(0, 0.02) for convolutions, N(1, 0.02) for the gains of batch norm, as the paper and PyTorch's example do."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d | VirtualBatchNorm):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
