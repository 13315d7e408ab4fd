"""Kernels made by hand, to see what one convolution does: the operation is that of the layers, and nothing is learned.

What networks call convolution is cross-correlation: s(j, i) = sum over y, x of z(j + y, i + x) u(y, x), the kernel as
it stands and not turned around. Sources: Prewitt 1970, "Object enhancement and extraction", for the edges; Roberts
1963, "Machine perception of three-dimensional solids", for the diagonal differences.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

Kernel = tuple[tuple[float, ...], ...]

FILTERS: Mapping[str, Kernel] = {
    "horizontal-edge": ((-1, -1, -1), (0, 0, 0), (1, 1, 1)),
    "vertical-edge": ((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)),
    "difference": ((-1, 0, 1),),
    "smoothing": ((0.33, 0.34, 0.33),),
    "blur": ((1 / 9,) * 3,) * 3,
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "roberts-falling": ((1, 0), (0, -1)),
    "roberts-rising": ((0, 1), (-1, 0)),
}
"""By name, in rows. Edges answer where it gets brighter downwards, and to the right."""


def filtered(x_BCHW: Tensor, kernel: Kernel) -> Tensor:
    """Each channel by itself, where the kernel fits into the picture: [B, C, H - h + 1, W - w + 1]."""
    channels = x_BCHW.shape[1]
    kernel_HW = torch.tensor(kernel, dtype=x_BCHW.dtype, device=x_BCHW.device)
    return F.conv2d(x_BCHW, kernel_HW.expand(channels, 1, -1, -1), groups=channels)
