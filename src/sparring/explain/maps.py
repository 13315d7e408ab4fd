"""What layers hold while they look at one picture: maps, kernels, one value worked out by hand, channels' weights."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.explain.table import block_calls, layer_of
from sparring.explain.trace import Call
from sparring.nn.squeeze_excitation import SqueezeExcitation

MOST_LAYERS = 24
MOST_MAPS = 8
MOST_KERNELS = 48


def shown_calls(module: nn.Module, calls: Sequence[Call]) -> list[Call]:
    """Convolutions, pools and blocks whose output is a map of several places; of many, some at even distances."""
    found = [
        call
        for call in block_calls(module, calls)
        if has_places(call) and (call.inside or layer_of(call).kernel is not None)
    ]
    step = max(1.0, (len(found) - 1) / (MOST_LAYERS - 1))
    return [found[round(index * step)] for index in range(min(len(found), MOST_LAYERS))]


def has_places(call: Call) -> bool:
    """Whether it made maps with more than one place."""
    return call.output.ndim == 4 and call.output.shape[2] * call.output.shape[3] > 1


def strongest(map_CHW: Tensor) -> list[int]:
    """The channels that vary most over the picture, most first."""
    spread_C = map_CHW.flatten(1).float().std(1, correction=0)
    return [int(channel) for channel in spread_C.argsort(descending=True)[:MOST_MAPS]]


def kernels(calls: Sequence[Call], picture_CHW: torch.Size) -> Tensor | None:
    """What the first layer with weights looks for, [N, C, h, w], strongest first; None: it doesn't look at pictures.

    A linear layer's unit has a kernel as large as the picture.
    """
    first = next((call for call in calls if isinstance(call.module, nn.Conv2d | nn.Linear)), None)
    if first is None:
        return None
    weight = first.module.weight
    assert isinstance(weight, Tensor)
    if isinstance(first.module, nn.Linear):
        if weight.shape[1] != picture_CHW.numel():
            return None
        weight = weight.view(-1, *picture_CHW)
    order = weight.detach().flatten(1).norm(dim=1).argsort(descending=True)
    return weight.detach()[order[:MOST_KERNELS]]


@dataclass(frozen=True)
class Window:
    """The largest value of a convolution's output, and what it was made from.

    Args:
        name: of the layer.
        place: of the value: channel, row, column.
        patch_CHW, kernel_CHW: what is multiplied, value by value.
        bias: what is added to the sum.
        value: what came out.
    """

    name: str
    place: tuple[int, int, int]
    patch_CHW: Tensor
    kernel_CHW: Tensor
    bias: float
    value: float


def largest_window(calls: Sequence[Call]) -> Window | None:
    """Of the first convolution; None where there is none."""
    call = next((call for call in calls if isinstance(call.module, nn.Conv2d)), None)
    if call is None:
        return None
    layer = call.module
    assert isinstance(layer, nn.Conv2d)
    with torch.no_grad():
        # Once more: a layer behind may have worked in place.
        map_CHW = layer(call.given)[0]
    channel, row, column = map(int, torch.unravel_index(map_CHW.argmax(), map_CHW.shape))
    part = [slice(at * s, at * s + d * (k - 1) + 1, d) for at, s, d, k in _sides(layer, row, column)]
    (top, left), (more_y, more_x) = _paddings(layer), (side.stop - side.start for side in part)
    x_CHW = F.pad(call.given[0], (left, more_x, top, more_y))
    inputs = layer.in_channels // layer.groups
    first = channel // (layer.out_channels // layer.groups) * inputs
    return Window(
        name=call.name,
        place=(channel, row, column),
        patch_CHW=x_CHW[(slice(first, first + inputs), *part)],
        kernel_CHW=layer.weight.detach()[channel],
        bias=0.0 if layer.bias is None else layer.bias[channel].item(),
        value=float(map_CHW[channel, row, column]),
    )


def _sides(layer: nn.Conv2d, row: int, column: int) -> Iterator[tuple[int, int, int, int]]:
    """For each side: place, stride, dilation, kernel."""
    return zip((row, column), layer.stride, layer.dilation, layer.kernel_size, strict=True)


def _paddings(layer: nn.Conv2d) -> tuple[int, int]:
    if layer.padding == "same":
        top, left = (d * (k - 1) // 2 for d, k in zip(layer.dilation, layer.kernel_size, strict=True))
        return top, left
    if isinstance(layer.padding, str):
        return 0, 0
    return int(layer.padding[0]), int(layer.padding[1])


def channel_weights(calls: Sequence[Call]) -> list[tuple[str, Tensor]]:
    """What squeeze-and-excitation weighs each channel with, [C] in (0, 1), by layer."""
    with torch.no_grad():
        return [
            (call.name, call.module.weights(call.given)[0])
            for call in calls
            if isinstance(call.module, SqueezeExcitation)
        ]
