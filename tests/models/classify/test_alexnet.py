"""AlexNet: the paper's maps, parameters and initial weights."""

from typing import Any

import pytest
import torch
from torch import nn

from sparring.data.spec import ImageSpec
from sparring.models.classify.alexnet import AlexNet


def of(side: int, classes: int = 10) -> ImageSpec:
    return ImageSpec(channels=3, height=side, width=side, classes=tuple(map(str, range(classes))))


def on_meta(side: int, classes: int = 10, **settings: Any) -> AlexNet:
    with torch.device("meta"):
        return AlexNet(of(side, classes), **settings)


def parameters(module: nn.Module, kind: type[nn.Module]) -> int:
    return sum(p.numel() for part in module.modules() if isinstance(part, kind) for p in part.parameters())


def test_parameters_are_the_papers() -> None:
    network = on_meta(227, 1000)
    assert parameters(network, nn.Conv2d) == 2_334_080
    assert parameters(network, nn.Linear) == 58_631_144
    assert parameters(network, nn.Module) >= 60_965_224 == sum(p.numel() for p in network.parameters())
    assert sum(p.numel() for p in on_meta(227, 1000, groups=1).parameters()) == 62_378_344


def test_maps_are_the_papers() -> None:
    h, shapes = torch.empty(1, 3, 227, 227, device="meta"), []
    for layer in on_meta(227).layers:
        h = layer(h)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            shapes.append(tuple(h.shape[1:]))
    maps = [(96, 55), (96, 27), (256, 27), (256, 13), (384, 13), (384, 13), (256, 13), (256, 6)]
    assert shapes == [(channels, side, side) for channels, side in maps]


@pytest.mark.parametrize(
    ("side", "kernel", "places"),
    [
        (16, 5, 1),
        (28, 5, 2),
        (32, 5, 3),
        (47, 5, 5),
        (48, 7, 2),
        (64, 7, 3),
        (96, 7, 5),
        (111, 7, 6),
        (112, 11, 2),
        (224, 11, 5),
        (227, 11, 6),
    ],
)
def test_the_last_map_has_few_places_at_every_size(side: int, kernel: int, places: int) -> None:
    network = on_meta(side)
    first = network.layers[0]
    assert isinstance(first, nn.Conv2d)
    assert first.kernel_size == (kernel, kernel)
    assert network.layers(torch.empty(1, 3, side, side, device="meta")).shape == (1, 256, places, places)
    assert network.head.in_features == (4096 if kernel == 11 else 1024)


def test_initial_weights() -> None:
    torch.manual_seed(0)
    network = AlexNet(of(32), initial="paper")
    weighted = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    biases = [module.bias.unique().tolist() for module in weighted if module.bias is not None]
    assert biases == [[0], [1], [0], [1], [1], [1], [1], [0]], "of layers 2, 4, 5 and the hidden ones, section 5"
    assert all(abs(module.weight.std().item() - 0.01) < 5e-4 for module in weighted)


def test_signals_pass_from_the_start_with_the_default_weights_alone() -> None:
    x_BCHW = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    spread = {}
    for initial in ("he", "paper"):
        torch.manual_seed(0)
        network = AlexNet(of(32), initial=initial).eval()  # type: ignore[arg-type]
        spread[initial] = network(x_BCHW).std(0).mean().item()
    assert spread["he"] > 0.02
    assert spread["paper"] < 1e-3
