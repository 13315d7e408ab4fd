"""Kernels made by hand: their values on small pictures, and the operation by its definition."""

import pytest
import torch
from torch import Tensor

from sparring.nn.filters import FILTERS, filtered


def picture(*rows: tuple[float, ...]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)[None, None]


STEPS = picture((0, 0, 1, 1), (0, 0, 1, 1), (0, 0, 1, 1))
"""Dark on the left, bright on the right."""
SPOT = picture((0, 0, 0), (0, 9, 0), (0, 0, 0))


@pytest.mark.parametrize(
    ("name", "seen", "expected"),
    [
        ("vertical-edge", STEPS, [[3, 3]]),
        ("horizontal-edge", STEPS, [[0, 0]]),
        ("horizontal-edge", STEPS.transpose(2, 3), [[3], [3]]),
        ("vertical-edge", STEPS.transpose(2, 3), [[0], [0]]),
        ("difference", picture((1, 4, 9, 16, 25)), [[8, 12, 16]]),
        ("smoothing", picture((100, 200, 400, 0)), [[33 + 68 + 132, 66 + 136]]),
        ("blur", SPOT, [[1]]),
        ("sharpen", SPOT, [[45]]),
        ("sharpen", picture((1, 2, 3), (4, 5, 6), (7, 8, 9)), [[5]]),
        ("roberts-falling", picture((1, 2), (3, 7)), [[-6]]),
        ("roberts-rising", picture((1, 2), (3, 7)), [[-1]]),
    ],
)
def test_values_by_hand(name: str, seen: Tensor, expected: list[list[float]]) -> None:
    torch.testing.assert_close(filtered(seen, FILTERS[name]), picture(*map(tuple, expected)))


@pytest.mark.parametrize("name", FILTERS)
def test_the_operation_is_cross_correlation_of_each_channel(name: str) -> None:
    """s(j, i) = sum over y, x of z(j + y, i + x) u(y, x): the kernel is not turned around."""
    torch.manual_seed(0)
    x_BCHW, kernel = torch.randn(2, 3, 5, 6, dtype=torch.float64), FILTERS[name]
    height, width = 5 - len(kernel) + 1, 6 - len(kernel[0]) + 1
    expected = torch.zeros(2, 3, height, width, dtype=torch.float64)
    for j in range(height):
        for i in range(width):
            for y, row in enumerate(kernel):
                for x, weight in enumerate(row):
                    expected[:, :, j, i] += x_BCHW[:, :, j + y, i + x] * weight
    torch.testing.assert_close(filtered(x_BCHW, kernel), expected)


def test_a_constant_picture_has_no_edges_and_keeps_its_brightness() -> None:
    flat = torch.full((1, 1, 4, 4), 0.5, dtype=torch.float64)
    for name, kernel in FILTERS.items():
        level = 0.5 if name in ("smoothing", "blur", "sharpen") else 0.0
        torch.testing.assert_close(filtered(flat, kernel), torch.full_like(filtered(flat, kernel), level))
