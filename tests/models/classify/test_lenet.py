"""LeNet-5: the paper's table and numbers, layer by layer."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sparring.data.spec import ImageSpec
from sparring.errors import UsageError
from sparring.models.classify.base import classifiers
from sparring.models.classify.lenet import TABLE, LeNet5, PoolKind, TableConv2d, TrainedPool
from sparring.nn.activations import ScaledTanh, activation_of

DIGITS = tuple("0123456789")
TABLE_I = """
    X...XXX..XXXX.XX
    XX...XXX..XXXX.X
    XXX...XXX..X.XXX
    .XXX..XXXX..X.XX
    ..XXX..XXXX.XX.X
    ...XXX..XXXX.XXX
"""
"""As printed: a row is a map of S2, a column one of C3."""


def of(side: int, channels: int = 1) -> ImageSpec:
    return ImageSpec(channels=channels, height=side, width=side, classes=DIGITS)


def counts(module: nn.Module) -> list[int]:
    own = [sum(p.numel() for p in part.parameters()) for part in module.modules() if not list(part.children())]
    return [count for count in own if count]


def test_the_table_of_connections_is_the_papers() -> None:
    rows = TABLE_I.split()
    assert [tuple(sorted(read)) for read in TABLE] == [
        tuple(m for m in range(6) if rows[m][column] == "X") for column in range(16)
    ]


@pytest.mark.parametrize("side", [28, 32])
def test_parameters_layer_by_layer(side: int) -> None:
    old, new = (classifiers.build(name, of(side)) for name in ("lenet5-1998", "lenet5"))
    assert counts(old) == [156, 12, 1516, 32, 48_120, 10_164, 850]
    assert sum(counts(old)[:-1]) == 60_000
    assert counts(new) == [156, 2416, 48_120, 10_164, 850]
    assert sum(counts(new)) == 61_706


@pytest.mark.parametrize("side", [28, 32])
def test_maps_are_the_papers(side: int) -> None:
    network = LeNet5(of(side))
    h, shapes = torch.zeros(1, 1, side, side), []
    for layer in network.layers:
        h = layer(h)
        if isinstance(layer, nn.Conv2d | nn.AvgPool2d):
            shapes.append(tuple(h.shape[1:]))
    assert shapes == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120, 1, 1)]


@pytest.mark.parametrize("pool", ["average", "stride"])
@pytest.mark.parametrize("side", [28, 29, 31, 32, 33, 64, 96])
def test_other_sides_have_a_last_convolution_as_large_as_what_is_left(side: int, pool: PoolKind) -> None:
    assert LeNet5(of(side, 3), pool=pool).features(torch.zeros(2, 3, side, side)).shape == (2, 84)


def test_a_stride_in_the_place_of_pools_computes_every_second_place_alone() -> None:
    """With the weights of the pooled network: its maps before the pools at even places, and as many parameters."""
    pooled, strided = LeNet5(of(28)), LeNet5(of(28), pool="stride")
    assert counts(strided) == counts(pooled)
    x_BCHW = torch.randn(2, 1, 28, 28)
    strided.layers[0].load_state_dict(pooled.layers[0].state_dict())
    torch.testing.assert_close(strided.layers[0](x_BCHW), pooled.layers[0](x_BCHW)[..., ::2, ::2])
    table, every_second = TableConv2d(), TableConv2d(stride=2)
    every_second.load_state_dict(table.state_dict())
    h_BCHW = torch.randn(2, 6, 14, 14)
    torch.testing.assert_close(every_second(h_BCHW), table(h_BCHW)[..., ::2, ::2])


def test_smaller_pictures_are_refused() -> None:
    with pytest.raises(UsageError, match=r"28x28 or more, these are 8x8: give --size 28"):
        LeNet5(of(8))


def test_a_border_is_continued_and_no_edge_to_be_seen() -> None:
    """Black all over stays black: the second map is the same at each place."""
    maps = LeNet5(of(28)).layers[0](-torch.ones(1, 1, 28, 28))
    torch.testing.assert_close(maps, maps[:, :, :1, :1].expand_as(maps))


def test_a_convolution_by_a_table_is_a_full_one_with_zeros() -> None:
    torch.manual_seed(0)
    layer = TableConv2d().double()
    full = torch.zeros(16, 6, 5, 5, dtype=torch.float64)
    kernels = iter(layer.kernels)
    for to, read in enumerate(TABLE):
        for source in read:
            full[to, source] = next(kernels)
    x_BCHW = torch.randn(2, 6, 14, 14, dtype=torch.float64)
    torch.testing.assert_close(layer(x_BCHW), F.conv2d(x_BCHW, full, layer.bias))


def test_a_trained_pool_begins_as_means_and_follows_its_weights() -> None:
    layer, x_BCHW = TrainedPool(2), torch.arange(16.0).view(1, 2, 2, 4)
    means_BCHW = torch.tensor([[[[2.5, 4.5]], [[10.5, 12.5]]]])
    torch.testing.assert_close(layer(x_BCHW), means_BCHW)
    with torch.no_grad():
        layer.coefficient[1], layer.bias[1] = 2.0, -1.0
    torch.testing.assert_close(layer(x_BCHW)[0, 1], 2 * means_BCHW[0, 1] - 1)


def test_the_scaled_tanh_keeps_one_and_is_steepest_between() -> None:
    """Appendix A: f(1) = 1 and f(-1) = -1, and the second derivative is largest there."""
    f = activation_of("scaled-tanh")
    assert isinstance(f, ScaledTanh)
    x = torch.tensor([-1.0, 0.0, 1.0, 50.0], dtype=torch.float64)
    torch.testing.assert_close(f(x), torch.tensor([-1.0, 0.0, 1.0, 1.7159], dtype=torch.float64), atol=1e-4, rtol=0)


def test_weights_of_1998_begin_within_the_papers_bounds() -> None:
    torch.manual_seed(0)
    network = classifiers.build("lenet5-1998", of(32))
    first, third, hidden = network.layers[0], network.layers[4], network.layers[11]
    assert isinstance(first, nn.Conv2d)
    assert isinstance(third, TableConv2d)
    assert isinstance(hidden, nn.Linear)
    for weight, fan_in in (
        (first.weight, 25),
        (third.kernels[:3], 75),
        (third.kernels[-6:], 150),
        (hidden.weight, 120),
    ):
        assert 0.9 * 2.4 / fan_in < weight.abs().max() <= 2.4 / fan_in


def test_it_learns_a_handful_of_pictures() -> None:
    for name in ("lenet5", "lenet5-1998"):
        torch.manual_seed(0)
        network, x_BCHW, y_B = classifiers.build(name, of(28)), torch.randn(20, 1, 28, 28), torch.arange(20) % 10
        optimizer = torch.optim.Adam(network.parameters(), 3e-3)
        for _ in range(60):
            loss = F.cross_entropy(network(x_BCHW), y_B)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert (network(x_BCHW).argmax(1) == y_B).all(), name
