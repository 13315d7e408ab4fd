"""The vision transformer against its sizes, against timm, and without positions."""

import pytest
import torch
from filled import assert_same, assert_says, count, pictures_of
from torch import Tensor

from sparring.data.spec import ImageSpec
from sparring.errors import UsageError
from sparring.models.classify.vit import VisionTransformer

SMALL = pictures_of(64)


def test_parameters_at_the_papers_size() -> None:
    """Patches, class token, positions, and 12 blocks of 12 width^2 + 13 width, by hand: 5,717,416."""
    width = 192
    with torch.device("meta"):
        network = VisionTransformer(pictures_of(224, classes=1000))
    blocks = 12 * (12 * width**2 + 13 * width)
    by_hand = (3 * 16 * 16 + 1) * width + width + 197 * width + blocks + 2 * width + (width + 1) * 1000
    assert count(network) == by_hand == 5_717_416


@pytest.mark.parametrize(
    ("height", "width", "patch", "patches"),
    [(28, 28, 4, 49), (32, 32, 4, 64), (64, 64, 8, 64), (96, 96, 12, 64), (224, 224, 16, 196), (30, 17, 3, 60)],
)
def test_small_pictures_have_about_64_patches(height: int, width: int, patch: int, patches: int) -> None:
    with torch.device("meta"):
        network = VisionTransformer(ImageSpec(channels=1, height=height, width=width, classes=("a", "b")))
        assert network(torch.zeros(2, 1, height, width)).shape == (2, 2)
    assert network.encoder.patches.kernel_size == (patch, patch)
    assert len(network.encoder.positions) == 1 + patches


def small() -> VisionTransformer:
    torch.manual_seed(0)
    return VisionTransformer(pictures_of(16), width=24, depth=2, heads=3, patch=4).eval()


def swapped(x_BCHW: Tensor) -> Tensor:
    """Two patches of 4x4 in each other's place."""
    other = x_BCHW.clone()
    other[:, :, :4, :4], other[:, :, 8:12, 4:8] = x_BCHW[:, :, 8:12, 4:8], x_BCHW[:, :, :4, :4]
    return other


def test_without_positions_the_order_of_patches_means_nothing() -> None:
    network, x_BCHW = small(), torch.rand(2, 3, 16, 16) * 2 - 1
    assert (network(x_BCHW) - network(swapped(x_BCHW))).abs().max() > 1e-4
    with torch.no_grad():
        network.encoder.positions.zero_()
    torch.testing.assert_close(network(x_BCHW), network(swapped(x_BCHW)))


def test_overhanging_patches_see_grey() -> None:
    torch.manual_seed(0)
    network = VisionTransformer(pictures_of(14), width=24, depth=1, heads=3, patch=4).eval()
    x_BCHW = torch.zeros(1, 3, 16, 16)
    x_BCHW[:, :, :14, :14] = torch.rand(3, 14, 14)
    larger = VisionTransformer(pictures_of(16), width=24, depth=1, heads=3, patch=4).eval()
    larger.load_state_dict(network.state_dict())
    torch.testing.assert_close(network(x_BCHW[:, :, :14, :14]), larger(x_BCHW))


def test_the_head_reads_the_mean_of_the_patches_where_it_is_asked_to() -> None:
    torch.manual_seed(0)
    network = VisionTransformer(SMALL, width=24, depth=1, heads=3, pool="mean").eval()
    x_BCHW = torch.randn(2, 3, 64, 64)
    patches_BTC = network.encoder(x_BCHW)[:, 1:]
    torch.testing.assert_close(network(x_BCHW), network.head(patches_BTC.mean(1)))


def test_a_head_can_read_what_is_normalised_over_the_batch() -> None:
    """To mean 0 and variance 1 of each feature while it learns, without weights of its own."""
    torch.manual_seed(0)
    network = VisionTransformer(SMALL, width=24, depth=1, heads=3, normalised=True)
    x_BCHW = torch.randn(8, 3, 64, 64)
    token_BC = network.encoder(x_BCHW)[:, 0]
    spread_C = (token_BC.var(0, correction=0) + network.normal.eps).sqrt()
    torch.testing.assert_close(network.features(x_BCHW), (token_BC - token_BC.mean(0)) / spread_C)
    plain = VisionTransformer(SMALL, width=24, depth=1, heads=3)
    assert [name for name, _ in network.named_parameters()] == [name for name, _ in plain.named_parameters()]


def test_heads_share_the_width() -> None:
    with pytest.raises(UsageError, match="width=192 can't be shared by heads=5"):
        VisionTransformer(pictures_of(32), heads=5)


STORED = [[-1.5922, 1.1069, 0.8178], [-0.2919, 2.7572, -0.1903]]
"""Logits of timm 1.0.31's network with these weights, of the first three classes."""


def test_it_says_what_timm_says() -> None:
    assert_says(VisionTransformer(SMALL, patch=16), STORED, SMALL)


def test_it_is_timms() -> None:
    timm = pytest.importorskip("timm")
    theirs = timm.create_model("vit_tiny_patch16_224", num_classes=10, img_size=64)
    assert_same(VisionTransformer(SMALL, patch=16), theirs, SMALL)
