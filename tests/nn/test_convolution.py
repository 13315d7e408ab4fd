"""The convolutions against torch's own, at every geometry that takes another way."""

import warnings

import pytest
import torch
from torch import Tensor, nn

from sparring.nn.convolution import Conv2d, ConvTranspose2d, down, up

DOWN = {
    "few channels": (3, 8, (12, 16), 4, 2, 1),
    "few places": (6, 10, (8, 8), 4, 2, 1),
    "many places": (6, 10, (16, 12), 4, 2, 1),
    "few places, many channels": (3, 512, (4, 6), 4, 2, 1),
    "odd side": (6, 10, (7, 9), 4, 2, 1),
    "whole map": (5, 1, (4, 4), (4, 4), 1, 0),
    "whole map, not square": (5, 2, (4, 6), (4, 6), 1, 0),
    "other kernel": (5, 4, (8, 8), 3, 1, 1),
}
UP = {
    "few channels": (8, 3, (6, 8), 4, 2, 1, 0),
    "grey": (8, 1, (4, 4), 4, 2, 1, 0),
    "few places": (10, 6, (4, 4), 4, 2, 1, 0),
    "few places, many channels": (512, 5, (2, 3), 4, 2, 1, 0),
    "many places": (10, 6, (8, 5), 4, 2, 1, 0),
    "odd side": (6, 3, (3, 4), 4, 2, 1, (1, 0)),
    "from one place": (7, 5, (1, 1), (4, 6), 1, 0, 0),
    "other kernel": (5, 4, (8, 8), 3, 1, 1, 0),
}


def down_pair(case: str, dtype: torch.dtype) -> tuple[Conv2d, nn.Conv2d, Tensor]:
    """Ours and torch's module with the same weights, and an input that lies channels last."""
    inputs, outputs, size, kernel, stride, padding = DOWN[case]
    torch.manual_seed(0)
    theirs = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False, dtype=dtype)
    ours = Conv2d(inputs, outputs, kernel, stride, padding, bias=False, dtype=dtype)
    return _same(ours, theirs), theirs, _map(inputs, size, dtype)


def up_pair(case: str, dtype: torch.dtype) -> tuple[ConvTranspose2d, nn.ConvTranspose2d, Tensor]:
    """The same for the way up."""
    inputs, outputs, size, kernel, stride, padding, odd = UP[case]
    torch.manual_seed(0)
    theirs = nn.ConvTranspose2d(inputs, outputs, kernel, stride, padding, odd, bias=False, dtype=dtype)
    ours = ConvTranspose2d(inputs, outputs, kernel, stride, padding, odd, bias=False, dtype=dtype)
    return _same(ours, theirs), theirs, _map(inputs, size, dtype)


def _same(ours, theirs):  # type: ignore[no-untyped-def]
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours.to(memory_format=torch.channels_last)


def _map(channels: int, size: tuple[int, int], dtype: torch.dtype) -> Tensor:
    x = torch.randn(3, channels, *size, dtype=dtype)
    return x.contiguous(memory_format=torch.channels_last)


def gradients(module: nn.Module, x: Tensor) -> list[Tensor]:
    """Result, and gradients of a loss that is not symmetric in the places, for input and weight."""
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = module(x)
    places = torch.arange(y.numel(), dtype=torch.float64).reshape(y.shape).sin().to(y.dtype)
    return [y, *torch.autograd.grad((y * places).sum(), [x, *module.parameters()])]


@pytest.mark.parametrize("case", DOWN)
def test_the_way_down_is_torchs_in_float64(case: str) -> None:
    ours, theirs, x = down_pair(case, torch.float64)
    torch.testing.assert_close(gradients(ours, x), gradients(theirs, x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", UP)
def test_the_way_up_is_torchs_in_float64(case: str) -> None:
    ours, theirs, x = up_pair(case, torch.float64)
    torch.testing.assert_close(gradients(ours, x), gradients(theirs, x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", DOWN)
def test_under_autocast_passes_are_bf16_and_gradients_float32(case: str) -> None:
    ours, theirs, x = down_pair(case, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        y, x_gradient, weight_gradient = gradients(ours, x)
    assert y.dtype == torch.bfloat16
    assert weight_gradient.dtype == x_gradient.dtype == torch.float32
    expected = gradients(theirs, x)
    scale = max(t.abs().max().item() for t in expected)
    torch.testing.assert_close([y.float(), x_gradient, weight_gradient], expected, rtol=0.02, atol=0.01 * scale)


@pytest.mark.parametrize("case", UP)
def test_under_autocast_the_way_up_is_bf16_too(case: str) -> None:
    ours, theirs, x = up_pair(case, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        y, x_gradient, weight_gradient = gradients(ours, x)
    assert (y.dtype, weight_gradient.dtype) == (torch.bfloat16, torch.float32)
    expected = gradients(theirs, x)
    scale = max(t.abs().max().item() for t in expected)
    torch.testing.assert_close([y.float(), x_gradient, weight_gradient], expected, rtol=0.02, atol=0.01 * scale)


@pytest.mark.parametrize("size", [4, 10], ids=["few places", "many places"])
@pytest.mark.parametrize("channels", [2, 5], ids=["few channels", "many channels"])
def test_first_and_second_derivatives_are_right(size: int, channels: int) -> None:
    torch.manual_seed(1)
    large = torch.randn(1, channels, size, size, dtype=torch.float64, requires_grad=True)
    small = torch.randn(1, 2, size // 2, size // 2, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, channels, 4, 4, dtype=torch.float64, requires_grad=True)
    for function, x in ((down, large), (up, small)):
        assert torch.autograd.gradcheck(function, (x, weight), fast_mode=True)
        assert torch.autograd.gradgradcheck(function, (x, weight), fast_mode=True)


def test_a_gradient_penalty_reaches_the_weights() -> None:
    ours, theirs, x = down_pair("few places", torch.float64)
    penalties = []
    for module in (ours, theirs):
        leaf = x.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(module(leaf).tanh().sum(), leaf, create_graph=True)
        penalties.append(torch.autograd.grad(slope.square().sum(), module.weight)[0])
    torch.testing.assert_close(penalties[0], penalties[1], rtol=1e-12, atol=1e-12)


def test_a_frozen_weight_gets_no_gradient_and_the_input_does() -> None:
    ours, _, x = down_pair("few channels", torch.float64)
    ours.requires_grad_(False)
    x.requires_grad_()
    ours(x).sum().backward()
    assert ours.weight.grad is None
    assert x.grad is not None


@pytest.mark.parametrize("case", UP)
def test_without_gradients_it_goes_the_same_ways(case: str) -> None:
    ours, theirs, x = up_pair(case, torch.float64)
    with torch.no_grad():
        made = ours(x)
    assert torch.equal(made, ours(x).detach())
    torch.testing.assert_close(made, theirs(x).detach(), rtol=1e-12, atol=1e-12)


def test_what_traces_it_sees_torchs_own_layer_for_any_batch() -> None:
    ours, theirs, x = up_pair("few channels", torch.float32)
    theirs = theirs.to(memory_format=torch.channels_last)
    five = torch.cat([x, x[:2]])
    sizes = {"x_BCHW": {0: torch.export.Dim("batch")}}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it is what ONNX's older export still uses
        traced = torch.jit.trace(ours, x)
        exported = torch.export.export(ours, (x,), dynamic_shapes=sizes).module()
        assert torch.equal(traced(five), theirs(five))
        assert torch.equal(exported(five), theirs(five))
