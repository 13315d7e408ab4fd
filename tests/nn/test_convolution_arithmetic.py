"""What is taught about convolutions: their sizes, their parameters, and what smaller kernels save."""

import pytest
import torch
from torch import Tensor, nn


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def multiply_adds(convolutions: list[nn.Conv2d], side: int) -> int:
    """Of convolutions that keep the sides."""
    return sum(convolution.weight.numel() * side * side for convolution in convolutions)


@pytest.mark.parametrize(
    ("side", "kernel", "padding", "stride"),
    [
        (227, 11, 0, 4),
        (32, 5, 2, 1),
        (32, 5, 0, 1),
        (28, 5, 2, 1),
        (7, 3, 0, 2),
        (7, 3, 1, 3),
        (224, 7, 3, 2),
        (8, 4, 1, 2),
    ],
)
def test_the_output_has_so_many_places(side: int, kernel: int, padding: int, stride: int) -> None:
    """(W - F + 2P) / S + 1, rounded down."""
    with torch.device("meta"):
        output = nn.Conv2d(1, 1, kernel, stride, padding)(torch.empty(1, 1, side, side))
    assert output.shape[2] == (side - kernel + 2 * padding) // stride + 1


def test_a_stride_leaves_a_square_of_the_places() -> None:
    for stride in (1, 2, 4):
        assert nn.Conv2d(1, 1, 3, stride, 1)(torch.zeros(1, 1, 32, 32)).numel() == 32 * 32 // stride**2


def test_parameters_do_not_depend_on_the_side() -> None:
    """(F F D1) K + K."""
    ten = nn.Conv2d(3, 10, 5, padding=2)
    assert ten(torch.zeros(1, 3, 32, 32)).shape == (1, 10, 32, 32)
    assert parameters(ten) == 5 * 5 * 3 * 10 + 10 == 760
    assert parameters(nn.Conv2d(1, 64, 7)) == 3200


def composed(*kernels: Tensor) -> Tensor:
    """The one kernel that stands for several in a row: what they make of an impulse."""
    sides = [sum(kernel.shape[axis] - 1 for kernel in kernels) + 1 for axis in (0, 1)]
    impulse = torch.zeros(1, 1, 2 * sides[0] - 1, 2 * sides[1] - 1, dtype=torch.float64)
    impulse[0, 0, sides[0] - 1, sides[1] - 1] = 1
    for kernel in kernels:
        impulse = nn.functional.conv2d(impulse, kernel[None, None])
    return impulse[0, 0].flip(0, 1)


@pytest.mark.parametrize(
    ("small", "large", "weights"), [([(3, 3), (3, 3)], (5, 5), (18, 25)), ([(1, 3), (3, 1)], (3, 3), (6, 9))]
)
def test_small_kernels_in_a_row_read_what_a_large_one_reads(
    small: list[tuple[int, int]], large: tuple[int, int], weights: tuple[int, int]
) -> None:
    draw = torch.Generator().manual_seed(0)
    kernels = [torch.randn(shape, generator=draw, dtype=torch.float64) for shape in small]
    one = composed(*kernels)
    assert one.shape == large
    assert (sum(kernel.numel() for kernel in kernels), one.numel()) == weights
    x = first = torch.randn(1, 1, 9, 9, generator=draw, dtype=torch.float64)
    for kernel in kernels:
        x = nn.functional.conv2d(x, kernel[None, None])
    torch.testing.assert_close(x, nn.functional.conv2d(first, one[None, None]))


def test_a_1x1_convolution_before_a_large_one_saves_nine_tenths() -> None:
    """The 5x5 way of GoogLeNet's inception 3a, 28x28: 192 channels to 32, over 16 (arXiv:1409.4842, table 1)."""
    alone = multiply_adds([nn.Conv2d(192, 32, 5, padding=2)], 28)
    through = multiply_adds([nn.Conv2d(192, 16, 1), nn.Conv2d(16, 32, 5, padding=2)], 28)
    assert (alone, through) == (120_422_400, 12_443_648)


@pytest.mark.parametrize(("inputs", "outputs", "kernel"), [(64, 128, 3), (16, 16, 5)])
def test_a_separable_convolution_costs_the_sum_of_two_shares(inputs: int, outputs: int, kernel: int) -> None:
    """1 / C_out + 1 / k^2 of a full one (arXiv:1704.04861, section 3.1)."""
    full = multiply_adds([nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)], 8)
    depthwise = nn.Conv2d(inputs, inputs, kernel, padding=kernel // 2, groups=inputs)
    separable = multiply_adds([depthwise, nn.Conv2d(inputs, outputs, 1)], 8)
    assert separable / full == pytest.approx(1 / outputs + 1 / kernel**2)
