"""Down to an eighth or a sixteenth of the side and up again, each level beside its own on the way down.

Source: Ronneberger et al., "U-Net", arXiv:1505.04597; here with batch norm, strided convolutions in the place of
pooling, and sums of a level's channels small enough for a CPU.
"""

from typing import Annotated

import torch
from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.detect.base import Detector, detectors, flat_pictures
from sparring.nn.conv_norm import conv_norm
from sparring.nn.convolution import Conv2d
from sparring.nn.initial import he_init
from sparring.nn.resized import brought_to
from sparring.registry import Range

COARSE = 16
"""From this side on the first convolution halves the map, which makes everything behind it four times cheaper."""


@detectors("unet", paper="arXiv:1505.04597")
class UNet(Detector):
    """Four levels of two convolutions, each of half the side; three ways up that read a level and the one below."""

    def __init__(self, spec: Spec, *, width: Annotated[int, "channels of the finest level", Range(1)] = 24) -> None:
        super().__init__()
        spec = flat_pictures(spec)
        stride = 2 if min(spec.height, spec.width) >= COARSE else 1
        widths = (width, 2 * width, 4 * width, 4 * width)
        first = nn.Sequential(conv_norm(spec.channels, width, 3, stride=stride), conv_norm(width, width, 3))
        self.down = nn.ModuleList([first, *(_level(widths[n], widths[n + 1]) for n in range(3))])
        self.up = nn.ModuleList(
            conv_norm(widths[n] + below, outputs, 3)
            for n, below, outputs in ((2, widths[3], 2 * width), (1, 2 * width, width), (0, width, width))
        )
        self.apply(he_init)
        self.out = Conv2d(width, 1, 1)

    def layers(self, x_BCHW: Tensor) -> tuple[Tensor, ...]:
        """See `Detector.layers`: the four levels on the way down."""
        found = []
        for level in self.down:
            x_BCHW = level(x_BCHW)
            found.append(x_BCHW)
        return tuple(found)

    def places(self, layers: tuple[Tensor, ...], size: tuple[int, int]) -> Tensor:
        """See `Detector.places`."""
        h_BCHW = layers[-1]
        for level_BCHW, up in zip(layers[-2::-1], self.up, strict=True):
            h_BCHW = up(torch.cat([brought_to(h_BCHW, level_BCHW.shape[2:]), level_BCHW], 1))
        return brought_to(self.out(h_BCHW), size)


def _level(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(conv_norm(inputs, outputs, 3, stride=2), conv_norm(outputs, outputs, 3))
