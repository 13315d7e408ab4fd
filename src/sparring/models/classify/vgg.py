"""VGG: stacks of 3x3 convolutions, and pooling between them.

Paper: Simonyan, Zisserman, "Very deep convolutional networks for large-scale image recognition", arXiv:1409.1556, table
1, columns A (11 layers), B (13), D (16), E (19) and C (`vgg16c`: the third convolution of a stack is 1x1), 3x224x224.
Parameters with 1,000 classes: A 132,863,336; B 133,047,848; C 133,638,952; D 138,357,544; E 143,667,240. Top-1 error on
ImageNet's validation part, one scale (table 3): A 29.6 %, B 28.7, C 27.3, D 25.6, E 25.5.
Departures: sides below 128 get batch norm (without it 16 layers hardly begin to learn from scratch; the paper began
with the weights of A) and hidden layers of 512 units instead of 4,096; maps of a single place are not pooled further;
He's initial weights (arXiv:1502.01852).
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.classify.base import Classifier, classifiers, picture_spec
from sparring.nn.convolution import Conv2d
from sparring.nn.initial import he_init
from sparring.registry import Range

Column = Literal["A", "B", "C", "D", "E"]
CONVOLUTIONS: Mapping[Column, tuple[int, ...]] = {
    "A": (1, 1, 2, 2, 2),
    "B": (2, 2, 2, 2, 2),
    "C": (2, 2, 3, 3, 3),
    "D": (2, 2, 3, 3, 3),
    "E": (2, 2, 4, 4, 4),
}
"""Of each stack."""
LARGE = 128
"""From this side on `auto` is the paper's."""


@classifiers("vgg11", paper="arXiv:1409.1556", preset={"column": "A"})
@classifiers("vgg13", paper="arXiv:1409.1556", preset={"column": "B"})
@classifiers("vgg16", paper="arXiv:1409.1556", preset={"column": "D"})
@classifiers("vgg16c", paper="arXiv:1409.1556", preset={"column": "C"})
@classifiers("vgg19", paper="arXiv:1409.1556", preset={"column": "E"})
class VGG(Classifier):
    """Five stacks of 3x3 convolutions, each followed by a pool, two hidden layers with dropout, a linear head."""

    def __init__(
        self,
        spec: Spec,
        *,
        column: Annotated[Column, "of the paper's table 1"] = "D",
        width: Annotated[int, "channels of the first stack, doubled by the next three", Range(1)] = 64,
        hidden: Annotated[int, "units of each hidden layer; 0: 4096 for sides from 128, 512 below", Range(0)] = 0,
        norm: Annotated[Literal["auto", "batch", "none"], "after convolutions; auto: batch below 128"] = "auto",
        dropout: Annotated[float, "share of each hidden layer left out in training", Range(0.0, below=1.0)] = 0.5,
    ) -> None:
        super().__init__()
        spec = picture_spec(spec, "vgg", least=8)
        height, width_left, channels = spec.height, spec.width, spec.channels
        large = min(height, width_left) >= LARGE
        batch_norm = norm == "batch" or (norm == "auto" and not large)
        layers: list[nn.Module] = []
        for stack, count in enumerate(CONVOLUTIONS[column]):
            outputs = width * min(2**stack, 8)
            for index in range(count):
                kernel = 1 if column == "C" and index == 2 else 3
                layers += _convolution(channels, outputs, kernel, batch_norm=batch_norm)
                channels = outputs
            if min(height, width_left) > 1:
                layers.append(nn.MaxPool2d(2))
                height, width_left = height // 2, width_left // 2
        self.layers = nn.Sequential(*layers)
        hidden = hidden or (4096 if large else 512)
        self.hidden = nn.Sequential(
            nn.Flatten(),
            *_hidden(channels * height * width_left, hidden, dropout),
            *_hidden(hidden, hidden, dropout),
        )
        self.apply(he_init)
        self.head = nn.Linear(hidden, len(spec.classes))

    def features(self, x_BCHW: Tensor) -> Tensor:
        """See `Classifier.features`: the second hidden layer."""
        h_BF: Tensor = self.hidden(self.layers(x_BCHW))
        return h_BF


def _convolution(inputs: int, outputs: int, kernel: int, *, batch_norm: bool) -> list[nn.Module]:
    convolution = Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=not batch_norm)
    return [convolution, *([nn.BatchNorm2d(outputs)] if batch_norm else []), nn.ReLU()]


def _hidden(inputs: int, outputs: int, dropout: float) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(dropout)]
