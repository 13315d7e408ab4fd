"""Inception-v3 and v4 against their papers' sizes, and against torchvision and timm."""

import pytest
import torch
from filled import assert_same, assert_says, count, maps, pictures_of
from torch import nn

from sparring.errors import UsageError
from sparring.models.classify.inception_v3 import InceptionV3
from sparring.models.classify.inception_v4 import InceptionV4

IMAGENET = pictures_of(299, classes=1000)
SMALL = pictures_of(107)
"""The smallest that three halvings are allowed for."""


def stages(network: nn.Sequential) -> list[tuple[int, ...]]:
    return list(dict.fromkeys(maps(network, IMAGENET)))


def test_sizes_of_v3_are_those_of_table_1() -> None:
    with torch.device("meta"):
        network = InceptionV3(IMAGENET)
    assert stages(nn.Sequential(*network.early, *network.late[:3])) == [
        (32, 149, 149),
        (32, 147, 147),
        (64, 147, 147),
        (64, 73, 73),
        (80, 73, 73),
        (192, 71, 71),
        (192, 35, 35),
        (256, 35, 35),
        (288, 35, 35),
        (768, 17, 17),
        (1280, 8, 8),
        (2048, 8, 8),
    ]


def test_sizes_of_v4_are_those_of_figures_3_and_9() -> None:
    with torch.device("meta"):
        network = InceptionV4(IMAGENET)
    assert stages(network.layers[:-3]) == [
        (32, 149, 149),
        (32, 147, 147),
        (64, 147, 147),
        (160, 73, 73),
        (192, 71, 71),
        (384, 35, 35),
        (1024, 17, 17),
        (1536, 8, 8),
    ]


def test_parameters() -> None:
    with torch.device("meta"):
        assert count(InceptionV3(IMAGENET)) == 27_161_264
        assert count(InceptionV3(IMAGENET, auxiliary=False)) == 23_834_568
        assert count(InceptionV4(IMAGENET)) == 42_679_816


def test_kernels_are_factorised_not_separable() -> None:
    """7x7 as 1x7 and 7x1; each kernel sees all channels."""
    with torch.device("meta"):
        networks = (InceptionV3(IMAGENET), InceptionV4(IMAGENET))
    for network in networks:
        convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
        assert {c.groups for c in convolutions} == {1}
        sides = {c.kernel_size for c in convolutions}
        assert {(1, 7), (7, 1), (1, 3), (3, 1)} <= sides and (7, 7) not in sides


def test_the_auxiliary_classifier_of_v3() -> None:
    torch.manual_seed(0)
    network, x_BCHW = InceptionV3(pictures_of(28)), torch.rand(2, 3, 28, 28) * 2 - 1
    main, helper = network.heads(x_BCHW)
    assert main.shape == helper.shape == (2, 10)
    helper.sum().backward()
    assert {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None} == {
        "early",
        "auxiliary",
    }
    assert len(network.eval().heads(x_BCHW)) == 1


@pytest.mark.parametrize("side", [24, 28, 64, 96])
@pytest.mark.parametrize("network", [InceptionV3, InceptionV4])
def test_small_pictures(network: type[InceptionV3] | type[InceptionV4], side: int) -> None:
    with torch.device("meta"):
        built = network(pictures_of(side, channels=1)).eval()
        assert built(torch.zeros(2, 1, side, side)).shape == (2, 10)


@pytest.mark.parametrize("halvings", [1, 2, 3])
@pytest.mark.parametrize("network", [InceptionV3, InceptionV4])
def test_halvings_are_refused_right_before_nothing_is_left(
    network: type[InceptionV3] | type[InceptionV4], halvings: int
) -> None:
    least = 13 * 2**halvings
    with torch.device("meta"):
        built = network(pictures_of(least), halvings=halvings).eval()
        assert built(torch.zeros(2, 3, least, least)).shape == (2, 10)
    with pytest.raises(UsageError, match="24x24 or more" if least < 25 else "and 13 are needed: give fewer"):
        network(pictures_of(least - 1), halvings=halvings)


def test_too_small_is_refused() -> None:
    with pytest.raises(UsageError, match="inception-v4 needs pictures of 24x24 or more"):
        InceptionV4(pictures_of(16))


STORED_V3 = [[0.541905, -0.260555, -0.487447], [0.534030, -0.270547, -0.495738]]
STORED_V4 = [[-0.182129, -0.020639, -0.159742], [-0.186893, -0.020522, -0.143302]]
"""Logits of torchvision 0.29.1's and timm 1.0.31's networks with these weights, of the first three classes."""


def test_v3_says_what_torchvision_says() -> None:
    assert_says(InceptionV3(SMALL, halvings=3), STORED_V3, SMALL)


def test_v4_says_what_timm_says() -> None:
    assert_says(InceptionV4(SMALL, halvings=3), STORED_V4, SMALL)


def test_v3_is_torchvisions() -> None:
    models = pytest.importorskip("torchvision").models
    theirs = models.inception_v3(weights=None, num_classes=10, init_weights=False)
    assert_same(InceptionV3(SMALL, halvings=3), theirs, SMALL)


def test_v4_is_timms() -> None:
    timm = pytest.importorskip("timm")
    assert_same(InceptionV4(SMALL, halvings=3), timm.create_model("inception_v4", num_classes=10), SMALL)
