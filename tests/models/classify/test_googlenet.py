"""GoogLeNet against its paper's table, and its variant against torchvision."""

import pytest
import torch
from filled import assert_same, assert_says, count, maps, pictures_of
from torch import nn

from sparring.errors import UsageError
from sparring.models.classify.googlenet import GoogLeNet
from sparring.nn.inception import AuxiliaryPool

IMAGENET = pictures_of(224, classes=1000)
VGG16 = 138_357_544


@pytest.fixture(scope="module")
def paper() -> GoogLeNet:
    with torch.device("meta"):
        return GoogLeNet(IMAGENET)


def test_parameters(paper: GoogLeNet) -> None:
    assert paper.auxiliary1 is not None and paper.auxiliary2 is not None
    helpers = count(paper.auxiliary1) + count(paper.auxiliary2)
    assert helpers == 6_379_728
    assert count(paper) - helpers == 6_998_552
    assert count(paper.head) == 1_025_000
    with torch.device("meta"):
        assert count(GoogLeNet(IMAGENET, auxiliary=False)) == 6_998_552


def test_one_fully_connected_layer_of_a_small_share_of_vggs(paper: GoogLeNet) -> None:
    """VGG-16 has 123,642,856 weights and biases in three."""
    linear = [m for part in (paper.early, paper.middle, paper.late) for m in part.modules() if isinstance(m, nn.Linear)]
    assert not linear
    assert round(100 * count(paper.head) / 123_642_856, 2) == 0.83
    assert round(100 * 6_998_552 / VGG16, 1) == 5.1


def test_depth(paper: GoogLeNet) -> None:
    """22 layers with weights on the longest way, 27 with the pools between them: table 1."""
    modules = [m for m in (*paper.early, *paper.middle, *paper.late) if isinstance(m, nn.ModuleList)]
    longest = [max(sum(isinstance(m, nn.Conv2d) for m in branch.modules()) for branch in module) for module in modules]
    assert longest == [2] * 9
    stem = sum(isinstance(m, nn.Conv2d) for part in paper.early[:7] for m in part.modules())
    pools = [m for m in (*paper.early, *paper.late) if isinstance(m, nn.MaxPool2d | nn.AdaptiveAvgPool2d)]
    assert stem + sum(longest) + 1 == 22
    assert stem + sum(longest) + 1 + len(pools) == 27


def test_sizes_are_those_of_table_1(paper: GoogLeNet) -> None:
    stages = dict.fromkeys(maps(nn.Sequential(*paper.early, *paper.middle, *paper.late[:-1]), IMAGENET))
    assert list(stages) == [
        (64, 112, 112),
        (64, 56, 56),
        (192, 56, 56),
        (192, 28, 28),
        (256, 28, 28),
        (480, 28, 28),
        (480, 14, 14),
        (512, 14, 14),
        (528, 14, 14),
        (832, 14, 14),
        (832, 7, 7),
        (1024, 7, 7),
        (1024, 1, 1),
        (1024,),
    ]


def test_multiply_adds_of_the_5x5_branch_of_module_3a(paper: GoogLeNet) -> None:
    """1x1 first: 12.4 instead of 120.4 million."""
    module = next(m for m in paper.early if isinstance(m, nn.ModuleList))
    kernels = [m.weight for m in module[2].modules() if isinstance(m, nn.Conv2d)]
    assert 28 * 28 * sum(kernel.numel() for kernel in kernels) == 12_443_648
    assert 28 * 28 * 5 * 5 * kernels[0].shape[1] * kernels[1].shape[0] == 120_422_400


def test_auxiliary_classifiers_train_and_are_gone_afterwards() -> None:
    torch.manual_seed(0)
    spec = pictures_of(32)
    network, x_BCHW = GoogLeNet(spec, dropout=0.0), torch.rand(2, 3, 32, 32) * 2 - 1
    main, *helpers = network.train().heads(x_BCHW)
    assert [tuple(h.shape) for h in helpers] == [(2, 10), (2, 10)]
    torch.testing.assert_close(main, network(x_BCHW))
    network.zero_grad()
    helpers[0].sum().backward()
    grad = [name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None]
    assert set(grad) == {"early", "auxiliary1"}, "the first one reads the map of module 4a"
    assert network.auxiliary_weight == 0.3
    (alone,) = network.eval().heads(x_BCHW)
    assert torch.equal(alone, network(x_BCHW))


def test_auxiliary_pooling_is_the_papers_where_it_fits() -> None:
    """5x5 in steps of three on 14x14: the last place is the mean of rows and columns 9 to 13."""
    x_BCHW = torch.arange(14.0 * 14).view(1, 1, 14, 14)
    pooled = AuxiliaryPool(4)(x_BCHW)
    assert pooled.shape == (1, 1, 4, 4)
    assert pooled[0, 0, -1, -1] == x_BCHW[0, 0, 9:, 9:].mean()
    assert AuxiliaryPool(4)(torch.zeros(1, 1, 7, 9)).shape == (1, 1, 4, 4)


@pytest.mark.parametrize(
    ("side", "halvings", "first", "module_4"), [(28, None, 14, 7), (28, 0, 28, 14), (64, None, 16, 8), (96, 1, 48, 24)]
)
def test_small_pictures_keep_their_places(side: int, halvings: int | None, first: int, module_4: int) -> None:
    spec = pictures_of(side, channels=1)
    with torch.device("meta"):
        network = GoogLeNet(spec, halvings=halvings)
    sides = [shape[1] for shape in maps(network.early, spec)]
    assert (sides[-4], sides[-1]) == (first, module_4)


def test_too_small_is_refused() -> None:
    with pytest.raises(UsageError, match="8x8 or more"):
        GoogLeNet(pictures_of(6))
    with pytest.raises(UsageError, match="halvings=3 leaves 3 of 28 places a side, and 4 are needed"):
        GoogLeNet(pictures_of(28), halvings=3)


STORED = [[0.8853, -2.3506, -0.4379], [0.5434, -2.1733, -0.9661]]
"""Logits of torchvision 0.29.1's network with these weights, of two pictures of 3x64x64 and the first three classes."""


def test_the_variant_says_what_torchvision_says() -> None:
    spec = pictures_of(64)
    with torch.device("meta"):
        large = GoogLeNet(IMAGENET, variant="torchvision")
        assert count(large) == 13_004_888
        assert count(GoogLeNet(IMAGENET, variant="torchvision", auxiliary=False)) == 6_624_904
    ours = GoogLeNet(spec, variant="torchvision", halvings=3)
    assert_says(ours, STORED, spec)


def test_the_variant_is_torchvisions() -> None:
    models = pytest.importorskip("torchvision").models
    theirs = models.googlenet(weights=None, num_classes=10, init_weights=False)
    spec = pictures_of(64)
    assert_same(GoogLeNet(spec, variant="torchvision", halvings=3), theirs, spec)
