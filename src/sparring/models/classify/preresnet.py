"""Pre-activation ResNet: batch norm and ReLU before each convolution, and nothing after the addition.

Paper: He, Zhang, Ren, Sun, "Identity mappings in deep residual networks", arXiv:1603.05027, for 3x32x32. From block to
block x_L = x_l + sum F(x_i), so that d x_L / d x_l = 1 + d (sum F) / d x_l (eqs. 4 and 5): a part of every gradient
arrives whole. Error on CIFAR-10 in batches of 128, medians of five runs (table 3): 110 layers 6.37 %, 164: 5.46, 1001:
4.92 (mean 4.89 +- 0.14); the abstract's 4.62 (4.69 +- 0.20) has batches of 64. As in the authors' code blocks of three
convolutions have projections where shapes change, which read the activated map, and the stride in the first
convolution; with 10 classes 164 layers have 1,703,258 parameters, 1001 10,327,706. `preresnet20`, `56` and `110` have
blocks of two, and shortcuts as in `resnet20`.
Departure: sides of 64 and more are first reduced to a quarter, as in `resnet`.
"""

from typing import Annotated

from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.classify.base import Classifier, classifiers, picture_spec
from sparring.models.classify.resnet_cifar import blocks_of
from sparring.nn.initial import he_init
from sparring.nn.layout import same_layout
from sparring.nn.residual import (
    SHORTCUT,
    STEM,
    PaddedShortcut,
    ShortcutKind,
    StemKind,
    convolutions_of,
    shortcut_of,
    stages_of,
    stem_of,
)
from sparring.registry import Range


@classifiers("preresnet20", paper="arXiv:1603.05027", preset={"depth": 20})
@classifiers("preresnet56", paper="arXiv:1603.05027", preset={"depth": 56})
@classifiers("preresnet110", paper="arXiv:1603.05027", preset={"depth": 110})
@classifiers(
    "preresnet164", paper="arXiv:1603.05027", preset={"depth": 164, "bottleneck": True, "shortcut": "projection"}
)
@classifiers(
    "preresnet1001", paper="arXiv:1603.05027", preset={"depth": 1001, "bottleneck": True, "shortcut": "projection"}
)
class PreResNet(Classifier):
    """Three stages of pre-activation blocks, batch norm, ReLU, means over the places, a linear head."""

    def __init__(
        self,
        spec: Spec,
        *,
        depth: Annotated[int, "layers with weights: 6n + 2, with bottlenecks 9n + 2", Range(8)] = 20,
        width: Annotated[int, "channels of the first stage's 3x3 convolutions, doubled by each stage", Range(1)] = 16,
        bottleneck: Annotated[bool, "whether blocks are 1x1, 3x3, 1x1 instead of two 3x3"] = False,
        stem: Annotated[StemKind, STEM] = "auto",
        shortcut: Annotated[ShortcutKind, SHORTCUT] = "padding",
    ) -> None:
        super().__init__()
        spec = picture_spec(spec, "preresnet", least=8)
        blocks = blocks_of(depth, layers=3 if bottleneck else 2)
        last = width * (4 if bottleneck else 1) * 4
        shapes = stages_of(width, (last // 4, last // 2, last), blocks)
        self.stem = stem_of(stem, spec.channels, width, min(spec.height, spec.width))
        # The stem ends in batch norm and ReLU, which are the first block's (section 4.1): both of its ways begin there.
        self.blocks = nn.Sequential(
            *(
                PreActivation(*shape, bottleneck=bottleneck, shortcut=shortcut, first=index == 0)
                for index, shape in enumerate(shapes)
            )
        )
        self.norm = nn.BatchNorm2d(last)
        self.apply(he_init)
        self.head = nn.Linear(last, len(spec.classes))

    def features(self, x_BCHW: Tensor) -> Tensor:
        """See `Classifier.features`: the last map's means over its places, after batch norm and ReLU."""
        h_BCHW: Tensor = self.norm(self.blocks(self.stem(x_BCHW)))
        return same_layout(h_BCHW.relu()).mean((2, 3))


class PreActivation(nn.Module):
    """The sum of the input and of two or three times batch norm, ReLU, convolution (eq. 3).

    Args:
        first: whether the input is activated already.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int = 1,
        *,
        bottleneck: bool = False,
        shortcut: ShortcutKind = "padding",
        first: bool = False,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for convolution in convolutions_of(inputs, outputs, stride, bottleneck=bottleneck):
            layers += [nn.BatchNorm2d(convolution.in_channels), nn.ReLU(), convolution]
        self.activation = nn.Identity() if first else nn.Sequential(*layers[:2])
        self.body = nn.Sequential(*layers[2:])
        self.shortcut = shortcut_of(shortcut, inputs, outputs, stride, norm=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, inputs, H, W] to [B, outputs, H / stride, W / stride], rounded up."""
        h_BCHW = self.activation(x_BCHW)
        body_BCHW: Tensor = self.body(h_BCHW)
        if self.shortcut is None:
            return body_BCHW
        # What has no weights passes the input on as it is, so that eq. 5 holds through all stages.
        weightless = isinstance(self.shortcut, nn.Identity | PaddedShortcut)
        sum_BCHW: Tensor = body_BCHW + self.shortcut(x_BCHW if weightless else h_BCHW)
        return sum_BCHW
