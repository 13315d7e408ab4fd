"""A network for volumes and videos: 3x3x3 convolutions and pooling in all three directions.

Paper: Tran et al., "Learning spatiotemporal features with 3D convolutional networks", arXiv:1412.0767, section 3.3:
3x3x3 kernels all through, one convolution in the first two stages and two in the others, twice the channels from stage
to stage up to the fourth. Departures: batch norm; half the paper's width; fewer stages where a volume is small, long
directions being halved first, so that what is left is nearly a cube; means over the places and one linear layer, where
the paper has two of 4,096 units before the last.
"""

from typing import Annotated

from torch import Tensor, nn

from sparring.data.spec import ImageSpec, Spec
from sparring.errors import UsageError
from sparring.models.classify.base import Classifier, classifiers
from sparring.nn.conv_norm import conv_norm
from sparring.registry import Range

STAGES = ((1, 1), (1, 2), (2, 4), (2, 8), (2, 8))
"""Convolutions of each stage, and its channels as multiples of the width."""
SMALLEST_HALVED = 4


@classifiers("volume", paper="arXiv:1412.0767")
class VolumeNet(Classifier):
    """3-D convolutions in stages that halve the volume, for scans and short videos."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "channels of the first stage", Range(1)] = 32,
        kernel: Annotated[int, "side of the kernels, odd", Range(1)] = 3,
        dropout: Annotated[float, "share of the features left out in training", Range(0.0, below=1.0)] = 0.5,
    ) -> None:
        super().__init__()
        if not isinstance(spec, ImageSpec) or spec.depth is None:
            advice = "a network for flat pictures" if isinstance(spec, ImageSpec) else "--recipe mlp"
            raise UsageError(f"volume is for volumes, and the data are none: take {advice}.")
        if kernel % 2 == 0:
            raise UsageError(f"kernel={kernel} has no middle: give an odd side.")
        pools = _pools((spec.depth, spec.height, spec.width))
        layers: list[nn.Module] = []
        inputs = spec.channels
        for (convolutions, multiple), pool in zip(STAGES, [None, *pools], strict=False):
            if pool is not None:
                layers.append(nn.MaxPool3d(pool))
            for _ in range(convolutions):
                layers.append(conv_norm(inputs, multiple * width, kernel, dimensions=3))
                inputs = multiple * width
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Dropout(dropout))
        self.head = nn.Linear(inputs, len(spec.classes))

    def features(self, x_BCDHW: Tensor) -> Tensor:
        """What the head reads, [B, F], of volumes in [-1, 1]."""
        h_BF: Tensor = self.layers(x_BCDHW)
        return h_BF


def _pools(sides: tuple[int, ...]) -> list[tuple[int, ...]]:
    """What each direction is divided by, from stage to stage: a long one more often than a short one."""
    pools = []
    while max(sides) >= SMALLEST_HALVED:
        pools.append(tuple(2 if side >= SMALLEST_HALVED and max(sides) < 2 * side else 1 for side in sides))
        sides = tuple(side // by for side, by in zip(sides, pools[-1], strict=True))
    return pools
