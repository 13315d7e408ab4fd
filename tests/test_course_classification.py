"""What the course says of classifiers, checked: each test is one of its items."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import sparring
from sparring.data.spec import ImageSpec
from sparring.models.classify.base import classifiers

SPEC = ImageSpec(channels=1, height=28, width=28, classes=tuple("0123456789"))


def test_backpropagation_by_hand() -> None:
    """J = (y - o)^2 / 2 of two layers of one sigmoid each: dJ/dw = (o - y) s'(o_sum) v s'(z_sum) x, and one step."""
    x, y, rate = 0.7, 1.0, 0.5
    w, v = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.3, -1.2))

    def s(t: float) -> float:
        return float(1 / (1 + np.exp(-t)))

    z_sum = 0.3 * x
    z = s(z_sum)
    o_sum = -1.2 * z
    o = s(o_sum)
    by_hand_w = (o - y) * o * (1 - o) * -1.2 * z * (1 - z) * x
    by_hand_v = (o - y) * o * (1 - o) * z
    loss = (y - (v * (w * x).sigmoid()).sigmoid()) ** 2 / 2
    loss.backward()  # type: ignore[no-untyped-call]
    assert w.grad is not None and v.grad is not None
    assert [w.grad.item(), v.grad.item()] == pytest.approx([by_hand_w, by_hand_v], rel=1e-12)
    torch.optim.SGD([w, v], lr=rate).step()
    assert [w.item(), v.item()] == pytest.approx([0.3 - rate * by_hand_w, -1.2 - rate * by_hand_v], rel=1e-12)


def test_three_linear_layers_are_one_matrix() -> None:
    network = classifiers.build(
        "mlp", SPEC, settings={"depth": 2, "width": 20, "activation": "none", "dropout": 0.0}
    ).double()
    x_BCHW = torch.randn(5, 1, 28, 28, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    linear = [part for part in network.modules() if isinstance(part, nn.Linear)]
    weight, bias = torch.eye(784, dtype=torch.float64), torch.zeros(784, dtype=torch.float64)
    for layer in linear:
        weight, bias = layer.weight @ weight, layer.weight @ bias + layer.bias
    torch.testing.assert_close(network(x_BCHW), x_BCHW.flatten(1) @ weight.T + bias)


@pytest.mark.parametrize(
    ("kind", "of"),
    [
        ("step", lambda t: (t > 0).double()),
        ("sigmoid", lambda t: 1 / (1 + (-t).exp())),
        ("tanh", lambda t: (t.exp() - (-t).exp()) / (t.exp() + (-t).exp())),
        ("relu", lambda t: t.clamp_min(0)),
        ("leaky", lambda t: torch.where(t > 0, t, 0.2 * t)),
        ("elu", lambda t: torch.where(t > 0, t, t.exp() - 1)),
        ("selu", lambda t: 1.0507009873554805 * torch.where(t > 0, t, 1.6732632423543772 * (t.exp() - 1))),
        ("gelu", lambda t: t * (1 + torch.erf(t / 2**0.5)) / 2),
    ],
)
def test_activations_are_their_formulas(kind: str, of: "object") -> None:
    from sparring.nn.activations import activation_of

    t = torch.linspace(-3, 3, 61, dtype=torch.float64)
    torch.testing.assert_close(activation_of(kind)(t), of(t))  # type: ignore[arg-type,operator]


def test_a_step_lets_gradients_through_within_one_of_zero() -> None:
    from sparring.nn.activations import activation_of

    t = torch.tensor([-1.5, -0.5, 0.5, 1.5], requires_grad=True)
    activation_of("step")(t).sum().backward()
    assert t.grad is not None
    assert t.grad.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("name", ["resnet20", "nin", "preresnet20", "quick"])
def test_networks_with_global_pooling_take_any_size(name: str) -> None:
    torch.manual_seed(0)
    module = classifiers.build(name, ImageSpec(channels=3, height=32, width=32, classes=("a", "b"))).eval()
    for height, width in ((32, 32), (40, 36), (48, 64)):
        assert module(torch.zeros(1, 3, height, width)).shape == (1, 2)


def test_a_deep_sigmoid_network_says_that_its_gradient_vanishes(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten layers of sigmoids without batch norm; with ReLU and batch norm the same network learns."""
    root = tmp_path_factory.mktemp("vanishing")
    monkeypatch.setenv("SPARRING_CACHE", str(root / "cache"))
    shared = ("classifier.depth=10", "classifier.width=32", "classifier.dropout=0")
    told = {}
    for name, settings in {
        "sigmoid": ("classifier.activation=sigmoid",),
        "relu": ("classifier.batch_norm=true", "classifier.lr=0.005"),
    }.items():
        run = sparring.train(
            "digits",
            recipe="mlp",
            settings=(*shared, *settings),
            kimg=20,
            precision="fp32",
            device="cpu",
            out=root / name,
        )
        told[name] = {event["values"]["rule"] for event in run.events if event["kind"] == "hint"}
        first, last = run.metrics["grad_norm_layers.1"][-1], run.metrics["grad_norm_head"][-1]
        assert (first / last < 1e-4) == (name == "sigmoid")
    assert "vanishing-gradient" in told["sigmoid"]
    assert "vanishing-gradient" not in told["relu"]
    assert run.metrics["validation_accuracy"][-1] > 0.8


def test_a_convolution_of_a_shifted_picture_is_the_shifted_convolution() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(2, 3, 5, padding=2, padding_mode="circular").double()
    x_BCHW = torch.randn(1, 2, 12, 12, dtype=torch.float64)
    for shift in ((1, 0), (0, 3), (4, -2)):
        torch.testing.assert_close(layer(x_BCHW.roll(shift, (2, 3))), layer(x_BCHW).roll(shift, (2, 3)))


def test_max_pooling_does_not_see_a_shift_within_its_window_and_a_stride_does() -> None:
    point_BCHW = torch.zeros(1, 1, 8, 8)
    point_BCHW[0, 0, 2, 4] = 1
    moved_BCHW = point_BCHW.roll((1, 1), (2, 3))
    assert torch.equal(F.max_pool2d(moved_BCHW, 2), F.max_pool2d(point_BCHW, 2))
    assert not torch.equal(moved_BCHW[..., ::2, ::2], point_BCHW[..., ::2, ::2])
    further_BCHW = point_BCHW.roll((2, 0), (2, 3))
    assert torch.equal(F.max_pool2d(further_BCHW, 2), F.max_pool2d(point_BCHW, 2).roll(1, 2))


@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d])
def test_a_shift_by_a_point_changes_less_after_a_pool_than_after_a_stride(pool: Callable[..., Tensor]) -> None:
    torch.manual_seed(0)
    x_BCHW = torch.randn(8, 1, 32, 32)
    moved_BCHW = x_BCHW.roll(1, 3)

    def change(first: Tensor, second: Tensor) -> float:
        return float((first - second).square().mean() / first.var())

    assert change(pool(x_BCHW, 2), pool(moved_BCHW, 2)) < 0.75 * change(
        x_BCHW[..., ::2, ::2], moved_BCHW[..., ::2, ::2]
    )
