"""What is shown of layers is what they did."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from sparring.explain import maps
from sparring.explain.images import address, around_grey, coloured, overlaid
from sparring.explain.trace import trace
from sparring.nn.squeeze_excitation import SqueezeExcitation


def picture(*shape: int) -> torch.Tensor:
    return torch.rand(1, *shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


CONVOLUTIONS = {
    "plain": nn.Conv2d(3, 4, 3),
    "padded": nn.Conv2d(3, 4, 5, padding=2),
    "same": nn.Conv2d(3, 4, 4, padding="same", dilation=2),
    "strided": nn.Conv2d(3, 4, (3, 5), stride=(2, 3), padding=(1, 4), bias=False),
    "grouped": nn.Conv2d(3, 6, 3, groups=3),
    "dilated": nn.Conv2d(3, 4, 3, padding=3, dilation=(2, 3)),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
@pytest.mark.parametrize("seed", range(3))
def test_the_value_by_hand_is_the_largest_and_adds_up(name: str, seed: int) -> None:
    torch.manual_seed(seed)
    layer = CONVOLUTIONS[name]
    layer.reset_parameters()
    net = nn.Sequential(layer, nn.ReLU(inplace=True))
    x = picture(3, 12, 13)
    window = maps.largest_window(trace(net, x))
    assert window is not None
    with torch.no_grad():
        out = layer(x)[0]
    assert window.value == pytest.approx(float(out.max()))
    assert window.value == float(out[window.place])
    by_hand = float((window.patch_CHW * window.kernel_CHW).sum()) + window.bias
    assert by_hand == pytest.approx(window.value, abs=1e-5)


def test_kernels_are_those_of_the_first_layer_strongest_first() -> None:
    net = nn.Sequential(nn.Conv2d(1, 3, 2, bias=False), nn.Flatten(), nn.Linear(3 * 49, 2))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([1.0, 3.0, 2.0])[:, None, None, None].expand(3, 1, 2, 2))
    found = maps.kernels(trace(net, picture(1, 8, 8)), torch.Size([1, 8, 8]))
    assert found is not None and found[:, 0, 0, 0].tolist() == [3, 2, 1]


def test_a_unit_that_reads_the_whole_picture_has_a_kernel_of_its_size() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 5, 7))
    found = maps.kernels(trace(net, picture(3, 4, 5)), torch.Size([3, 4, 5]))
    assert found is not None and found.shape == (7, 3, 4, 5)


def test_the_channels_that_vary_most_come_first() -> None:
    flat, some, much = torch.full((4, 4), 9.0), torch.eye(4), 5 * torch.eye(4)
    assert maps.strongest(torch.stack([flat, some, much])) == [2, 1, 0]


def test_deep_networks_show_some_of_their_layers_first_and_last_among_them() -> None:
    net = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(90)))
    shown = [call.name for call in maps.shown_calls(net, trace(net, picture(1, 6, 6)))]
    assert (len(shown), shown[0], shown[-1]) == (maps.MOST_LAYERS, "0", "89")
    assert len(set(shown)) == len(shown)


def test_channels_weights_are_what_the_channels_are_multiplied_by() -> None:
    net = nn.Sequential(nn.Conv2d(3, 16, 3), SqueezeExcitation(16, 4))
    calls = trace(net, picture(3, 8, 8))
    ((name, weight_C),) = maps.channel_weights(calls)
    assert name == "1"
    before, after = calls[0].output[0], calls[-1].output[0]
    torch.testing.assert_close(before * weight_C[:, None, None], after)


@pytest.mark.parametrize("channels", [1, 3])
def test_an_address_holds_the_picture(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels), dtype=np.uint8)
    head, data = address(pixels).split(",")
    assert head == "data:image/png;base64"
    back = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    np.testing.assert_array_equal(back.reshape(pixels.shape), pixels)


def test_colours_span_the_range_and_zero_is_grey() -> None:
    ends = coloured(np.array([[-2.0, 5.0]]), low=-2, high=5, colours="gray")
    assert ends.tolist() == [[[0, 0, 0], [255, 255, 255]]]
    assert around_grey(np.array([[[0.0], [-4.0], [4.0]]])).ravel().tolist() == [128, 0, 255]
    plain = np.full((1, 3, 3), 100, np.uint8)
    over = overlaid(plain, np.array([[0.0, 1.0, -1.0]])).astype(int)
    assert over[0, 0].tolist() == [100, 100, 100]
    assert over[0, 1, 0] > over[0, 1, 2], "what speaks for it is red"
    assert over[0, 2, 2] > over[0, 2, 0], "what speaks against it is blue"
