"""Convolutions as products of matrices, where that is faster on a CPU.

The library's kernels of convolutions go along the rows of a map: where a row has but a few places most of a vector, and
of a tile of the processor's matrix unit, is left empty. A product of patches has no rows, and pays for that with a copy
of each map, once for each place of the kernel. What is faster was measured with torch 2.13 on a Xeon core with AMX, at
batches of 32 to 128; milliseconds at a batch of 128, from 512 to 512 channels by 3x3, library and product:

                         bf16                                    fp32
    map        forward      weight's gradient      forward      weight's gradient
    2x2        28   4        72   3                 57  20       69  20
    4x4        35  15        94  17                 97  99      103  99
    8x8        54  85       113  99                  -   -        -   -

Shape suffixes: B examples, C input and O output channels, H and W sides, P places of all examples, K values of a patch.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

FEW_PLACES = 16
"""Up to so many places of a map products pay, in bf16 and with many weights in fp32 as well."""

MORE_PLACES = 64
"""Up to so many the weight's gradient is a product in bf16, as long as the patches are not too large for the caches."""

LARGE_PATCHES = 2**24
"""Values of all patches of a batch."""


class Geometry(NamedTuple):
    """How a kernel goes over a map: rows, columns."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    def places(self, height: int, width: int) -> tuple[int, int]:
        """Sides of the map that it makes of one."""
        sides = zip((height, width), *self, strict=True)
        rows, columns = ((side + 2 * padding - kernel) // stride + 1 for side, kernel, stride, padding in sides)
        return rows, columns

    def transposed(self) -> "Geometry | None":
        """That of its input's gradient, with the kernel turned about; None where that is no convolution."""
        padding = tuple(kernel - 1 - before for kernel, before in zip(self.kernel, self.padding, strict=True))
        if self.stride != (1, 1) or min(padding) < 0:
            return None
        rows, columns = padding
        return Geometry(self.kernel, (1, 1), (rows, columns))


def pass_is_product(weight_OCKK: Tensor, places: int, dtype: torch.dtype) -> bool:
    """Whether a map of so many places is better made by a product: the weights are many, the places few."""
    bf16 = dtype == torch.bfloat16
    least = (2**16 if bf16 else 2**17) * places
    return places <= FEW_PLACES and weight_OCKK.numel() >= least and (bf16 or places > 1)


def gradient_is_product(weight_OCKK: Tensor, places: int, batch: int, dtype: torch.dtype) -> bool:
    """Whether the gradient of a kernel that makes a map of so many places is better made by a product."""
    weights = weight_OCKK.numel()
    if dtype != torch.bfloat16:
        return places <= 4 or (places <= FEW_PLACES and weights >= 2**19)
    if places <= FEW_PLACES:
        return weights >= 2**15
    patch = weights // len(weight_OCKK)
    beyond_1x1 = patch > weight_OCKK.shape[1]
    return places <= MORE_PLACES and weights >= 2**17 and beyond_1x1 and batch * places * patch <= LARGE_PATCHES


def patches(x_BCHW: Tensor, geometry: Geometry) -> Tensor:
    """What each place of the map that is made sees: [P, K], row by row of the kernel, channels last."""
    (batch, channels), (rows, columns) = x_BCHW.shape[:2], geometry.kernel
    height, width = geometry.places(*x_BCHW.shape[2:])
    above, beside = geometry.padding
    padded_BHWC = F.pad(x_BCHW, (beside, beside, above, above)).permute(0, 2, 3, 1).contiguous()
    b, h, w, _ = padded_BHWC.stride()
    # The places of a row of a patch lie side by side: a patch is one run of values for each of its rows.
    shape = (batch, height, width, rows, columns * channels)
    down, right = geometry.stride
    return padded_BHWC.as_strided(shape, (b, down * h, right * w, h, 1)).reshape(-1, rows * columns * channels)


def convolved(x_BCHW: Tensor, weight_OCKK: Tensor, bias_O: Tensor | None, geometry: Geometry) -> Tensor:
    """The convolution, [B, O, H', W'], channels last. Of itself it can't be differentiated."""
    outputs, (height, width) = len(weight_OCKK), geometry.places(*x_BCHW.shape[2:])
    shape = (len(x_BCHW), outputs, height, width)
    made_BOHW = torch.empty(shape, dtype=x_BCHW.dtype, memory_format=torch.channels_last)
    # Into it, not a view of a product: what comes behind may write to it in place.
    made_PO = made_BOHW.permute(0, 2, 3, 1).view(-1, outputs)
    patch_PK, kernel_KO = patches(x_BCHW, geometry), weight_OCKK.permute(2, 3, 1, 0).reshape(-1, outputs)
    if bias_O is None:
        torch.mm(patch_PK, kernel_KO, out=made_PO)
    else:
        torch.addmm(bias_O, patch_PK, kernel_KO, out=made_PO)
    return made_BOHW


def kernel_gradient(large_BCHW: Tensor, small_BOHW: Tensor, geometry: Geometry) -> Tensor:
    """Gradient of the kernel between two maps, [O, C, K, K], channels last.

    Args:
        large_BCHW: what the convolution read.
        small_BOHW: the gradient of what it made.
    """
    outputs, channels = small_BOHW.shape[1], large_BCHW.shape[1]
    # Laid out row by row first: a product with a matrix that is read by columns takes up to half as long again.
    small_OP = small_BOHW.permute(1, 0, 2, 3).reshape(outputs, -1).contiguous()
    kernel_OKKC = (small_OP @ patches(large_BCHW, geometry)).view(outputs, *geometry.kernel, channels)
    return kernel_OKKC.permute(0, 3, 1, 2)
