"""Ten views of a picture for a classifier whose answers are averaged over them."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

ENLARGED = 8 / 7
"""256 to 224 points, as in Krizhevsky, Sutskever, Hinton 2012, section 4.1."""


def ten_crops(x_BCHW: Tensor) -> Tensor:
    """The four corners and the middle of each picture enlarged by a seventh, and their mirror images: [10, B, C, H, W].

    Source: Krizhevsky, Sutskever, Hinton 2012, section 4.1. There pictures are stored larger than the network's input;
    here they have its size, and are enlarged first.
    """
    height, width = x_BCHW.shape[2:]
    larger = (round(height * ENLARGED), round(width * ENLARGED))
    large_BCHW = interpolate(x_BCHW, larger, mode="bilinear", align_corners=False, antialias=True)
    down, right = larger[0] - height, larger[1] - width
    corners = [(0, 0), (0, right), (down, 0), (down, right), (down // 2, right // 2)]
    views = [large_BCHW[:, :, top : top + height, left : left + width] for top, left in corners]
    return torch.stack([*views, *(view.flip(3) for view in views)])
