"""Convolutions that halve and double a map, computed on a CPU in the way that is fastest there.

`Conv2d` and `ConvTranspose2d` are torch's modules: the same parameters, state and results up to the order of sums.
On a CPU they go around the library's kernels where these are slow (measured with torch 2.13, 64 pictures; milliseconds
in bf16 and in fp32):

- the weight's gradient where the small map has few places (256 to 512 channels, 4x4 places): one matrix product of
  patches, 23 and 52 instead of 36 and 59 (a Zen 4 core);
- the way up to few channels, which is also the input's gradient of the way down from few channels (64 to 3 channels,
  64x64 places): one 2x2 convolution to the four parities of the places, 4 and 8 instead of 12 and 22 (Zen 4);
- both ways where the small map has few places and many channels (512 to 256 channels, 4x4 places): matrix products, 11
  and 48 instead of 35 and 70 on the way up, 10 and 47 instead of 16 and 61 down (a Xeon core with AMX);
- a kernel as large as the map: a matrix product, 1 instead of 4.

All is differentiable twice, as gradient penalties need it. What traces a network, to export or to compile it, sees
torch's own layers: the ways around them hold for one size of batch.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn.grad import conv2d_weight

FEW_PLACES = 16
"""Up to so many places of the small map the weight's gradient is a matrix product. At 64 it no longer pays."""

FEW_CHANNELS = 4
"""Up to so many channels of the large map it is reached over the parities of its places."""

MANY_CHANNELS = 512
"""From so many channels of the small map on, with few places, both ways are products. With 256 they gain nothing."""


class Conv2d(nn.Conv2d):
    """`torch.nn.Conv2d`, faster on a CPU where it halves a map or spans the whole of it."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, C, H, W] to [B, O, H', W'], as torch's."""
        if not _applies(self, x_BCHW):
            return super().forward(x_BCHW)
        x_BCHW, weight = _autocast(x_BCHW, self.weight)
        if self.padding == (0, 0) and x_BCHW.shape[2:] == weight.shape[2:]:
            return F.linear(x_BCHW.flatten(1), weight.flatten(1))[:, :, None, None]
        if _is_halving(self) and x_BCHW.shape[2] % 2 == x_BCHW.shape[3] % 2 == 0:
            return down(x_BCHW, weight)
        return super().forward(x_BCHW)


class ConvTranspose2d(nn.ConvTranspose2d):
    """`torch.nn.ConvTranspose2d`, faster on a CPU where it doubles a map or starts from a single place."""

    def forward(self, x_BCHW: Tensor, output_size: list[int] | None = None) -> Tensor:
        """[B, C, H, W] to [B, O, H', W'], as torch's."""
        if not _applies(self, x_BCHW) or output_size is not None or self.output_padding != (0, 0):
            return super().forward(x_BCHW, output_size)
        x_BCHW, weight = _autocast(x_BCHW, self.weight)
        if self.padding == (0, 0) and x_BCHW.shape[2:] == (1, 1):
            map_BCHW = (x_BCHW.flatten(1) @ weight.flatten(1)).view(-1, *weight.shape[1:])
            return map_BCHW.contiguous(memory_format=torch.channels_last)
        return up(x_BCHW, weight) if _is_halving(self) else super().forward(x_BCHW)


def down(x_BCHW: Tensor, weight_OC44: Tensor) -> Tensor:
    """Convolution with a 4x4 kernel, stride 2 and padding 1: [B, C, 2H, 2W] to [B, O, H, W]."""
    result: Tensor = _Down.apply(x_BCHW, weight_OC44)  # type: ignore[no-untyped-call]
    return result


def up(x_BOHW: Tensor, weight_OC44: Tensor) -> Tensor:
    """The transpose of `down`: [B, O, H, W] to [B, C, 2H, 2W]."""
    result: Tensor = _Up.apply(x_BOHW, weight_OC44)  # type: ignore[no-untyped-call]
    return result


class _Down(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x_BCHW: Tensor, weight_OC44: Tensor) -> Tensor:
        ctx.save_for_backward(x_BCHW, weight_OC44)
        height, width = x_BCHW.shape[2:]
        if _is_product(weight_OC44, height // 2, width // 2):
            return _down_by_patches(x_BCHW, weight_OC44)
        return F.conv2d(x_BCHW, weight_OC44, stride=2, padding=1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        large, weight = ctx.saved_tensors
        (small,) = gradients
        return (
            up(small, weight) if ctx.needs_input_grad[0] else None,
            weight_gradient(large, small) if ctx.needs_input_grad[1] else None,
        )


class _Up(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x_BOHW: Tensor, weight_OC44: Tensor) -> Tensor:
        ctx.save_for_backward(x_BOHW, weight_OC44)
        if weight_OC44.shape[1] <= FEW_CHANNELS:
            return _up_by_parity(x_BOHW, weight_OC44)
        if _is_product(weight_OC44, *x_BOHW.shape[2:]):
            # Sums of numbers of 8 bits would be rounded once more for each of them.
            return (_up_by_patches if x_BOHW.dtype == torch.bfloat16 else _up_by_product)(x_BOHW, weight_OC44)
        return F.conv_transpose2d(x_BOHW, weight_OC44, stride=2, padding=1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        small, weight = ctx.saved_tensors
        (large,) = gradients
        return (
            down(large, weight) if ctx.needs_input_grad[0] else None,
            weight_gradient(large, small) if ctx.needs_input_grad[1] else None,
        )


def weight_gradient(large_BCHW: Tensor, small_BOHW: Tensor) -> Tensor:
    """Gradient of the 4x4 kernel between two maps, [O, C, 4, 4], channels last.

    Args:
        large_BCHW: what `down` read, or the gradient of what `up` gave, [B, C, 2H, 2W].
        small_BOHW: the gradient of what `down` gave, or what `up` read, [B, O, H, W].
    """
    channels, outputs = large_BCHW.shape[1], small_BOHW.shape[1]
    if small_BOHW.shape[2] * small_BOHW.shape[3] > FEW_PLACES:
        shape = (outputs, channels, 4, 4)
        kernel: Tensor = conv2d_weight(large_BCHW, shape, small_BOHW, stride=2, padding=1)  # type: ignore[no-untyped-call]
        return kernel
    small_PO = small_BOHW.permute(0, 2, 3, 1).reshape(-1, outputs)
    return (small_PO.t() @ _patches(large_BCHW)).view(outputs, 4, 4, channels).permute(0, 3, 1, 2)


def _is_product(weight_OC44: Tensor, height: int, width: int) -> bool:
    """Whether both ways between the maps are products, the small one having so many places."""
    return height * width <= FEW_PLACES and weight_OC44.shape[0] >= MANY_CHANNELS


def _patches(large_BCHW: Tensor) -> Tensor:
    """What each place of the small map sees of the large one: [B x H x W, 4 x 4 x C] of [B, C, 2H, 2W]."""
    padded_BHWC = F.pad(large_BCHW, (1, 1, 1, 1)).permute(0, 2, 3, 1)
    patches_BHWC44 = padded_BHWC.unfold(1, 4, 2).unfold(2, 4, 2)
    return patches_BHWC44.permute(0, 1, 2, 4, 5, 3).reshape(-1, 16 * large_BCHW.shape[1])


def _down_by_patches(x_BCHW: Tensor, weight_OC44: Tensor) -> Tensor:
    """`down` as a product of patches."""
    batch, _, height, width = x_BCHW.shape
    outputs = weight_OC44.shape[0]
    small_PO = _patches(x_BCHW) @ weight_OC44.permute(2, 3, 1, 0).reshape(-1, outputs)
    return small_PO.view(batch, height // 2, width // 2, outputs).permute(0, 3, 1, 2)


def _up_by_patches(x_BOHW: Tensor, weight_OC44: Tensor) -> Tensor:
    """`up` as four products of 2x2 patches, one for each parity of the places, see `_up_by_parity`."""
    batch, channels, height, width = x_BOHW.shape
    outputs = weight_OC44.shape[1]
    kernel = weight_OC44.flip(2, 3).reshape(channels, outputs, 2, 2, 2, 2)  # [O, C, i, p, j, q]
    kernel_QKC = kernel.permute(3, 5, 2, 4, 0, 1).reshape(4, 4 * channels, outputs)
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
    plain = module.bias is None and module.groups == 1 and module.dilation == (1, 1) and module.padding_mode == "zeros"
    traced = torch.jit.is_tracing() or torch.compiler.is_compiling()  # type: ignore[attr-defined,no-untyped-call]
    return plain and x.device.type == "cpu" and not traced


def _is_halving(module: nn.Conv2d | nn.ConvTranspose2d) -> bool:
    return module.kernel_size == (4, 4) and module.stride == (2, 2) and module.padding == (1, 1)


def _autocast(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Both in the precision of the passes: autocast does not reach into functions of our own."""
    if not torch.is_autocast_enabled("cpu"):
        return x, weight
    dtype = torch.get_autocast_dtype("cpu")
    return x.to(dtype), weight.to(dtype)
