"""ResNet for small pictures: 6n + 2 layers in three stages of 16, 32 and 64 channels, shortcuts without parameters.

Paper: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", arXiv:1512.03385, section 4.2, 3x32x32.
Parameters with 10 classes, and error on CIFAR-10 (table 6): 20: 269,722, 8.75 %; 32: 464,154, 7.51; 44: 658,586, 7.17;
56: 853,018, 6.97; 110: 1,727,962, 6.43; 1202: 19,421,274, 7.93. `plain20` and `plain56` are the same without shortcuts:
the deeper is worse even in training (figure 6). `seresnet20` has squeeze-and-excitation before each addition
(arXiv:1709.01507).
Departure: sides of 64 and more are first reduced to a quarter, as in `resnet`.
"""

from typing import Annotated

from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.errors import UsageError
from sparring.models.classify.base import Classifier, classifiers, picture_spec
from sparring.nn.initial import he_init
from sparring.nn.layout import same_layout
from sparring.nn.residual import (
    REDUCTION,
    SHORTCUT,
    STEM,
    ZERO_GAIN,
    Residual,
    ShortcutKind,
    StemKind,
    stages_of,
    stem_of,
)
from sparring.registry import Range


@classifiers("resnet20", paper="arXiv:1512.03385", preset={"depth": 20})
@classifiers("resnet32", paper="arXiv:1512.03385", preset={"depth": 32})
@classifiers("resnet44", paper="arXiv:1512.03385", preset={"depth": 44})
@classifiers("resnet56", paper="arXiv:1512.03385", preset={"depth": 56})
@classifiers("resnet110", paper="arXiv:1512.03385", preset={"depth": 110})
@classifiers("resnet1202", paper="arXiv:1512.03385", preset={"depth": 1202})
@classifiers("plain20", paper="arXiv:1512.03385", preset={"depth": 20, "shortcut": "none"})
@classifiers("plain56", paper="arXiv:1512.03385", preset={"depth": 56, "shortcut": "none"})
@classifiers("seresnet20", paper="arXiv:1709.01507", preset={"depth": 20, "reduction": 16})
class CifarResNet(Classifier):
    """Three stages of residual blocks of two 3x3 convolutions, means over the places, a linear head."""

    def __init__(
        self,
        spec: Spec,
        *,
        depth: Annotated[int, "layers with weights: 6n + 2", Range(8)] = 20,
        width: Annotated[int, "channels of the first stage, doubled by each stage", Range(1)] = 16,
        stem: Annotated[StemKind, STEM] = "auto",
        shortcut: Annotated[ShortcutKind, SHORTCUT] = "padding",
        reduction: Annotated[int, REDUCTION, Range(0)] = 0,
        zero_gain: Annotated[bool, ZERO_GAIN] = False,
    ) -> None:
        super().__init__()
        spec = picture_spec(spec, "resnet", least=8)
        blocks = blocks_of(depth, layers=2)
        self.stem = stem_of(stem, spec.channels, width, min(spec.height, spec.width))
        self.blocks = nn.Sequential(
            *(
                Residual(inputs, outputs, stride, shortcut=shortcut, reduction=reduction, zero_gain=zero_gain)
                for inputs, outputs, stride in stages_of(width, (width, 2 * width, 4 * width), blocks)
            )
        )
        self.apply(he_init)
        self.head = nn.Linear(4 * width, len(spec.classes))

    def features(self, x_BCHW: Tensor) -> Tensor:
        """See `Classifier.features`: the last map's means over its places."""
        h_BCHW: Tensor = self.blocks(self.stem(x_BCHW))
        return same_layout(h_BCHW).mean((2, 3))


def blocks_of(depth: int, *, layers: int) -> tuple[int, int, int]:
    """Blocks of each of three stages, of `layers` layers, where a first and a last layer stand around them.

    Raises:
        UsageError: `depth` is not such a number.
    """
    blocks, rest = divmod(depth - 2, 3 * layers)
    if rest or blocks < 1:
        raise UsageError(f"depth={depth}: expected {3 * layers}n + 2, as {3 * layers + 2} or {9 * layers + 2}.")
    return blocks, blocks, blocks
