"""The convolutions against torch's own, at every geometry that takes another way."""

import warnings

import pytest
import torch
from torch import Tensor, nn

from sparring.losses.penalties import squared_gradient
from sparring.nn import convolution, products
from sparring.nn.convolution import Conv2d, ConvTranspose2d, convolved, down, up, weight_gradient
from sparring.nn.products import Geometry

DOWN = {
    "few channels": (3, 8, (12, 16), 4, 2, 1),
    "few places": (6, 10, (8, 8), 4, 2, 1),
    "many places": (6, 10, (16, 12), 4, 2, 1),
    "to two places": (3, 12, (2, 4), 4, 2, 1),
    "odd side": (6, 10, (7, 9), 4, 2, 1),
    "whole map": (5, 1, (4, 4), (4, 4), 1, 0),
    "whole map, not square": (5, 2, (4, 6), (4, 6), 1, 0),
    "3x3": (5, 4, (8, 8), 3, 1, 1),
    "3x3 of two rows": (5, 4, (2, 5), 3, 1, 1),
    "3x3, every second": (5, 4, (7, 8), 3, 2, 1),
    "3x3 inside": (5, 4, (4, 5), 3, 1, 0),
    "wider than its padding": (5, 4, (4, 5), (5, 3), 1, (3, 1)),
    "1x1": (5, 4, (3, 2), 1, 1, 0),
    "1x1, every second": (5, 4, (5, 4), 1, 2, 0),
    "padded beyond its sides": (5, 4, (3, 3), 2, 1, 2),
}
UP = {
    "few channels": (8, 3, (6, 8), 4, 2, 1, 0),
    "grey": (8, 1, (4, 4), 4, 2, 1, 0),
    "few places": (10, 6, (4, 4), 4, 2, 1, 0),
    "two rows": (12, 5, (2, 3), 4, 2, 1, 0),
    "many places": (10, 6, (8, 5), 4, 2, 1, 0),
    "odd side": (6, 3, (3, 4), 4, 2, 1, (1, 0)),
    "from one place": (7, 5, (1, 1), (4, 6), 1, 0, 0),
    "other kernel": (5, 4, (8, 8), 3, 1, 1, 0),
}


@pytest.fixture(params=["as measured", "by products", "by convolutions"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which way passes and gradients go: maps of a test are too small for those that pay to be taken."""
    chosen: str = request.param
    if chosen != "as measured":
        for rule in ("pass_is_product", "gradient_is_product"):
            monkeypatch.setattr(products, rule, lambda *_: chosen == "by products")
    return chosen


def down_pair(case: str, dtype: torch.dtype, *, bias: bool = True) -> tuple[Conv2d, nn.Conv2d, Tensor]:
    """Ours and torch's module with the same weights, and an input that lies channels last."""
    inputs, outputs, size, kernel, stride, padding = DOWN[case]
    torch.manual_seed(0)
    theirs = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=bias, dtype=dtype)
    ours = Conv2d(inputs, outputs, kernel, stride, padding, bias=bias, dtype=dtype)
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


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("case", DOWN)
def test_the_way_down_is_torchs_in_float64(case: str, bias: bool) -> None:
    ours, theirs, x = down_pair(case, torch.float64, bias=bias)
    torch.testing.assert_close(gradients(ours, x), gradients(theirs, x), rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("case", UP)
def test_the_way_up_is_torchs_in_float64(case: str) -> None:
    ours, theirs, x = up_pair(case, torch.float64)
    torch.testing.assert_close(gradients(ours, x), gradients(theirs, x), rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("case", DOWN)
def test_under_autocast_passes_are_bf16_and_gradients_float32(case: str) -> None:
    ours, theirs, x = down_pair(case, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        y, *slopes = gradients(ours, x)
    assert y.dtype == torch.bfloat16
    assert {slope.dtype for slope in slopes} == {torch.float32}
    expected = gradients(theirs, x)
    scale = max(t.abs().max().item() for t in expected)
    torch.testing.assert_close([y.float(), *slopes], expected, rtol=0.02, atol=0.01 * scale)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("case", UP)
def test_under_autocast_the_way_up_is_bf16_too(case: str) -> None:
    ours, theirs, x = up_pair(case, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        y, x_gradient, weight_gradient = gradients(ours, x)
    assert (y.dtype, weight_gradient.dtype) == (torch.bfloat16, torch.float32)
    expected = gradients(theirs, x)
    scale = max(t.abs().max().item() for t in expected)
    torch.testing.assert_close([y.float(), x_gradient, weight_gradient], expected, rtol=0.02, atol=0.01 * scale)


@pytest.mark.usefixtures("way")
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


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("stride", "padding"), [(1, 1), (1, 0), (2, 1), (1, 3)])
def test_derivatives_of_other_kernels_are_right(stride: int, padding: int) -> None:
    torch.manual_seed(1)
    geometry = Geometry((3, 2), (stride, stride), (padding, 1))
    x = torch.randn(1, 2, 4, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(3, dtype=torch.float64, requires_grad=True)

    def function(*parts: Tensor) -> Tensor:
        return convolved(*parts, geometry)

    assert torch.autograd.gradcheck(function, (x, weight, bias), fast_mode=True)
    assert torch.autograd.gradgradcheck(function, (x, weight, bias), fast_mode=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_products_are_for_few_places_and_many_weights(dtype: torch.dtype) -> None:
    """Whatever a machine's figures are: a large map is never cut into patches, a large kernel on a small map always."""
    large, small = torch.empty(512, 512, 3, 3), torch.empty(8, 8, 3, 3)
    assert products.pass_is_product(large, 4, dtype)
    assert products.gradient_is_product(large, 4, 128, dtype)
    assert not products.pass_is_product(small, 4, dtype)
    for weight in (large, small):
        assert not products.pass_is_product(weight, 256, dtype)
        assert not products.gradient_is_product(weight, 256, 128, dtype)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("case", DOWN)
def test_a_gradient_penalty_reaches_the_weights(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And its first pass makes no gradients of kernels, which it has no use for."""
    asked: list[bool] = []
    monkeypatch.setattr(convolution, "weight_gradient", lambda *given: asked.append(True) or weight_gradient(*given))
    ours, theirs, x = down_pair(case, torch.float64)
    penalties = []
    for module in (ours, theirs):
        leaf = x.detach().clone().requires_grad_()
        asked.clear()
        squared = squared_gradient(module(leaf).tanh().flatten(1).sum(1), leaf)
        assert not asked
        penalties.append(torch.autograd.grad(squared.sum(), module.weight)[0])
    torch.testing.assert_close(penalties[0], penalties[1], rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("case", DOWN)
def test_what_it_makes_may_be_written_to_in_place(case: str) -> None:
    ours, theirs, x = down_pair(case, torch.float64)
    found = [gradients(nn.Sequential(module, nn.LeakyReLU(0.2, inplace=True)), x) for module in (ours, theirs)]
    torch.testing.assert_close(found[0], found[1], rtol=1e-12, atol=1e-12)


def test_a_weight_that_is_computed_is_computed_once_a_pass(way: str) -> None:
    """As with spectral normalisation, whose estimate moves each time."""
    counted = Counted()
    ours, _, x = down_pair("3x3", torch.float64)
    torch.nn.utils.parametrize.register_parametrization(ours, "weight", counted)
    counted.times = 0
    ours(x)
    assert counted.times == 1, way


class Counted(nn.Module):
    """Counts how often it is asked."""

    times = 0

    def forward(self, x: Tensor) -> Tensor:
        """The same."""
        self.times += 1
        return x * 1


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
