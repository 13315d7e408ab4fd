"""GoogLeNet: nine inception modules, 22 layers with weights, and two auxiliary classifiers that help in training.

Paper: Szegedy et al., "Going deeper with convolutions", arXiv:1409.4842, table 1 and figure 3: pictures of 224x224,
6,998,552 parameters for 1,000 classes, and 6,379,728 of the auxiliary classifiers, which inference does without. One
network and one crop had 10.07 % top-5 error on ImageNet's validation pictures, seven networks and 144 crops 6.67 %.
With `variant=torchvision` there is batch norm instead of biases and of local response normalisation, and 3x3 kernels
stand for 5x5: 6,624,904 parameters, 13,004,888 with the auxiliary classifiers.
Departures: first weights are He's and local response normalisation has AlexNet's constants, as the paper names neither.
Small pictures: the stem is without its early strides, and has 3x3 where 7x7 would be without its own; at 28x28 with
`halvings=0` the modules' maps are as large as the paper's.
"""

from typing import Annotated, ClassVar, Literal

from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.classify.base import Classifier, classifiers, picture_spec
from sparring.models.classify.stem import HALVINGS, halvings_of
from sparring.nn.conv_norm import conv_norm
from sparring.nn.convolution import Conv2d
from sparring.nn.inception import EPS, AuxiliaryPool, Branches
from sparring.nn.initial import he_init
from sparring.nn.local_response_norm import LocalResponseNorm
from sparring.registry import Range

Variant = Literal["paper", "torchvision"]


@classifiers("googlenet", paper="arXiv:1409.4842")
class GoogLeNet(Classifier):
    """Nine inception modules: 1x1, 3x3 and 5x5 convolutions and a pooling side by side, again and again."""

    auxiliary_weight: ClassVar[float] = 0.3

    def __init__(
        self,
        spec: Spec,
        *,
        variant: Annotated[Variant, "paper: biases, 5x5; torchvision: batch norm, 3x3 for 5x5"] = "paper",
        halvings: Annotated[int | None, HALVINGS, Range(0, below=4)] = None,
        dropout: Annotated[float, "share of the features left out in training", Range(0.0, below=1.0)] = 0.4,
        auxiliary: Annotated[bool, "whether two more classifiers help in training"] = True,
    ) -> None:
        super().__init__()
        spec, classes = picture_spec(spec, "googlenet", least=8), len(spec.classes)
        kept = halvings_of(spec, halvings, most=3, leaving=14, least=4)
        self.early = nn.Sequential(
            *_stem(spec.channels, kept, variant),
            _inception(192, 64, 96, 128, 16, 32, 32, variant),
            _inception(256, 128, 128, 192, 32, 96, 64, variant),
            _half(),
            _inception(480, 192, 96, 208, 16, 48, 64, variant),
        )
        self.middle = nn.Sequential(
            _inception(512, 160, 112, 224, 24, 64, 64, variant),
            _inception(512, 128, 128, 256, 24, 64, 64, variant),
            _inception(512, 112, 144, 288, 32, 64, 64, variant),
        )
        self.late = nn.Sequential(
            _inception(528, 256, 160, 320, 32, 128, 128, variant),
            _half(3 if variant == "paper" else 2),
            _inception(832, 256, 160, 320, 32, 128, 128, variant),
            _inception(832, 384, 192, 384, 48, 128, 128, variant),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(dropout),
        )
        self.auxiliary1 = _auxiliary(512, classes, variant) if auxiliary else None
        self.auxiliary2 = _auxiliary(528, classes, variant) if auxiliary else None
        self.head = nn.Linear(1024, classes)
        self.apply(he_init)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """See `Classifier.features`: means over the places of the last map, [B, 1024]."""
        h_BF: Tensor = self.late(self.middle(self.early(x_BCHW)))
        return h_BF

    def heads(self, x_BCHW: Tensor) -> tuple[Tensor, ...]:
        """In training the logits, then those from behind modules 4a and 4d; else the logits alone."""
        if not self.training or self.auxiliary1 is None or self.auxiliary2 is None:
            return (self(x_BCHW),)
        early_BCHW = self.early(x_BCHW)
        middle_BCHW = self.middle(early_BCHW)
        return self.head(self.late(middle_BCHW)), self.auxiliary1(early_BCHW), self.auxiliary2(middle_BCHW)


def _stem(channels: int, kept: int, variant: Variant) -> list[nn.Module]:
    """To 192 channels, with the last `kept` of three halvings."""
    norm = [] if variant == "torchvision" else [LocalResponseNorm()]
    first = _conv(channels, 64, 7, variant, stride=2) if kept == 3 else _conv(channels, 64, 3, variant)
    pools = [[_half()] if kept >= halving else [] for halving in (2, 1)]
    return [first, *pools[0], *norm, _conv(64, 64, 1, variant), _conv(64, 192, 3, variant), *norm, *pools[1]]


def _inception(
    inputs: int, one: int, three_reduced: int, three: int, five_reduced: int, five: int, pooled: int, variant: Variant
) -> Branches:
    """A row of table 1."""
    return Branches(
        [
            _conv(inputs, one, 1, variant),
            nn.Sequential(_conv(inputs, three_reduced, 1, variant), _conv(three_reduced, three, 3, variant)),
            nn.Sequential(
                _conv(inputs, five_reduced, 1, variant),
                _conv(five_reduced, five, 5 if variant == "paper" else 3, variant),
            ),
            nn.Sequential(nn.MaxPool2d(3, 1, 1), _conv(inputs, pooled, 1, variant)),
        ]
    )


def _auxiliary(inputs: int, classes: int, variant: Variant) -> nn.Sequential:
    """A classifier of a map in the middle: section 5. torchvision's pools to 4x4 parts at every size."""
    return nn.Sequential(
        AuxiliaryPool(4) if variant == "paper" else nn.AdaptiveAvgPool2d(4),
        _conv(inputs, 128, 1, variant),
        nn.Flatten(),
        nn.Linear(4 * 4 * 128, 1024),
        nn.ReLU(inplace=True),
        nn.Dropout(0.7),
        nn.Linear(1024, classes),
    )


def _conv(inputs: int, outputs: int, kernel: int, variant: Variant, *, stride: int = 1) -> nn.Module:
    if variant == "torchvision":
        return conv_norm(inputs, outputs, kernel, stride=stride, eps=EPS)
    return nn.Sequential(Conv2d(inputs, outputs, kernel, stride, kernel // 2), nn.ReLU(inplace=True))


def _half(kernel: int = 3) -> nn.MaxPool2d:
    return nn.MaxPool2d(kernel, 2, ceil_mode=True)
