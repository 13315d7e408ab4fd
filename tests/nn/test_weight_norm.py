"""Weight normalisation and noise against plain formulas."""

import copy

import pytest
import torch
from torch import Tensor, nn

from sparring.nn.noise import GaussianNoise
from sparring.nn.weight_norm import WeightNormConv2d, WeightNormLinear, fitted_to_data


def linear(*, trained: bool = False) -> WeightNormLinear:
    torch.manual_seed(0)
    return WeightNormLinear(5, 3, trained=trained).double()


def test_a_unit_is_a_product_with_its_direction_times_its_length() -> None:
    """arXiv:1602.07868, eq. 2, one unit and one example at a time."""
    layer, x_BF = linear(), torch.randn(4, 5, dtype=torch.float64)
    layer.scale.copy_(torch.tensor([0.5, 2.0, 3.0]))
    layer.bias.data.copy_(torch.tensor([0.1, 0.2, 0.3]))
    made = layer(x_BF)
    for b in range(4):
        for o in range(3):
            v = layer.weight[o]
            expected = layer.scale[o] * (v @ x_BF[b]) / (v @ v).sqrt() + layer.bias[o]
            torch.testing.assert_close(made[b, o], expected, rtol=1e-12, atol=1e-12)


def test_only_the_direction_of_a_weight_matters() -> None:
    layer, x_BF = linear(), torch.randn(4, 5, dtype=torch.float64)
    before = layer(x_BF)
    layer.weight.data.mul_(7.0)
    torch.testing.assert_close(layer(x_BF), before)


def test_a_convolution_is_torchs_with_kernels_of_the_given_lengths() -> None:
    torch.manual_seed(0)
    layer = WeightNormConv2d(2, 3, 3, stride=2, padding=1, trained=True).double()
    nn.init.uniform_(layer.scale, 0.5, 2.0)
    x_BCHW = torch.randn(2, 2, 7, 6, dtype=torch.float64)
    kernels = torch.stack([s * w / w.square().sum().sqrt() for s, w in zip(layer.scale, layer.weight, strict=True)])
    plain = nn.functional.conv2d(x_BCHW, kernels, layer.bias, stride=2, padding=1)
    torch.testing.assert_close(layer(x_BCHW), plain, rtol=1e-12, atol=1e-12)


def test_gradients_are_those_of_finite_differences() -> None:
    layer = linear(trained=True)
    x_BF = torch.randn(2, 5, dtype=torch.float64, requires_grad=True)

    def made(x: Tensor, weight: Tensor, scale: Tensor) -> Tensor:
        found: Tensor = torch.func.functional_call(layer, {"weight": weight, "scale": scale}, (x,))
        return found

    weight, scale = (p.detach().clone().requires_grad_() for p in (layer.weight, layer.scale))
    assert torch.autograd.gradcheck(made, (x_BF, weight, scale))


@pytest.mark.parametrize("trained", [False, True])
def test_a_length_is_trained_or_kept_with_the_module(trained: bool) -> None:
    layer = linear(trained=trained)
    assert ("scale" in dict(layer.named_parameters())) == trained
    assert "scale" in layer.state_dict()
    layer.scale.data.mul_(3.0)
    x_BF = torch.randn(4, 5, dtype=torch.float64)
    other = copy.deepcopy(layer)
    torch.testing.assert_close(other(x_BF), layer(x_BF), rtol=0, atol=0)
    other.scale.data.zero_()
    assert layer.scale.abs().min() > 0


def test_after_a_first_batch_every_unit_has_mean_0_and_variance_1() -> None:
    """arXiv:1602.07868, section 3, of every layer of a network in which each reads the one before."""
    torch.manual_seed(0)
    network = nn.Sequential(
        WeightNormConv2d(3, 6, 3, stride=2, trained=False),
        nn.ReLU(),
        nn.Flatten(),
        WeightNormLinear(6 * 9, 8, trained=False),
        nn.ReLU(),
        WeightNormLinear(8, 4, trained=True),
    ).double()
    x_BCHW = 5 + 3 * torch.randn(40, 3, 8, 8, dtype=torch.float64)
    with fitted_to_data(network):
        network(x_BCHW)
    h = x_BCHW
    for layer in network:
        h = layer(h)
        if isinstance(layer, WeightNormConv2d | WeightNormLinear):
            of_unit = h.transpose(0, 1).flatten(1)
            for values in of_unit:
                assert values.mean().item() == pytest.approx(0, abs=1e-9)
                assert values.var(correction=0).item() == pytest.approx(1, abs=1e-9)
    moved = network(x_BCHW + 1)
    assert moved.mean().abs() > 1e-3, "the hooks are gone: another batch is not fitted to"


def test_a_unit_that_sees_no_difference_keeps_its_length() -> None:
    layer = linear()
    with fitted_to_data(layer):
        layer(torch.ones(4, 5, dtype=torch.float64))
    assert torch.equal(layer.scale, torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(layer(torch.ones(1, 5, dtype=torch.float64)), torch.zeros(1, 3, dtype=torch.float64))


def test_noise_has_its_deviation_while_training_and_is_none_afterwards() -> None:
    torch.manual_seed(0)
    noise, x_BF = GaussianNoise(0.3), torch.full((200, 200), 2.0)
    added = noise(x_BF) - x_BF
    assert added.mean().item() == pytest.approx(0, abs=5 * 0.3 / 200)
    assert added.std().item() == pytest.approx(0.3, rel=0.02)
    assert not torch.equal(added, noise(x_BF) - x_BF)
    assert noise.eval()(x_BF) is x_BF
