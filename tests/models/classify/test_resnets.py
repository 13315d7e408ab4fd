"""Residual networks: parameters of the papers, twins of torchvision, and what shortcuts do to gradients."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from twins import copied

from sparring.data.spec import ImageSpec
from sparring.errors import UsageError
from sparring.models.classify.base import Classifier, classifiers
from sparring.models.classify.preresnet import PreActivation, PreResNet
from sparring.nn.residual import Residual

LARGE = {
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "seresnet50": 25_557_032 + 2_530_992,
}
SMALL = {
    "resnet20": 269_722,
    "resnet32": 464_154,
    "resnet44": 658_586,
    "resnet56": 853_018,
    "resnet110": 1_727_962,
    "resnet1202": 19_421_274,
    "plain20": 269_722,
    "plain56": 853_018,
    "preresnet164": 1_703_258,
    "preresnet1001": 10_327_706,
}
PROJECTED = {"preresnet20": 272_282, "preresnet56": 855_578, "preresnet110": 1_730_522}
"""With projections, as another library counts them (pytorchcv); the papers' have paddings."""


def on_meta(name: str, side: int, classes: int, **settings: Any) -> Classifier:
    spec = ImageSpec(channels=3, height=side, width=side, classes=tuple(map(str, range(classes))))
    with torch.device("meta"):
        return classifiers.build(name, spec, settings=settings)


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def depth(network: Classifier) -> int:
    """Layers with weights: the first, those of the blocks' bodies, the head. Shortcuts are not counted."""
    bodies = [block.get_submodule("body") for block in network.get_submodule("blocks").children()]
    return 2 + sum(isinstance(layer, nn.Conv2d) for body in bodies for layer in body)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [*LARGE, *SMALL])
def test_parameters_and_layers_are_the_papers(name: str) -> None:
    network = on_meta(name, 224, 1000) if name in LARGE else on_meta(name, 32, 10)
    assert parameters(network) == {**LARGE, **SMALL}[name]
    assert depth(network) == int(name.lstrip("abcdefghijklmnopqrstuvwxyz"))


@pytest.mark.parametrize("name", PROJECTED)
def test_parameters_with_projections(name: str) -> None:
    assert parameters(on_meta(name, 32, 10, shortcut="projection")) == PROJECTED[name]


@pytest.mark.parametrize(("side", "left"), [(8, 8), (28, 28), (63, 63), (64, 16), (224, 56)])
def test_the_first_layers_keep_small_pictures(side: int, left: int) -> None:
    for name in ("resnet18", "resnet20", "preresnet20"):
        stem = on_meta(name, side, 10).get_submodule("stem")
        assert stem(torch.empty(1, 3, side, side, device="meta")).shape[2] == left


def test_maps_are_the_papers() -> None:
    """Table 1, and section 4.2 for small pictures."""
    for name, side, expected in (
        ("resnet50", 224, {(256, 56), (512, 28), (1024, 14), (2048, 7)}),
        ("resnet34", 224, {(64, 56), (128, 28), (256, 14), (512, 7)}),
        ("resnet20", 32, {(16, 32), (32, 16), (64, 8)}),
    ):
        network, found = on_meta(name, side, 10), set()
        h = network.get_submodule("stem")(torch.empty(1, 3, side, side, device="meta"))
        for block in network.get_submodule("blocks").children():
            h = block(h)
            found.add((h.shape[1], h.shape[2]))
        assert found == expected


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"])
def test_it_is_torchvisions_network(name: str) -> None:
    models = pytest.importorskip("torchvision.models", exc_type=Exception)
    settings = {} if name in ("resnet18", "resnet34") else {"stride_in": "3x3"}
    ours, theirs = copied(on_meta(name, 64, 1000, **settings), models.get_model, name)
    x_BCHW = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = theirs(x_BCHW)
        scale = expected.abs().max()
        torch.testing.assert_close(ours(x_BCHW) / scale, expected / scale, rtol=1e-5, atol=1e-5)


def test_the_stride_can_be_in_either_convolution() -> None:
    for stride_in, strides in (("1x1", [2, 1, 1]), ("3x3", [1, 2, 1])):
        block = Residual(64, 128, 2, bottleneck=True, stride_in=stride_in)  # type: ignore[arg-type]
        assert [part.stride[0] for part in block.body if isinstance(part, nn.Conv2d)] == strides


# -- shortcuts -----------------------------------------------------------------------------------------------------


def test_a_block_adds_its_shortcut_before_the_last_relu() -> None:
    torch.manual_seed(0)
    block = Residual(4, 8, 2, shortcut="padding").double().eval()
    conv1, norm1, _, conv2, norm2 = block.body
    x_BCHW = torch.randn(2, 4, 7, 7, dtype=torch.float64)
    shortcut = torch.zeros(2, 8, 4, 4, dtype=torch.float64)
    shortcut[:, :4] = x_BCHW[:, :, ::2, ::2]
    torch.testing.assert_close(block(x_BCHW), F.relu(norm2(conv2(F.relu(norm1(conv1(x_BCHW))))) + shortcut))


def test_with_gains_of_zero_blocks_begin_as_their_shortcuts() -> None:
    for reduction in (0, 4):
        block = Residual(8, 8, zero_gain=True, reduction=reduction)
        x_BCHW = torch.randn(4, 8, 5, 5)
        torch.testing.assert_close(block(x_BCHW), F.relu(x_BCHW))


def test_a_plain_net_with_gains_of_zero_is_refused() -> None:
    with pytest.raises(UsageError, match="zero_gain=true"):
        on_meta("plain20", 32, 10, zero_gain=True)


@pytest.mark.parametrize(("depth", "bottleneck"), [(21, False), (22, False), (22, True), (8, True)])
def test_another_number_of_layers_is_refused(depth: int, bottleneck: bool) -> None:
    spec = ImageSpec(channels=3, height=32, width=32, classes=("a", "b"))
    with pytest.raises(UsageError, match=r"9n \+ 2, as 11 or 29" if bottleneck else r"6n \+ 2, as 8 or 20"):
        PreResNet(spec, depth=depth, bottleneck=bottleneck)


# -- gradients -----------------------------------------------------------------------------------------------------


def jacobian(module: nn.Module, x: Tensor) -> Tensor:
    """d module(x) / d x, [N, N]."""
    result: Tensor = torch.autograd.functional.jacobian(lambda flat: module(flat.view_as(x)).flatten(), x.flatten())
    return result


def test_a_part_of_every_gradient_arrives_whole() -> None:
    """d x_L / d x_l = 1 + d (sum F) / d x_l through three pre-activation blocks; with the branches cut, 1."""
    torch.manual_seed(0)
    blocks = nn.Sequential(*(PreActivation(2, 2) for _ in range(3))).double().eval()
    x_BCHW = torch.randn(1, 2, 3, 3, dtype=torch.float64)

    def branches(x: Tensor) -> Tensor:
        total = torch.zeros_like(x)
        for block in blocks:
            assert isinstance(block, PreActivation)
            branch = block.body(block.activation(x))
            x, total = x + branch, total + branch
        return total

    ours = jacobian(blocks, x_BCHW)
    rest: Tensor = torch.autograd.functional.jacobian(lambda f: branches(f.view_as(x_BCHW)).flatten(), x_BCHW.flatten())
    one = torch.eye(18, dtype=torch.float64)
    torch.testing.assert_close(ours, one + rest)
    assert rest.norm() > 0.1
    for parameter in blocks.parameters():
        nn.init.zeros_(parameter)
    torch.testing.assert_close(jacobian(blocks, x_BCHW), one)


def test_a_relu_after_the_addition_breaks_the_identity() -> None:
    torch.manual_seed(0)
    block = Residual(2, 2).double().eval()
    for parameter in block.parameters():
        nn.init.zeros_(parameter)
    x_BCHW = torch.randn(1, 2, 3, 3, dtype=torch.float64)
    torch.testing.assert_close(jacobian(block, x_BCHW), torch.diag((x_BCHW.flatten() > 0).double()))


def test_padded_shortcuts_pass_gradients_through_all_stages() -> None:
    """With every convolution at zero, the input of the blocks has the gradient of the paddings alone: 1 where kept."""
    network = PreResNet(ImageSpec(channels=3, height=8, width=8, classes=("a", "b")), depth=20)
    for part in network.blocks.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.zeros_(part.weight)
    x_BCHW = torch.randn(1, 16, 8, 8, requires_grad=True)
    network.blocks(x_BCHW).sum().backward()
    kept = torch.zeros(1, 16, 8, 8)
    kept[:, :, ::4, ::4] = 1
    torch.testing.assert_close(x_BCHW.grad, kept)
