"""A convolution, batch norm and ReLU, over one, two or three dimensions.

Sources: Ioffe and Szegedy, "Batch normalization", arXiv:1502.03167, section 3.2: before the activation, and instead of
the convolution's bias, which the norm would cancel. Over one dimension it reads series [B, C, L], over two pictures
[B, C, H, W], over three volumes and videos [B, C, D, H, W]; a kernel has C x h, C x h x h or C x h x h x h weights.
"""

from collections.abc import Mapping
from typing import Literal

from torch import nn

from sparring.nn.convolution import Conv2d

Dimensions = Literal[1, 2, 3]
Convolution = type[nn.Conv1d] | type[nn.Conv2d] | type[nn.Conv3d]
Norm = type[nn.BatchNorm1d] | type[nn.BatchNorm2d] | type[nn.BatchNorm3d]

CONVOLUTIONS: Mapping[Dimensions, Convolution] = {1: nn.Conv1d, 2: Conv2d, 3: nn.Conv3d}
NORMS: Mapping[Dimensions, Norm] = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def conv_norm(
    inputs: int,
    outputs: int,
    kernel: int | tuple[int, ...],
    *,
    stride: int = 1,
    padded: bool = True,
    dimensions: Dimensions = 2,
    eps: float = 1e-5,
) -> nn.Sequential:
    """Convolution, batch norm, ReLU.

    Args:
        kernel: its sides, odd where `padded`; one number for all.
        padded: with zeros, so that stride 1 leaves the size as it is; else only places that the kernel fits into.
        eps: what batch norm adds to the variance.
    """
    sides = (kernel,) * dimensions if isinstance(kernel, int) else kernel
    assert len(sides) == dimensions
    padding = tuple(side // 2 if padded else 0 for side in sides)
    convolution = CONVOLUTIONS[dimensions](inputs, outputs, sides, stride, padding, bias=False)  # type: ignore[arg-type]
    return nn.Sequential(convolution, NORMS[dimensions](outputs, eps=eps), nn.ReLU(inplace=True))
