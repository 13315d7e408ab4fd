"""What a place sees, against gradients: a place sees what it depends on."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explain.conftest import rows


def seen(module: nn.Module, size: int, dims: int) -> tuple[int, ...]:
    """Places of the input that the middle of the output depends on, end to end, measured by its gradient."""
    for parameter in module.parameters():
        nn.init.constant_(parameter, 1.0)
    x = torch.rand(1, 2, *[size] * dims, dtype=torch.float64, requires_grad=True)
    y = module.double()(x)
    middles = [tuple(side // 2 + shift for side in y.shape[2:]) for shift in (0, 1)]
    found = []
    for middle in middles:
        (gradient,) = torch.autograd.grad(y[(0, 0, *middle)], x, retain_graph=True)
        where = gradient[0].abs().sum(0).nonzero()
        found.append(where.amax(0) - where.amin(0) + 1)
    return tuple(torch.stack(found).amax(0).tolist())


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.conv1(x))


class Halved(nn.Module):
    """A shortcut that leaves out every other place, as ResNet's option A."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, ::2, ::2]


class Means(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 3, 2, 1)


# Mean pools where a maximum would hide places from the gradient.
NETWORKS: dict[str, tuple[nn.Module, int]] = {
    "one": (nn.Conv2d(2, 1, 5), 2),
    "strides": (nn.Sequential(nn.Conv2d(2, 2, 11, 4), nn.AvgPool2d(3, 2), nn.Conv2d(2, 2, 5, padding=2)), 2),
    "dilation": (nn.Sequential(nn.Conv2d(2, 2, 3, dilation=3), nn.Conv2d(2, 2, 3)), 2),
    "oblong": (nn.Sequential(nn.Conv2d(2, 2, (1, 7)), nn.Conv2d(2, 2, (3, 1))), 2),
    "residual": (nn.Sequential(Residual(), Residual()), 2),
    "slices": (nn.Sequential(nn.Conv2d(2, 2, 3), Halved(), nn.Conv2d(2, 2, 3)), 2),
    "functions": (nn.Sequential(nn.Conv2d(2, 2, 3), Means(), nn.Conv2d(2, 2, 3)), 2),
    "norm": (nn.Sequential(nn.Conv2d(2, 2, 3), nn.LocalResponseNorm(3), nn.Conv2d(2, 2, 3)), 2),
    "line": (nn.Sequential(nn.Conv1d(2, 2, 4, 2), nn.AvgPool1d(2), nn.Conv1d(2, 2, 3)), 1),
    "volume": (nn.Sequential(nn.Conv3d(2, 2, 3), nn.AvgPool3d(2), nn.Conv3d(2, 2, 2)), 3),
    "up": (nn.Sequential(nn.Conv2d(2, 2, 3), nn.ConvTranspose2d(2, 2, 4, 2, 1), nn.Conv2d(2, 2, 3)), 2),
    "copies": (nn.Sequential(nn.Conv2d(2, 2, 3), nn.UpsamplingNearest2d(scale_factor=2)), 2),
    "shuffled": (nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(8, 2, 3)), 2),
    "adaptive": (nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.AdaptiveAvgPool2d(8)), 2),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_place_sees_what_its_gradient_reaches(name: str) -> None:
    module, dims = NETWORKS[name]
    size = 20 if dims == 3 else 64
    last = [*rows(module, 2, *[size] * dims).values()][-1]
    assert last.receptive_field == seen(module, size, dims)


@pytest.mark.usefixtures("meta")
def test_stacked_three_by_three_see_as_much_as_larger_kernels() -> None:
    stack = nn.Sequential(*(nn.Conv2d(4, 4, 3, padding=1) for _ in range(3)))
    assert [row.receptive_field for row in rows(stack, 4, 32, 32).values()] == [(3, 3), (5, 5), (7, 7)]


@pytest.mark.usefixtures("meta")
@pytest.mark.parametrize("end", [nn.Flatten(), nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1)], ids=str)
def test_after_flattening_or_global_pooling_all_is_seen(end: nn.Module) -> None:
    found = rows(nn.Sequential(nn.Conv2d(3, 4, 3), end), 3, 8, 8)
    assert found["0"].receptive_field == (3, 3)
    assert found["1"].receptive_field is None


class Gated(nn.Module):
    """Squeeze and excitation, the least of it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.after = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv(x)
        y: Tensor = self.after(h * h.mean((2, 3), keepdim=True).sigmoid())
        return y


@pytest.mark.usefixtures("meta")
def test_a_gate_of_means_lets_every_place_see_all() -> None:
    found = rows(Gated(), 3, 8, 8)
    assert found["conv"].receptive_field == (3, 3)
    assert found["after"].receptive_field is None
