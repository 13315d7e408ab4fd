"""Network in network: between convolutions every place has a small network of its own, and maps are averaged.

Paper: Lin, Chen, Yan, "Network in network", arXiv:1312.4400; sizes as in the authors' files for CIFAR-10, 3x32x32:
966,986 parameters with 10 classes, 10.41 % error without augmentation, 8.81 with (table 1).
Departures: no ReLU on the maps of the classes, so that each logit can be negative. Averaging K maps of a 1x1
convolution is then the same as the K outputs of a linear layer for the averages, which is what is computed: the head.
Initial weights are He's (arXiv:1502.01852); optional batch norm came later (arXiv:1502.03167).
"""

from itertools import pairwise
from typing import Annotated

from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.classify.base import Classifier, classifiers, picture_spec
from sparring.nn.convolution import Conv2d
from sparring.nn.initial import he_init
from sparring.nn.layout import same_layout
from sparring.registry import Range


@classifiers("nin", paper="arXiv:1312.4400")
class NIN(Classifier):
    """Three convolutions, each with two 1x1 convolutions behind it, means over the places, a linear head."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "channels of most maps", Range(6)] = 192,
        dropout: Annotated[
            float, "share of the values left out in training after each pool", Range(0.0, below=1.0)
        ] = 0.5,
        batch_norm: Annotated[bool, "whether convolutions are normalised over the batch"] = False,
    ) -> None:
        super().__init__()
        spec = picture_spec(spec, "nin", least=8)
        # A side of 32 becomes 16 and 8: a pool that reaches over the border takes what is there.
        self.layers = nn.Sequential(
            *_mlpconv((spec.channels, width, width * 5 // 6, width // 2), 5, batch_norm=batch_norm),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Dropout(dropout),
            *_mlpconv((width // 2, width, width, width), 5, batch_norm=batch_norm),
            nn.AvgPool2d(3, 2, ceil_mode=True),
            nn.Dropout(dropout),
            *_mlpconv((width, width, width), 3, batch_norm=batch_norm),
        )
        self.apply(he_init)
        self.head = nn.Linear(width, len(spec.classes))

    def features(self, x_BCHW: Tensor) -> Tensor:
        """See `Classifier.features`: the last map's means over its places."""
        h_BCHW: Tensor = self.layers(x_BCHW)
        return same_layout(h_BCHW).mean((2, 3))


def _mlpconv(widths: tuple[int, ...], kernel: int, *, batch_norm: bool) -> list[nn.Module]:
    """A convolution from the first to the second of `widths`, and 1x1 convolutions to the others."""
    layers: list[nn.Module] = []
    for index, (inputs, outputs) in enumerate(pairwise(widths)):
        side = kernel if index == 0 else 1
        layers.append(Conv2d(inputs, outputs, side, padding=side // 2, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm2d(outputs))
        layers.append(nn.ReLU())
    return layers
