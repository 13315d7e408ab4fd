"""Maps at another size."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn.functional import interpolate


def brought_to(h_BCHW: Tensor, size: Sequence[int]) -> Tensor:
    """The map at `size`, height and width, by bilinear interpolation; itself where it has that size."""
    if h_BCHW.shape[2:] == tuple(size):
        return h_BCHW
    return interpolate(h_BCHW, tuple(size), mode="bilinear", align_corners=False)
