"""Maxout against its formula, unit by unit."""

import torch

from sparring.nn.maxout import Maxout


def test_a_unit_is_the_largest_of_its_pieces() -> None:
    torch.manual_seed(0)
    layer = Maxout(3, 4, pieces=2).double()
    x_BF = torch.randn(5, 3, dtype=torch.float64)
    weight, bias = layer.linear.weight, layer.linear.bias
    found = layer(x_BF)
    assert found.shape == (5, 4)
    for row in range(5):
        for unit in range(4):
            pieces = [weight[2 * unit + k] @ x_BF[row] + bias[2 * unit + k] for k in range(2)]
            torch.testing.assert_close(found[row, unit], max(pieces))


def test_gradients_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    layer = Maxout(3, 2, pieces=3).double()
    assert torch.autograd.gradcheck(layer, torch.randn(4, 3, dtype=torch.float64, requires_grad=True))
