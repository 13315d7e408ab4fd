"""Bits enough to add many values up: the passes of a network may have 16 of them, which keep two or three digits."""

import torch
from torch import Tensor


def wide(dtype: torch.dtype) -> torch.dtype:
    """float32, or `dtype` itself where that has more bits."""
    return torch.promote_types(dtype, torch.float32)


def widened(x: Tensor) -> Tensor:
    """`x` in 32 bits or more."""
    return x.to(wide(x.dtype))
