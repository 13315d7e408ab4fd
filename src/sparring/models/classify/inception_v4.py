"""Inception-v4: the Inception networks' blocks made uniform, without residual connections and without helpers.

Paper: Szegedy, Ioffe, Vanhoucke, Alemi, "Inception-v4, Inception-ResNet and the impact of residual connections on
learning", arXiv:1602.07261, figures 3 to 9: pictures of 299x299, 42,679,816 parameters for 1,000 classes; one crop had
20.0 % top-1 and 5.0 % top-5 error on ImageNet's validation pictures but for its blacklist. Kernels of 1x7 and 7x1
stand for 7x7, in the order of the authors' code; nothing is depthwise separable, that is Xception. Departures: first
weights are He's. Small pictures: the stem is without its early strides; there a convolution and the pooling beside it
move in steps of one.
"""

from typing import Annotated

from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.classify.base import Classifier, classifiers, picture_spec
from sparring.models.classify.stem import HALVINGS, halvings_of
from sparring.nn.conv_norm import conv_norm
from sparring.nn.inception import EPS, Branches, chain, pooled_chain
from sparring.nn.initial import he_init
from sparring.registry import Range

WIDE, TALL = (1, 7), (7, 1)


@classifiers("inception-v4", paper="arXiv:1602.07261")
class InceptionV4(Classifier):
    """A stem of branches, then four, seven and three uniform inception blocks at three sizes."""

    def __init__(
        self,
        spec: Spec,
        *,
        halvings: Annotated[int | None, HALVINGS, Range(0, below=4)] = None,
        dropout: Annotated[float, "share of the features left out in training", Range(0.0, below=1.0)] = 0.2,
    ) -> None:
        super().__init__()
        spec = picture_spec(spec, "inception-v4", least=24)
        kept = halvings_of(spec, halvings, most=3, leaving=17, least=13)
        self.layers = nn.Sequential(
            *_stem(spec.channels, kept),
            *[_block_a() for _ in range(4)],
            _reduction_a(),
            *[_block_b() for _ in range(7)],
            _reduction_b(),
            *[_block_c() for _ in range(3)],
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(dropout),
        )
        self.head = nn.Linear(1536, len(spec.classes))
        self.apply(he_init)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """See `Classifier.features`: means over the places of the last map, [B, 1536]."""
        h_BF: Tensor = self.layers(x_BCHW)
        return h_BF


def _stem(channels: int, kept: int) -> list[nn.Module]:
    """Figure 3, with the last `kept` of three halvings; to 384 channels."""
    first, second, third = (2 if kept >= halving else 1 for halving in (3, 2, 1))
    return [
        conv_norm(channels, 32, 3, stride=first, padded=False, eps=EPS),
        conv_norm(32, 32, 3, padded=False, eps=EPS),
        conv_norm(32, 64, 3, eps=EPS),
        Branches([nn.MaxPool2d(3, second), conv_norm(64, 96, 3, stride=second, padded=False, eps=EPS)]),
        Branches(
            [
                nn.Sequential(*chain(160, (64, 1)), conv_norm(64, 96, 3, padded=False, eps=EPS)),
                nn.Sequential(
                    *chain(160, (64, 1), (64, WIDE), (64, TALL)), conv_norm(64, 96, 3, padded=False, eps=EPS)
                ),
            ]
        ),
        Branches([conv_norm(192, 192, 3, stride=third, padded=False, eps=EPS), nn.MaxPool2d(3, third)]),
    ]


def _block_a() -> Branches:
    """Figure 4, of 384 channels."""
    return Branches(
        [
            chain(384, (96, 1)),
            chain(384, (64, 1), (96, 3)),
            chain(384, (64, 1), (96, 3), (96, 3)),
            pooled_chain(384, 96, count_padding=False),
        ]
    )


def _reduction_a() -> Branches:
    """Figure 7 with table 1's k, l, m, n of 192, 224, 256 and 384; to 1,024 channels."""
    return Branches(
        [
            chain(384, (384, 3), halves=True),
            chain(384, (192, 1), (224, 3), (256, 3), halves=True),
            nn.MaxPool2d(3, 2),
        ]
    )


def _block_b() -> Branches:
    """Figure 5, of 1,024 channels."""
    return Branches(
        [
            chain(1024, (384, 1)),
            chain(1024, (192, 1), (224, WIDE), (256, TALL)),
            chain(1024, (192, 1), (192, TALL), (224, WIDE), (224, TALL), (256, WIDE)),
            pooled_chain(1024, 128, count_padding=False),
        ]
    )


def _reduction_b() -> Branches:
    """Figure 8; to 1,536 channels."""
    return Branches(
        [
            chain(1024, (192, 1), (192, 3), halves=True),
            chain(1024, (256, 1), (256, WIDE), (320, TALL), (320, 3), halves=True),
            nn.MaxPool2d(3, 2),
        ]
    )


def _block_c() -> Branches:
    """Figure 6, of 1,536 channels."""
    return Branches(
        [
            chain(1536, (256, 1)),
            nn.Sequential(*chain(1536, (384, 1)), _crossed(384)),
            nn.Sequential(*chain(1536, (384, 1), (448, (3, 1)), (512, (1, 3))), _crossed(512)),
            pooled_chain(1536, 256, count_padding=False),
        ]
    )


def _crossed(inputs: int) -> Branches:
    return Branches([chain(inputs, (256, (1, 3))), chain(inputs, (256, (3, 1)))])
