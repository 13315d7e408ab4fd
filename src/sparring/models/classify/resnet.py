"""ResNet for large pictures: four stages of residual blocks.

Paper: He, Zhang, Ren, Sun, "Deep residual learning for image recognition", arXiv:1512.03385, table 1, sides of 224.
Top-1 error on ImageNet's validation part, ten crops (table 3): 34 layers 24.19 to 25.03 %, 50: 22.85, 101: 21.75, 152:
21.43; 34 without shortcuts (`--set classifier.shortcut=none`): 28.54. Parameters with 1,000 classes: 18: 11,689,512;
34: 21,797,672; 50: 25,557,032; 101: 44,549,160; 152: 60,192,808. `seresnet50` has squeeze-and-excitation before each
addition (arXiv:1709.01507: 23.29 % with one crop, 24.80 without): 2,530,992 more.
Departures: sides below 64 are not reduced by the first layers. Most libraries have the stride in the 3x3 convolutions
of `resnet50` and deeper: `--set classifier.stride_in=3x3`.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.classify.base import Classifier, classifiers, picture_spec
from sparring.nn.initial import he_init
from sparring.nn.layout import same_layout
from sparring.nn.residual import (
    REDUCTION,
    SHORTCUT,
    STEM,
    STRIDE_IN,
    ZERO_GAIN,
    Residual,
    ShortcutKind,
    StemKind,
    StrideIn,
    stages_of,
    stem_of,
)
from sparring.registry import Range

Depth = Literal[18, 34, 50, 101, 152]
BLOCKS: Mapping[Depth, tuple[int, ...]] = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


@classifiers("resnet18", paper="arXiv:1512.03385", preset={"depth": 18})
@classifiers("resnet34", paper="arXiv:1512.03385", preset={"depth": 34})
@classifiers("resnet50", paper="arXiv:1512.03385", preset={"depth": 50})
@classifiers("resnet101", paper="arXiv:1512.03385", preset={"depth": 101})
@classifiers("resnet152", paper="arXiv:1512.03385", preset={"depth": 152})
@classifiers("seresnet50", paper="arXiv:1709.01507", preset={"depth": 50, "reduction": 16})
class ResNet(Classifier):
    """Four stages of residual blocks, means over the places, a linear head."""

    def __init__(
        self,
        spec: Spec,
        *,
        depth: Annotated[Depth, "layers with weights"] = 50,
        width: Annotated[int, "channels of the first stage's 3x3 convolutions, doubled by each stage", Range(1)] = 64,
        stem: Annotated[StemKind, STEM] = "auto",
        shortcut: Annotated[ShortcutKind, SHORTCUT] = "projection",
        stride_in: Annotated[StrideIn, STRIDE_IN] = "1x1",
        reduction: Annotated[int, REDUCTION, Range(0)] = 0,
        zero_gain: Annotated[bool, ZERO_GAIN] = False,
    ) -> None:
        super().__init__()
        spec = picture_spec(spec, "resnet", least=8)
        bottleneck = depth >= 50
        last = width * (4 if bottleneck else 1) * 8
        self.stem = stem_of(stem, spec.channels, width, min(spec.height, spec.width))
        self.blocks = nn.Sequential(
            *(
                Residual(
                    inputs,
                    outputs,
                    stride,
                    bottleneck=bottleneck,
                    shortcut=shortcut,
                    stride_in=stride_in,
                    reduction=reduction,
                    zero_gain=zero_gain,
                )
                for inputs, outputs, stride in stages_of(width, (last // 8, last // 4, last // 2, last), BLOCKS[depth])
            )
        )
        self.apply(he_init)
        self.head = nn.Linear(last, len(spec.classes))

    def features(self, x_BCHW: Tensor) -> Tensor:
        """See `Classifier.features`: the last map's means over its places."""
        h_BCHW: Tensor = self.blocks(self.stem(x_BCHW))
        return same_layout(h_BCHW).mean((2, 3))
