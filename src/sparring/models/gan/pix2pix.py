"""pix2pix: a U-Net that translates a picture, and a discriminator that judges patches of source and result together.

Paper: Isola, Zhu, Zhou, Efros, "Image-to-image translation with conditional adversarial networks", arXiv:1611.07004,
sections 3.2 and 6.1. The layers are those of the authors' PyTorch code: at 3x256x256 the generator has 54,413,955
parameters, the discriminator with its 6 channels 2,768,705. Departures:
- the paper normalises by the statistics of a batch of one picture; here each picture is normalised by itself, which is
  the same there, and goes with any batch, with penalties, and with sampling one picture at a time;
- the paper's only noise is dropout, kept on for sampling, where it "observes only minor stochasticity" (section 3.1).
  Here it is on in training alone: a result depends on its source and on nothing else;
- smaller pictures are halved less often, down to one place, and judged by smaller patches.
"""

from itertools import pairwise
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from sparring.data.pairs import LAYOUTS
from sparring.data.spec import Spec
from sparring.errors import UsageError
from sparring.models.gan.base import (
    HEADS,
    Discriminator,
    Generator,
    HeadKind,
    Sides,
    discriminators,
    generators,
    image_spec,
)
from sparring.nn.convolution import Conv2d, ConvTranspose2d
from sparring.nn.layout import same_layout
from sparring.registry import Range

SLOPE = 0.2
DROPPING = 3
"""Layers on the way up with dropout, from the innermost on, where they are as wide as they get."""

LARGEST_SHARE = 0.6
"""Patches have at most this share of a picture's shorter side: 70 points from 128 on, 34 from 64 on, else 16."""


class ToOnePlace(Sides):
    """Sides halved until the shorter one is a single place."""

    smallest: ClassVar[int] = 1


@generators("unet", paper="arXiv:1611.07004, section 3.2.1")
class UNetGenerator(Generator):
    """Halved to one place and doubled again, each map on the way up joined by the one of its size on the way down."""

    def __init__(
        self, spec: Spec, *, width: Annotated[int, "channels of the layer next to the picture", Range(1)] = 64
    ) -> None:
        super().__init__()
        spec = image_spec(spec)
        if not spec.source_channels:
            raise UsageError(
                f"this network is for pairs of pictures, and these pictures have no sources. Expected {LAYOUTS}. "
                "`sparring check` says how a folder is read."
            )
        self.z_dim = 0
        self.source_channels = spec.source_channels
        sides = ToOnePlace(spec.height, spec.width)
        widths = sides.widths(width)
        self.down = nn.ModuleList()
        for stage, (inputs, outputs) in enumerate(pairwise((spec.source_channels, *widths))):
            # Not the first layer, as in the paper, and not the last: of a single place nothing would be left.
            normed = 0 < stage < sides.stages - 1
            self.down.append(_with_norm(Conv2d(inputs, outputs, 4, 2, 1, bias=False), outputs if normed else 0))
        self.up = nn.ModuleList()
        for stage, (inputs, outputs) in enumerate(pairwise(widths[::-1])):
            joined = inputs * (2 if stage else 1)
            up = ConvTranspose2d(joined, outputs, 4, 2, 1, output_padding=sides.paddings[stage], bias=False)
            layers = [nn.ReLU(), _with_norm(up, outputs)]
            layers += [nn.Dropout(0.5)] if stage < DROPPING and outputs == 8 * width else []
            self.up.append(nn.Sequential(*layers))
        last = ConvTranspose2d(2 * width, spec.channels, 4, 2, 1, output_padding=sides.paddings[-1])
        self.last = nn.Sequential(nn.ReLU(), last, nn.Tanh())
        self.apply(_init)

    def forward(self, z_BZ: Tensor, condition: Tensor | None = None) -> Tensor:
        """See `Generator.forward`; `condition` are the sources."""
        assert condition is not None, "a picture is translated from its source"
        maps = [self.down[0](condition)]
        for layer in self.down[1:]:
            maps.append(layer(leaky_relu(maps[-1], SLOPE)))
        h_BCHW = maps.pop()
        for layer in self.up:
            h_BCHW = torch.cat([maps.pop(), layer(h_BCHW)], 1)
        pictures: Tensor = self.last(h_BCHW)
        return pictures


@discriminators("patch", paper="arXiv:1611.07004, section 3.2.2")
class PatchDiscriminator(Discriminator):
    """A logit for each of many overlapping patches; of pairs it sees the source as well."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "channels of the layer next to the picture", Range(1)] = 64,
        halvings: Annotated[
            int | None, "1, 2, 3, 4: patches of 16, 34, 70, 142 points; none: by the picture's side", Range(1)
        ] = None,
        heads: Annotated[HeadKind, HEADS] = "projection",
    ) -> None:
        spec = image_spec(spec)
        side = min(spec.height, spec.width)
        halvings = halvings or _halvings_for(side)
        if side >> halvings < 3:
            raise UsageError(
                f"--set discriminator.halvings={halvings}: leaves {side >> halvings} of {side} places, and two more "
                "layers need 3. Give less."
            )
        widths = [width * min(2**stage, 8) for stage in range(halvings + 1)]
        super().__init__(heads=heads, classes=len(spec.classes), features=widths[-1])
        self.source_channels = spec.source_channels
        layers: list[nn.Module] = [Conv2d(spec.channels + spec.source_channels, width, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        for stage, (inputs, outputs) in enumerate(pairwise(widths), start=1):
            stride = 2 if stage < halvings else 1
            layers += [_with_norm(Conv2d(inputs, outputs, 4, stride, 1, bias=False), outputs), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers)
        self._map = (widths[-1], (spec.height >> halvings) - 1, (spec.width >> halvings) - 1)
        self.head = Conv2d(widths[-1], 1, 4, 1, 1) if heads != "semi-supervised" else None
        self.apply(_init)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """The last map of features, flattened: [B, F]."""
        h_BCHW: Tensor = self.layers(x_BCHW)
        return same_layout(h_BCHW).flatten(1)

    def score(self, h_BF: Tensor) -> Tensor:
        """A logit for each patch, [B, P], see `Discriminator.score`."""
        assert self.head is not None, "semi-supervised heads have no score of their own"
        logit_BP: Tensor = self.head(self._places(h_BF)).flatten(1)
        return logit_BP

    def pooled(self, h_BF: Tensor) -> Tensor:
        """Means over the places of the last map, [B, channels]."""
        return self._places(h_BF).mean((2, 3))

    def _places(self, h_BF: Tensor) -> Tensor:
        return h_BF.view(-1, *self._map)


def patch_side(halvings: int) -> int:
    """The side of the square that one logit depends on: convolutions of 4x4, `halvings` of them with stride 2.

    >>> [patch_side(halvings) for halvings in (1, 2, 3)]
    [16, 34, 70]
    """
    side = 1
    for stride in (1, 1, *[2] * halvings):
        side = (side - 1) * stride + 4
    return side


def _halvings_for(side: int) -> int:
    return max((n for n in (1, 2, 3) if patch_side(n) <= LARGEST_SHARE * side), default=1)


def _with_norm(layer: nn.Module, channels: int) -> nn.Module:
    """The layer, and its result normalised over the places of each picture; 0 channels: as it is."""
    return nn.Sequential(layer, nn.InstanceNorm2d(channels, affine=True)) if channels else layer


def _init(module: nn.Module) -> None:
    """N(0, 0.02) for convolutions, N(1, 0.02) for the gains of the normalisation (section 6.2)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.InstanceNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
