"""LeNet-5: convolution, pool, convolution, pool, convolution to 120 values, 84, classes.

Paper: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 86(11),
1998, section II-B: 1x32x32, 0.95 % error on MNIST, 0.8 with distortions. `lenet5` is what is taught today: the second
convolution reads all maps, pools have no weights, the activation is ReLU, the head is linear; 61,706 parameters with 10
classes. `lenet5-1998` has the table of which maps each map of the second convolution reads, pools with a coefficient
and a bias a map, the scaled tanh and initial weights in +-2.4 / fan-in: 60,000 parameters before the head.
Departures of the latter: a linear head and not distances to bitmaps of characters; pools are means, not sums, times a
coefficient that begins at 1.
`pool=stride` has none: both convolutions move by 2, with as many parameters.
Sides from 28 are padded to 32, by what is at the border; on larger ones the last convolution is as large as what is
left.
"""

import math
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.classify.base import Classifier, classifiers, picture_spec
from sparring.nn.activations import ActivationKind, activation_of
from sparring.nn.convolution import Conv2d

PoolKind = Literal["average", "max", "trained", "stride"]
SIDE = 32

TABLE = (
    *[(m, (m + 1) % 6, (m + 2) % 6) for m in range(6)],
    *[(m, (m + 1) % 6, (m + 2) % 6, (m + 3) % 6) for m in range(6)],
    *[(m, (m + 1) % 6, (m + 3) % 6, (m + 4) % 6) for m in range(3)],
    (0, 1, 2, 3, 4, 5),
)
"""Which maps each of the second convolution's maps reads, table I."""


@classifiers("lenet5", paper="LeCun et al. 1998", preset={"table": False})
@classifiers(
    "lenet5-1998",
    paper="LeCun et al. 1998",
    preset={"table": True, "pool": "trained", "activation": "scaled-tanh"},
)
class LeNet5(Classifier):
    """Two convolutions with pools, a third as large as the map, a hidden layer, a linear head."""

    def __init__(
        self,
        spec: Spec,
        *,
        table: Annotated[bool, "whether maps of the second convolution read but some, as in table I"] = False,
        pool: Annotated[
            PoolKind,
            "of 2x2 places; trained: average with a coefficient and a bias; stride: none, convolutions move by 2",
        ] = "average",
        activation: Annotated[ActivationKind, "of all layers but the head"] = "relu",
    ) -> None:
        super().__init__()
        spec = picture_spec(spec, "lenet5", least=28)
        sides, stride = (spec.height, spec.width), 2 if pool == "stride" else 1
        padding = [math.ceil(max(0, SIDE - side) / 2) for side in sides]
        left = [_halved(_halved(n + 2 * more - 4, pool) - 4, pool) for n, more in zip(sides, padding, strict=True)]
        self.layers = nn.Sequential(
            Conv2d(spec.channels, 6, 5, stride=stride, padding=(padding[0], padding[1]), padding_mode="replicate"),
            *(activation_of(activation), *_pool(pool, 6, activation)),
            TableConv2d(stride=stride) if table else Conv2d(6, 16, 5, stride=stride),
            *(activation_of(activation), *_pool(pool, 16, activation)),
            Conv2d(16, 120, (left[0], left[1])),
            *(activation_of(activation), nn.Flatten()),
            *(nn.Linear(120, 84), activation_of(activation)),
        )
        self.head = nn.Linear(84, len(spec.classes))
        if activation == "scaled-tanh":
            self.apply(_lecun_init)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """See `Classifier.features`: the hidden layer."""
        h_BF: Tensor = self.layers(x_BCHW)
        return h_BF


class TrainedPool(nn.Module):
    """Means of 2x2 places, times a coefficient, plus a bias, both of each map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, C, H, W] to [B, C, H / 2, W / 2]."""
        return F.avg_pool2d(x_BCHW, 2) * self.coefficient + self.bias


class TableConv2d(nn.Module):
    """A 5x5 convolution from 6 to 16 maps, of which each reads those of `TABLE`: 60 kernels instead of 96."""

    where: Tensor
    fan_in: Tensor

    def __init__(self, *, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        pairs = [(6 * to + of, 25 * len(read)) for to, read in enumerate(TABLE) for of in read]
        self.register_buffer("where", torch.tensor([where for where, _ in pairs]), persistent=False)
        self.register_buffer("fan_in", torch.tensor([float(fan) for _, fan in pairs]), persistent=False)
        # As torch's convolutions begin: uniform within 1 / root of the fan-in.
        self.kernels = nn.Parameter((2 * torch.rand(60, 5, 5) - 1) * self.fan_in.rsqrt()[:, None, None])
        self.bias = nn.Parameter(torch.zeros(16))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, 6, H, W] to [B, 16, H - 4, W - 4], of which a stride leaves every so-manyth place."""
        weight = self.kernels.new_zeros(96, 5, 5).index_copy(0, self.where, self.kernels)
        return F.conv2d(x_BCHW, weight.view(16, 6, 5, 5), self.bias, stride=self.stride)


def _halved(side: int, kind: PoolKind) -> int:
    """What a convolution's side becomes: a pool leaves an odd last place out, a stride keeps it."""
    return -(-side // 2) if kind == "stride" else side // 2


def _pool(kind: PoolKind, channels: int, activation: ActivationKind) -> list[nn.Module]:
    if kind == "stride":
        return []
    if kind == "trained":
        return [TrainedPool(channels), activation_of(activation)]
    return [nn.MaxPool2d(2) if kind == "max" else nn.AvgPool2d(2)]


@torch.no_grad()
def _lecun_init(module: nn.Module) -> None:
    """From torch's uniform weights within 1 / root of the fan-in to the paper's within 2.4 / fan-in (appendix A)."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        for values in (module.weight, module.bias):
            assert values is not None
            values.mul_(2.4 / math.sqrt(module.weight[0].numel()))
    if isinstance(module, TableConv2d):
        module.kernels.mul_(2.4 * module.fan_in.rsqrt()[:, None, None])
