"""Xception: depthwise separable convolutions with residual connections around them.

Paper: Chollet, "Xception: deep learning with depthwise separable convolutions", arXiv:1610.02357, figure 5: pictures of
299x299, 22,855,952 parameters for 1,000 classes; one crop had 21.0 % top-1 and 5.5 % top-5 error on ImageNet's
validation pictures. A separable convolution is a kernel of each channel's own, then 1x1 across the channels, with
nothing in between (figure 10); it costs 1 / outputs + 1 / k^2 of a full one. Departures: first weights are He's. Small
pictures: the entry flow is without its early strides.
"""

from itertools import pairwise
from typing import Annotated

from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.classify.base import Classifier, classifiers, picture_spec
from sparring.models.classify.stem import HALVINGS, halvings_of
from sparring.nn.conv_norm import conv_norm
from sparring.nn.convolution import Conv2d
from sparring.nn.initial import he_init
from sparring.registry import Range


@classifiers("xception", paper="arXiv:1610.02357")
class Xception(Classifier):
    """Blocks of separable convolutions with shortcuts around them: an entry, a middle and an exit flow."""

    def __init__(
        self,
        spec: Spec,
        *,
        halvings: Annotated[int | None, HALVINGS, Range(0, below=5)] = None,
        dropout: Annotated[float, "share of the features left out in training", Range(0.0, below=1.0)] = 0.5,
    ) -> None:
        super().__init__()
        spec = picture_spec(spec, "xception", least=16)
        kept = halvings_of(spec, halvings, most=4, leaving=6, least=3)
        first, *strides = (2 if kept >= halving else 1 for halving in (4, 3, 2, 1))
        self.layers = nn.Sequential(
            conv_norm(spec.channels, 32, 3, stride=first, padded=False),
            conv_norm(32, 64, 3, padded=False),
            Block(64, 128, 128, stride=strides[0], begins_with_relu=False),
            Block(128, 256, 256, stride=strides[1]),
            Block(256, 728, 728, stride=strides[2]),
            *[Block(728, 728, 728, 728) for _ in range(8)],
            Block(728, 728, 1024, stride=2),
            *_separable(1024, 1536),
            nn.ReLU(inplace=True),
            *_separable(1536, 2048),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(dropout),
        )
        self.head = nn.Linear(2048, len(spec.classes))
        self.apply(he_init)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """See `Classifier.features`: means over the places of the last map, [B, 2048]."""
        h_BF: Tensor = self.layers(x_BCHW)
        return h_BF


class Block(nn.Module):
    """ReLU, separable convolution and batch norm for each step between `widths`, and a shortcut around them.

    Args:
        widths: channels before, between and after the separable convolutions.
        stride: 2: the sides are halved, rounded up, by pooling and by the shortcut's 1x1 convolution.
        begins_with_relu: whether a ReLU comes first.
    """

    def __init__(self, *widths: int, stride: int = 1, begins_with_relu: bool = True) -> None:
        super().__init__()
        inputs, outputs = widths[0], widths[-1]
        changes = inputs != outputs or stride != 1
        self.shortcut = (
            nn.Sequential(Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
            if changes
            else nn.Identity()
        )
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.ReLU(), *_separable(before, after)]
        pool = [nn.MaxPool2d(3, stride, 1)] if stride != 1 else []
        self.layers = nn.Sequential(*layers[0 if begins_with_relu else 1 :], *pool)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, C, H, W] to [B, C', H / stride, W / stride]."""
        sum_BCHW: Tensor = self.layers(x_BCHW) + self.shortcut(x_BCHW)
        return sum_BCHW


def _separable(inputs: int, outputs: int) -> list[nn.Module]:
    """3x3 in each channel, 1x1 across them, batch norm."""
    depthwise = Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
    return [depthwise, Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
