"""Network in network: sizes of the authors' files, and the head as means of the classes' maps."""

import torch
from torch import nn

from sparring.data.spec import ImageSpec
from sparring.models.classify.nin import NIN

SPEC = ImageSpec(channels=3, height=32, width=32, classes=tuple("0123456789"))


def test_maps_and_parameters_are_the_authors() -> None:
    with torch.device("meta"):
        network = NIN(SPEC)
    h, shapes = torch.empty(1, 3, 32, 32, device="meta"), []
    for layer in network.layers:
        h = layer(h)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            shapes.append((h.shape[1], h.shape[2]))
    assert shapes == [(192, 32), (160, 32), (96, 32), (96, 16), *[(192, 16)] * 3, (192, 8), *[(192, 8)] * 2]
    weights = [192 * 76, 160 * 193, 96 * 161, 192 * 2401, 192 * 193, 192 * 193, 192 * 1729, 192 * 193, 10 * 193]
    assert sum(p.numel() for p in network.parameters()) == sum(weights) == 966_986


def test_logits_are_means_of_the_classes_maps() -> None:
    """Global average pooling, section 3.2: the head, as a 1x1 convolution, makes a map of each class."""
    torch.manual_seed(0)
    network = NIN(SPEC, width=12).eval()
    x_BCHW = torch.randn(2, 3, 32, 32)
    head = network.head
    assert isinstance(head, nn.Linear)
    maps_BKHW = nn.functional.conv2d(network.layers(x_BCHW), head.weight[:, :, None, None], head.bias)
    assert maps_BKHW.shape == (2, 10, 8, 8)
    torch.testing.assert_close(network(x_BCHW), maps_BKHW.mean((2, 3)))


def test_a_network_takes_any_size() -> None:
    """There is no layer that counts on one: what was trained at 32 reads 45x64."""
    torch.manual_seed(0)
    assert NIN(SPEC, width=12).eval()(torch.randn(2, 3, 45, 64)).shape == (2, 10)
