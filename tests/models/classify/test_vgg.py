"""VGG: parameters of every column, what pooling leaves, and torchvision's network."""

from typing import Any

import pytest
import torch
from torch import nn
from twins import copied

from sparring.data.spec import ImageSpec
from sparring.models.classify.base import classifiers

PARAMETERS = {
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg16c": 133_638_952,
    "vgg19": 143_667_240,
}


def on_meta(name: str, side: int, classes: int, **settings: Any) -> nn.Module:
    spec = ImageSpec(channels=3, height=side, width=side, classes=tuple(map(str, range(classes))))
    with torch.device("meta"):
        return classifiers.build(name, spec, settings=settings)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_the_papers(name: str) -> None:
    network = on_meta(name, 224, 1000)
    assert sum(p.numel() for p in network.parameters()) == PARAMETERS[name]
    assert not [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    weighted = [part for part in network.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    assert len(weighted) == int(name.strip("vgc"))


@pytest.mark.parametrize(("side", "pools"), [(8, 3), (28, 4), (32, 5), (64, 5), (224, 5)])
def test_maps_of_a_single_place_are_not_pooled(side: int, pools: int) -> None:
    network = on_meta("vgg11", side, 10).eval()
    assert sum(isinstance(part, nn.MaxPool2d) for part in network.modules()) == pools
    assert network.layers(torch.empty(1, 3, side, side, device="meta")).shape[2] == side >> pools  # type: ignore[operator]


def test_a_norm_of_the_batch_stands_after_each_convolution_of_small_pictures() -> None:
    for name, convolutions in (("vgg16", 13), ("vgg16c", 13), ("vgg11", 8)):
        parts = list(on_meta(name, 32, 10).modules())
        assert sum(isinstance(part, nn.BatchNorm2d) for part in parts) == convolutions
        assert all(part.bias is None for part in parts if isinstance(part, nn.Conv2d)), "the norm would cancel them"


@pytest.mark.parametrize("name", ["vgg11", "vgg13", "vgg16", "vgg19"])
def test_it_is_torchvisions_network(name: str) -> None:
    models = pytest.importorskip("torchvision.models", exc_type=Exception)
    ours, theirs = copied(on_meta(name, 224, 1000), models.get_model, name)
    x_BCHW = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours(x_BCHW), theirs(x_BCHW), rtol=1e-5, atol=1e-5)
