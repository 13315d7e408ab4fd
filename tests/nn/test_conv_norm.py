"""Convolutions over one, two and three dimensions against their definition, place by place."""

import itertools

import pytest
import torch
from torch import Tensor, nn

from sparring.nn.conv_norm import Dimensions, conv_norm


def by_definition(z_BCS: Tensor, u_OCK: Tensor, *, stride: int, padding: int) -> Tensor:
    """s(o, j) = sum over channels and offsets y of z(c, stride j + y) u(o, c, y), in any number of dimensions."""
    dimensions = u_OCK.ndim - 2
    z_BCS = nn.functional.pad(z_BCS, (padding, padding) * dimensions)
    kernel = u_OCK.shape[2:]
    sides = [(side - k) // stride + 1 for side, k in zip(z_BCS.shape[2:], kernel, strict=True)]
    result = torch.zeros(len(z_BCS), len(u_OCK), *sides, dtype=z_BCS.dtype)
    for place in itertools.product(*map(range, sides)):
        for offset in itertools.product(*map(range, kernel)):
            seen_BC = z_BCS[(..., *(stride * j + y for j, y in zip(place, offset, strict=True)))]
            result[(..., *place)] += seen_BC @ u_OCK[(..., *offset)].t()
    return result


@pytest.mark.parametrize(("stride", "padded"), [(1, True), (2, True), (2, False)])
@pytest.mark.parametrize(("dimensions", "sides"), [(1, (9,)), (2, (6, 7)), (3, (5, 6, 7))])
def test_the_convolution_is_its_definition(
    dimensions: Dimensions, sides: tuple[int, ...], stride: int, padded: bool
) -> None:
    torch.manual_seed(0)
    layer = conv_norm(2, 3, 3, stride=stride, padded=padded, dimensions=dimensions).double()
    x_BCS = torch.randn(2, 2, *sides, dtype=torch.float64)
    expected = by_definition(x_BCS, layer[0].weight.detach(), stride=stride, padding=int(padded))
    torch.testing.assert_close(layer[0](x_BCS).detach(), expected)
    normal = (expected - expected.transpose(0, 1).flatten(1).mean(1).view(1, 3, *[1] * dimensions)) / (
        expected.transpose(0, 1).flatten(1).var(1, correction=0).view(1, 3, *[1] * dimensions) + 1e-5
    ).sqrt()
    torch.testing.assert_close(layer(x_BCS).detach(), normal.clamp_min(0))


def test_a_kernel_of_a_volume_has_c_h_h_h_weights() -> None:
    """A colour video 3 x s x m x n, and a scan 1 x s x m x n."""
    assert conv_norm(3, 8, 3, dimensions=3)[0].weight.shape == (8, 3, 3, 3, 3)
    assert conv_norm(1, 8, 5, dimensions=3)[0].weight[0].numel() == 5**3


def test_padding_follows_each_side_of_the_kernel() -> None:
    assert conv_norm(2, 4, (1, 7))(torch.randn(2, 2, 5, 9)).shape == (2, 4, 5, 9)
    assert conv_norm(2, 4, (1, 7), padded=False)(torch.randn(2, 2, 5, 9)).shape == (2, 4, 5, 3)
