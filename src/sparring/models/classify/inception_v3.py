"""Inception-v3: inception modules with their kernels factorised, 5x5 to two 3x3 and 7x7 to 1x7 and 7x1.

Paper: Szegedy et al., "Rethinking the Inception architecture for computer vision", arXiv:1512.00567, table 1 and
figures 5 to 8 and 10: pictures of 299x299, 23,834,568 parameters for 1,000 classes and 3,326,696 of the auxiliary
classifier; one crop had 21.2 % top-1 and 5.6 % top-5 error on ImageNet's validation pictures. Where the paper's table
and the authors' published network differ, it is the latter, as in torchvision: 5x5 kernels in the first modules, 1x1
with 80 channels in the stem. Departures: means over 3x3 places count zeros beyond the border, as torchvision's; first
weights are He's. Small pictures: the stem is without its early strides, and without the poolings these belong to.
"""

from typing import Annotated, ClassVar

from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.classify.base import Classifier, classifiers, picture_spec
from sparring.models.classify.stem import HALVINGS, halvings_of
from sparring.nn.conv_norm import conv_norm
from sparring.nn.inception import EPS, AuxiliaryPool, Branches, chain, pooled_chain
from sparring.nn.initial import he_init
from sparring.registry import Range


@classifiers("inception-v3", paper="arXiv:1512.00567")
class InceptionV3(Classifier):
    """Inception modules of factorised kernels at three sizes, and an auxiliary classifier before the last."""

    auxiliary_weight: ClassVar[float] = 0.4
    """As in the authors' code; the paper names none."""

    def __init__(
        self,
        spec: Spec,
        *,
        halvings: Annotated[int | None, HALVINGS, Range(0, below=4)] = None,
        dropout: Annotated[float, "share of the features left out in training", Range(0.0, below=1.0)] = 0.2,
        auxiliary: Annotated[bool, "whether one more classifier helps in training"] = True,
    ) -> None:
        super().__init__()
        spec, classes = picture_spec(spec, "inception-v3", least=24), len(spec.classes)
        kept = halvings_of(spec, halvings, most=3, leaving=17, least=13)
        self.early = nn.Sequential(
            *_stem(spec.channels, kept),
            *[_five(inputs, pooled) for inputs, pooled in ((192, 32), (256, 64), (288, 64))],
            Branches([chain(288, (384, 3), halves=True), chain(288, (64, 1), (96, 3), (96, 3), halves=True), _half()]),
            *[_seven(768, between) for between in (128, 160, 160, 192)],
        )
        self.auxiliary = _auxiliary(768, classes) if auxiliary else None
        self.late = nn.Sequential(
            Branches(
                [
                    chain(768, (192, 1), (320, 3), halves=True),
                    chain(768, (192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3), halves=True),
                    _half(),
                ]
            ),
            *[_wide(inputs) for inputs in (1280, 2048)],
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(dropout),
        )
        self.head = nn.Linear(2048, classes)
        self.apply(he_init)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """See `Classifier.features`: means over the places of the last map, [B, 2048]."""
        h_BF: Tensor = self.late(self.early(x_BCHW))
        return h_BF

    def heads(self, x_BCHW: Tensor) -> tuple[Tensor, ...]:
        """In training the logits, then those from the last map of the middle size; else the logits alone."""
        if not self.training or self.auxiliary is None:
            return (self(x_BCHW),)
        early_BCHW = self.early(x_BCHW)
        return self.head(self.late(early_BCHW)), self.auxiliary(early_BCHW)


def _stem(channels: int, kept: int) -> list[nn.Module]:
    """To 192 channels, with the last `kept` of three halvings."""
    return [
        conv_norm(channels, 32, 3, stride=2 if kept == 3 else 1, padded=False, eps=EPS),
        conv_norm(32, 32, 3, padded=False, eps=EPS),
        conv_norm(32, 64, 3, eps=EPS),
        *([_half()] if kept >= 2 else []),
        conv_norm(64, 80, 1, eps=EPS),
        conv_norm(80, 192, 3, padded=False, eps=EPS),
        *([_half()] if kept >= 1 else []),
    ]


def _five(inputs: int, pooled: int) -> Branches:
    """Figure 5: the larger kernel as two of 3x3; to 224 + `pooled` channels."""
    return Branches(
        [
            chain(inputs, (64, 1)),
            chain(inputs, (48, 1), (64, 5)),
            chain(inputs, (64, 1), (96, 3), (96, 3)),
            pooled_chain(inputs, pooled, count_padding=True),
        ]
    )


def _seven(inputs: int, between: int) -> Branches:
    """Figure 6: 7x7 as 1x7 and 7x1; to 768 channels."""
    wide, tall = (1, 7), (7, 1)
    return Branches(
        [
            chain(inputs, (192, 1)),
            chain(inputs, (between, 1), (between, wide), (192, tall)),
            chain(inputs, (between, 1), (between, tall), (between, wide), (between, tall), (192, wide)),
            pooled_chain(inputs, 192, count_padding=True),
        ]
    )


def _wide(inputs: int) -> Branches:
    """Figure 7: 1x3 beside 3x1; to 2,048 channels."""
    return Branches(
        [
            chain(inputs, (320, 1)),
            nn.Sequential(*chain(inputs, (384, 1)), _crossed()),
            nn.Sequential(*chain(inputs, (448, 1), (384, 3)), _crossed()),
            pooled_chain(inputs, 192, count_padding=True),
        ]
    )


def _crossed() -> Branches:
    return Branches([chain(384, (384, (1, 3))), chain(384, (384, (3, 1)))])


def _auxiliary(inputs: int, classes: int) -> nn.Sequential:
    """Figure 8, with batch norm: section 4."""
    return nn.Sequential(
        AuxiliaryPool(5),
        conv_norm(inputs, 128, 1, eps=EPS),
        conv_norm(128, 768, 5, padded=False, eps=EPS),
        nn.Flatten(),
        nn.Linear(768, classes),
    )


def _half() -> nn.MaxPool2d:
    return nn.MaxPool2d(3, 2)
