"""The network for volumes: its stages, its size, and that it learns what only depth tells."""

import pytest
import torch
from filled import count, pictures_of
from torch import nn

from sparring.data.spec import ImageSpec
from sparring.errors import UsageError
from sparring.models.classify.volume import VolumeNet


def volumes_of(depth: int, height: int, width: int, *, channels: int = 1, classes: int = 2) -> ImageSpec:
    names = tuple(map(str, range(classes)))
    return ImageSpec(channels=channels, depth=depth, height=height, width=width, classes=names)


def pools(network: VolumeNet) -> list[object]:
    return [m.kernel_size for m in network.layers if isinstance(m, nn.MaxPool3d)]


def test_a_video_of_the_papers_size() -> None:
    """16 frames of 112x112: the first pooling leaves the frames, as in the paper; eight convolutions of 3x3x3."""
    with torch.device("meta"):
        network = VolumeNet(volumes_of(16, 112, 112, channels=3, classes=101), width=64)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv3d)]
    assert [c.out_channels for c in convolutions] == [64, 128, 256, 256, 512, 512, 512, 512]
    assert pools(network)[0] == (1, 2, 2)
    by_hand = 27 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 256 + 256 * 512 + 3 * 512 * 512)
    assert sum(c.weight.numel() for c in convolutions) == by_hand == 27_653_184
    assert count(network.head) == 513 * 101


def test_a_cube_is_halved_in_all_directions() -> None:
    with torch.device("meta"):
        network = VolumeNet(volumes_of(28, 28, 28))
        assert network(torch.zeros(2, 1, 28, 28, 28)).shape == (2, 2)
    assert pools(network) == [(2, 2, 2)] * 3


@pytest.mark.parametrize("sides", [(1, 3, 3), (2, 9, 40), (40, 8, 8)])
def test_other_shapes(sides: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    network = VolumeNet(volumes_of(*sides, channels=2), width=2).eval()
    assert torch.isfinite(network(torch.zeros(2, 2, *sides))).all()


def test_it_learns_what_only_the_order_of_the_slices_tells() -> None:
    """The second class is the first from back to front: any slice, and the mean of all, looks alike."""
    torch.manual_seed(0)
    ramp = torch.linspace(-1, 1, 8).view(1, 1, 8, 1, 1)
    label_B = torch.arange(32) % 2
    x_BCDHW = ramp * (1 - 2 * label_B).view(-1, 1, 1, 1, 1) + 0.1 * torch.randn(32, 1, 8, 8, 8)
    network = VolumeNet(volumes_of(8, 8, 8), width=4, dropout=0.0)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(20):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x_BCDHW), label_B).backward()
        optimizer.step()
    assert (network(x_BCDHW).argmax(1) == label_B).float().mean() == 1


def test_flat_pictures_and_even_kernels_are_refused() -> None:
    with pytest.raises(UsageError, match="volume is for volumes"):
        VolumeNet(pictures_of(28))
    with pytest.raises(UsageError, match="kernel=4 has no middle"):
        VolumeNet(volumes_of(8, 8, 8), kernel=4)
