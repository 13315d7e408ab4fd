"""Xception against its paper, against timm, and what a separable convolution saves."""

import pytest
import torch
from filled import assert_same, assert_says, count, maps, pictures_of
from torch import nn

from sparring.errors import UsageError
from sparring.models.classify.xception import Block, Xception

IMAGENET = pictures_of(299, classes=1000)
SMALL = pictures_of(64)


def test_parameters_and_sizes_of_figure_5() -> None:
    with torch.device("meta"):
        network = Xception(IMAGENET)
    assert count(network) == 22_855_952
    assert list(dict.fromkeys(maps(network.layers[:-3], IMAGENET))) == [
        (32, 149, 149),
        (64, 147, 147),
        (128, 74, 74),
        (256, 37, 37),
        (728, 19, 19),
        (1024, 10, 10),
        (1536, 10, 10),
        (2048, 10, 10),
    ]


def test_layers_of_figure_5() -> None:
    """36 convolutional layers in 14 modules, a separable one counted once; shortcuts are not counted."""
    with torch.device("meta"):
        network = Xception(IMAGENET)
    ways = [m.layers if isinstance(m, Block) else m for m in network.layers]
    depthwise = [c for w in ways for c in w.modules() if isinstance(c, nn.Conv2d) and c.groups > 1]
    full = [c for w in ways for c in w.modules() if isinstance(c, nn.Conv2d) and c.kernel_size != (1, 1)]
    assert len(full) == 36
    assert len(depthwise) == 34
    assert sum(isinstance(m, Block) for m in network.layers) + 2 == 14


def test_cost_of_a_separable_convolution() -> None:
    """1 / outputs + 1 / k^2 of a full one, which holds of its weights and, place by place, of its multiply-adds."""
    with torch.device("meta"):
        block = Block(256, 728, 728)
    depthwise, pointwise = [m for m in block.layers if isinstance(m, nn.Conv2d)][:2]
    full = 256 * 728 * 3 * 3
    assert (count(depthwise) + count(pointwise)) / full == pytest.approx(1 / 728 + 1 / 9, rel=1e-12)


def test_a_separable_convolution_is_a_full_one_of_rank_one_kernels() -> None:
    torch.manual_seed(0)
    block = Block(3, 5, begins_with_relu=False)
    depthwise, pointwise = block.layers[0].weight, block.layers[1].weight
    x_BCHW = torch.randn(2, 3, 6, 6)
    full = nn.functional.conv2d(x_BCHW, pointwise * depthwise.transpose(0, 1), padding=1)
    torch.testing.assert_close(block.layers[1](block.layers[0](x_BCHW)), full)


@pytest.mark.parametrize(("side", "middle"), [(28, 6), (32, 7), (64, 8), (96, 6), (224, 14)])
def test_small_pictures(side: int, middle: int) -> None:
    spec = pictures_of(side)
    with torch.device("meta"):
        network = Xception(spec)
    assert maps(network.layers[:-3], spec)[8] == (728, middle, middle)
    with pytest.raises(UsageError, match="16x16 or more"):
        Xception(pictures_of(15))


STORED = [[11493.751, -4029.0989, 2725.4709], [14107.4092, -5760.1348, 1608.5217]]
"""Logits of timm 1.0.31's network with these weights, of the first three classes."""


def test_it_says_what_timm_says() -> None:
    assert_says(Xception(SMALL, halvings=4), STORED, SMALL)


def test_it_is_timms() -> None:
    timm = pytest.importorskip("timm")
    assert_same(Xception(SMALL, halvings=4), timm.create_model("legacy_xception", num_classes=10), SMALL)
