"""`quick`: wide and shallow, most of it at a quarter of the side, for the highest accuracy in minutes on a CPU.

After Keller Jordan's networks for speed (arXiv:2404.00498): three stages, each a 3x3 convolution, max pooling, batch
norm and another convolution, and a head whose logits are kept small at first. Departures: the first layer, 4x4 with
stride 2, halves the map where the side is 16 or more, which makes all behind it four times cheaper; its kernels are
learned; ReLU.
"""

from itertools import pairwise
from typing import Annotated

from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.classify.base import Classifier, classifiers, picture_spec
from sparring.nn.convolution import Conv2d
from sparring.nn.initial import he_init
from sparring.registry import Range

COARSE = 16
"""Side from which the first layer halves the map."""
LARGEST = 64
"""Side from which it quarters it."""


@classifiers("quick", paper="arXiv:2404.00498")
class Quick(Classifier):
    """A stem that halves the map, stages of two convolutions with max pooling between them, a linear head."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "channels of the first layer; the stages have 2, 4 and 8 times as many", Range(1)] = 32,
        stages: Annotated[int, "stages, each of half the side of the one before", Range(1, below=5)] = 3,
        scale: Annotated[float, "factor on the logits", Range(1e-3)] = 0.25,
        dropout: Annotated[float, "share of the features left out in training", Range(0.0, below=1.0)] = 0.0,
    ) -> None:
        super().__init__()
        spec = picture_spec(spec, "quick", least=8)
        side = min(spec.height, spec.width)
        stride = 1 if side < COARSE else 2 if side < LARGEST else 4
        widths = [width * 2**stage for stage in range(stages + 1)]
        self.stem = _conv(spec.channels, width, kernel=max(3, 2 * stride), stride=stride)
        self.stages = nn.Sequential(*(_stage(inputs, outputs) for inputs, outputs in pairwise(widths)))
        self.dropout = nn.Dropout(dropout)
        self.scale = scale
        self.apply(he_init)
        self.head = nn.Linear(widths[-1], len(spec.classes))

    def features(self, x_BCHW: Tensor) -> Tensor:
        """See `Classifier.features`: the largest value of each channel of the last map, scaled."""
        h_BCHW: Tensor = self.stages(self.stem(x_BCHW))
        dropped_BF: Tensor = self.dropout(h_BCHW.amax((2, 3)))
        return self.scale * dropped_BF


def _conv(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    convolution = Conv2d(inputs, outputs, kernel, stride, padding=(kernel - stride + 1) // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def _stage(inputs: int, outputs: int) -> nn.Sequential:
    first = Conv2d(inputs, outputs, 3, padding=1, bias=False)
    pooled = (nn.MaxPool2d(2, ceil_mode=True), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
    return nn.Sequential(first, *pooled, *_conv(outputs, outputs))
