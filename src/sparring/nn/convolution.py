"""Convolutions that are computed on a CPU in the way that is fastest there.

`Conv2d` and `ConvTranspose2d` are torch's modules: the same parameters, state and results up to the order of sums.
On a CPU they go around the library's kernels where these are slow (measured with torch 2.13, milliseconds in bf16 and
in fp32):

- where a map has few places, passes and gradients are products of matrices, see `nn/products`;
- the way up to few channels, which is also the input's gradient of the way down from few channels (64 pictures, 64 to 3
  channels, 64x64 places): one 2x2 convolution to the four parities of the places, 4 and 8 instead of 12 and 22 (Zen 4);
- a kernel as large as the map: a matrix product, 1 instead of 4.

All is differentiable twice, as gradient penalties need it. What traces a network, to export or to compile it, sees
torch's own layers: the ways around them hold for one size of batch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import product
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn.grad import conv2d_input, conv2d_weight

from sparring.nn import products
from sparring.nn.products import Geometry

FEW_CHANNELS = 4
"""Up to so many channels of the large map it is reached over the parities of its places."""

_kernels_too: ContextVar[bool] = ContextVar("kernels_too", default=True)

HALVING = Geometry((4, 4), (2, 2), (1, 1))
"""4x4 places, every second one, to half the sides where these are even."""


@contextmanager
def of_inputs_alone() -> Iterator[None]:
    """Within it gradients are those of inputs: a function of our own can't see which ones a call of autograd wants.

    For gradient penalties, whose first pass would compute gradients of kernels that nobody reads.
    """
    token = _kernels_too.set(False)
    try:
        yield
    finally:
        _kernels_too.reset(token)


class Conv2d(nn.Conv2d):
    """`torch.nn.Conv2d`, faster on a CPU where a map has few places or it reads few channels."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, C, H, W] to [B, O, H', W'], as torch's."""
        if not _applies(self, x_BCHW):
            return super().forward(x_BCHW)
        geometry, weight = _geometry(self), self.weight  # read once: it may be computed, as where it is normalised
        if geometry.padding == (0, 0) and x_BCHW.shape[2:] == geometry.kernel:
            x_BCHW, weight, bias = _autocast(x_BCHW, weight, self.bias)
            return F.linear(x_BCHW.flatten(1), weight.flatten(1), bias)[:, :, None, None]
        if not _is_better_apart(x_BCHW, weight, geometry, _dtype(weight)):
            made_BOHW: Tensor = self._conv_forward(x_BCHW, weight, self.bias)
            return made_BOHW
        return _apart(*_autocast(x_BCHW, weight, self.bias), geometry)


class ConvTranspose2d(nn.ConvTranspose2d):
    """`torch.nn.ConvTranspose2d`, faster on a CPU where it doubles a map or starts from a single place."""

    def forward(self, x_BCHW: Tensor, output_size: list[int] | None = None) -> Tensor:
        """[B, C, H, W] to [B, O, H', W'], as torch's."""
        plain = self.bias is None and output_size is None and self.output_padding == (0, 0)
        from_one_place = self.padding == (0, 0) and x_BCHW.shape[2:] == (1, 1)
        if not plain or not _applies(self, x_BCHW) or not (from_one_place or _geometry(self) == HALVING):
            return super().forward(x_BCHW, output_size)
        x_BCHW, weight, _ = _autocast(x_BCHW, self.weight, None)
        if not from_one_place:
            return up(x_BCHW, weight)
        map_BCHW = (x_BCHW.flatten(1) @ weight.flatten(1)).view(-1, *weight.shape[1:])
        return map_BCHW.contiguous(memory_format=torch.channels_last)


def convolved(x_BCHW: Tensor, weight_OCKK: Tensor, bias_O: Tensor | None, geometry: Geometry) -> Tensor:
    """Convolution in the fastest way, [B, C, H, W] to [B, O, H', W']."""
    if not _is_better_apart(x_BCHW, weight_OCKK, geometry, weight_OCKK.dtype):
        return F.conv2d(x_BCHW, weight_OCKK, bias_O, geometry.stride, geometry.padding)
    return _apart(x_BCHW, weight_OCKK, bias_O, geometry)


def _apart(x_BCHW: Tensor, weight_OCKK: Tensor, bias_O: Tensor | None, geometry: Geometry) -> Tensor:
    result: Tensor = _Convolved.apply(x_BCHW, weight_OCKK, bias_O, geometry)  # type: ignore[no-untyped-call]
    return result


def _is_better_apart(x_BCHW: Tensor, weight_OCKK: Tensor, geometry: Geometry, dtype: torch.dtype) -> bool:
    """Whether a pass or one of the gradients has a faster way than torch's, which computes the gradients in one go."""
    height, width = x_BCHW.shape[2:]
    rows, columns = geometry.places(height, width)
    if products.pass_is_product(weight_OCKK, rows * columns, dtype):
        return True
    if not torch.is_grad_enabled():
        return False
    if weight_OCKK.requires_grad and products.gradient_is_product(weight_OCKK, rows * columns, len(x_BCHW), dtype):
        return True
    if not x_BCHW.requires_grad:
        return False
    if _is_halving(geometry, height, width):
        return weight_OCKK.shape[1] <= FEW_CHANNELS
    return geometry.transposed() is not None and products.pass_is_product(weight_OCKK, height * width, dtype)


def _is_halving(geometry: Geometry, height: int, width: int) -> bool:
    return geometry == HALVING and height % 2 == width % 2 == 0


def down(x_BCHW: Tensor, weight_OC44: Tensor) -> Tensor:
    """Convolution with a 4x4 kernel, stride 2 and padding 1: [B, C, 2H, 2W] to [B, O, H, W]."""
    return convolved(x_BCHW, weight_OC44, None, HALVING)


def up(x_BOHW: Tensor, weight_OC44: Tensor) -> Tensor:
    """The transpose of `down`: [B, O, H, W] to [B, C, 2H, 2W]."""
    result: Tensor = _Up.apply(x_BOHW, weight_OC44)  # type: ignore[no-untyped-call]
    return result


class _Convolved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_BCHW: Tensor, weight_OCKK: Tensor, bias_O: Tensor | None, geometry: Geometry) -> Tensor:
        ctx.save_for_backward(x_BCHW, weight_OCKK)
        ctx.geometry = geometry
        rows, columns = geometry.places(*x_BCHW.shape[2:])
        if products.pass_is_product(weight_OCKK, rows * columns, weight_OCKK.dtype):
            return products.convolved(x_BCHW, weight_OCKK, bias_O, geometry)
        return F.conv2d(x_BCHW, weight_OCKK, bias_O, geometry.stride, geometry.padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        large, weight = ctx.saved_tensors
        (small,) = gradients
        to_input, to_weight, to_bias, _ = ctx.needs_input_grad
        kernels_too = _kernels_too.get()
        return (
            input_gradient(small, weight, large.shape, ctx.geometry) if to_input else None,
            weight_gradient(large, small, weight, ctx.geometry) if to_weight and kernels_too else None,
            small.sum((0, 2, 3)) if to_bias and kernels_too else None,
            None,
        )


class _Up(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x_BOHW: Tensor, weight_OC44: Tensor) -> Tensor:
        ctx.save_for_backward(x_BOHW, weight_OC44)
        if weight_OC44.shape[1] <= FEW_CHANNELS:
            return _up_by_parity(x_BOHW, weight_OC44)
        if products.pass_is_product(weight_OC44, x_BOHW.shape[2] * x_BOHW.shape[3], weight_OC44.dtype):
            # Sums of numbers of 8 bits would be rounded once more for each of them.
            return (_up_by_patches if x_BOHW.dtype == torch.bfloat16 else _up_by_product)(x_BOHW, weight_OC44)
        return F.conv_transpose2d(x_BOHW, weight_OC44, stride=2, padding=1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        small, weight = ctx.saved_tensors
        (large,) = gradients
        return (
            down(large, weight) if ctx.needs_input_grad[0] else None,
            weight_gradient(large, small, weight, HALVING) if ctx.needs_input_grad[1] and _kernels_too.get() else None,
        )


def input_gradient(
    small_BOHW: Tensor, weight_OCKK: Tensor, shape: tuple[int, int, int, int], geometry: Geometry
) -> Tensor:
    """Gradient of what a convolution read, of that shape, from the gradient of what it made."""
    if _is_halving(geometry, *shape[2:]):
        return up(small_BOHW, weight_OCKK)
    transposed = geometry.transposed()
    if transposed is not None and products.pass_is_product(weight_OCKK, shape[2] * shape[3], weight_OCKK.dtype):
        return convolved(small_BOHW, weight_OCKK.flip(2, 3).transpose(0, 1), None, transposed)
    gradient: Tensor = conv2d_input(shape, weight_OCKK, small_BOHW, geometry.stride, geometry.padding)  # type: ignore[no-untyped-call]
    return gradient


def weight_gradient(large_BCHW: Tensor, small_BOHW: Tensor, weight_OCKK: Tensor, geometry: Geometry) -> Tensor:
    """Gradient of the kernel between two maps, [O, C, K, K], channels last.

    Args:
        large_BCHW: what a convolution read, or the gradient of what its transpose made.
        small_BOHW: the gradient of what it made, or what its transpose read.
    """
    places = small_BOHW.shape[2] * small_BOHW.shape[3]
    if products.gradient_is_product(weight_OCKK, places, len(small_BOHW), small_BOHW.dtype):
        return products.kernel_gradient(large_BCHW, small_BOHW, geometry)
    shape, (_, stride, padding) = weight_OCKK.shape, geometry
    kernel: Tensor = conv2d_weight(large_BCHW, shape, small_BOHW, stride, padding)  # type: ignore[no-untyped-call]
    return kernel


def _up_by_patches(x_BOHW: Tensor, weight_OC44: Tensor) -> Tensor:
    """`up` as four products of 2x2 patches, one for each parity of the places, see `_up_by_parity`."""
    batch, channels, height, width = x_BOHW.shape
    outputs = weight_OC44.shape[1]
    # By parity p, q, and within by place i, j of its 2x2 part, which is read from the end, see `_up_by_parity`.
    parts = [weight_OC44[:, :, 3 - 2 * i - p, 3 - 2 * j - q] for p, q, i, j in product((0, 1), repeat=4)]
    kernel_QKC = torch.stack(parts).view(4, 4 * channels, outputs)
    padded_BHWO = F.pad(x_BOHW, (1, 1, 1, 1)).permute(0, 2, 3, 1).contiguous()
    b, h, w, o = padded_BHWO.stride()
    # Place (2y + p, 2x + q) sees the 2x2 places from (y + p, x + q) on of the padded map.
    shape = (2, 2, batch, height, width, 2, 2, channels)
    patches_QPK = padded_BHWO.as_strided(shape, (h, w, b, h, w, h, w, o)).reshape(4, -1, 4 * channels)
    made = torch.bmm(patches_QPK, kernel_QKC).view(2, 2, batch, height, width, outputs)
    return made.permute(2, 3, 0, 4, 1, 5).reshape(batch, 2 * height, 2 * width, outputs).permute(0, 3, 1, 2)


def _up_by_product(x_BOHW: Tensor, weight_OC44: Tensor) -> Tensor:
    """`up` as one product, whose 4x4 places for each of the small map are added where they overlap."""
    batch, channels, height, width = x_BOHW.shape
    outputs = weight_OC44.shape[1]
    kernel_OK = weight_OC44.permute(0, 2, 3, 1).reshape(channels, -1)
    made = (x_BOHW.permute(0, 2, 3, 1).reshape(-1, channels) @ kernel_OK).view(batch, height, width, 4, 4, outputs)
    padded_BHWC = made.new_zeros(batch, 2 * height + 2, 2 * width + 2, outputs)
    for row in range(4):
        for column in range(4):
            padded_BHWC[:, row : row + 2 * height : 2, column : column + 2 * width : 2] += made[:, :, :, row, column]
    return padded_BHWC[:, 1:-1, 1:-1].permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def _up_by_parity(x_BOHW: Tensor, weight_OC44: Tensor) -> Tensor:
    """`up` as one convolution: places (2i + p, 2j + q) see but a 2x2 part of the kernel, that of parity (p, q)."""
    batch, _, height, width = x_BOHW.shape
    kernel = F.pixel_unshuffle(weight_OC44.flip(2, 3), 2).transpose(0, 1).contiguous(memory_format=torch.channels_last)
    joint = F.conv2d(x_BOHW, kernel, padding=1)
    shape = (batch, weight_OC44.shape[1], 2 * height, 2 * width)
    result = torch.empty(shape, dtype=x_BOHW.dtype, memory_format=torch.channels_last)
    for p in (0, 1):
        for q in (0, 1):
            result[:, :, p::2, q::2] = joint[:, 2 * p + q :: 4, p : p + height, q : q + width]
    return result


def _applies(module: nn.Conv2d | nn.ConvTranspose2d, x: Tensor) -> bool:
    """Whether this is on a CPU, where the other ways pay, not traced, and a kernel without extras."""
    plain = module.groups == 1 and module.dilation == (1, 1) and module.padding_mode == "zeros"
    traced = torch.jit.is_tracing() or torch.compiler.is_compiling()  # type: ignore[attr-defined,no-untyped-call]
    return plain and x.is_cpu and x.ndim == 4 and not isinstance(module.padding, str) and not traced


def _geometry(module: nn.Conv2d | nn.ConvTranspose2d) -> Geometry:
    assert not isinstance(module.padding, str), "see `_applies`"
    return Geometry(_pair(module.kernel_size), _pair(module.stride), _pair(module.padding))


def _pair(sides: tuple[int, ...]) -> tuple[int, int]:
    rows, columns = sides
    return rows, columns


def _dtype(weight: Tensor) -> torch.dtype:
    """The precision of the passes."""
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else weight.dtype


def _autocast(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """All in the precision of the passes: autocast does not reach into functions of our own."""
    dtype = _dtype(weight)
    return x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
