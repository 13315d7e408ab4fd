"""Maps whose gradients lie in memory as the maps do."""

import torch
from torch import Tensor


def same_layout(x_BCHW: Tensor) -> Tensor:
    """The maps, as a view; where they lie channels last, so does the gradient that comes back through it.

    The gradient of what takes such maps apart, as `flatten` and `mean` do, lies channel by channel. What is behind, as
    an activation, would read one tensor in the one order and one in the other: ten times as slow on a CPU.
    """
    if torch.compiler.is_compiling():  # what is compiled chooses its own
        return x_BCHW
    if x_BCHW.requires_grad and x_BCHW.ndim == 4 and x_BCHW.is_contiguous(memory_format=torch.channels_last):
        # A view, because a hook of the maps themselves would wait for what else comes back to them.
        x_BCHW = x_BCHW.view_as(x_BCHW)
        x_BCHW.register_hook(_channels_last)  # type: ignore[no-untyped-call]
    return x_BCHW


def _channels_last(gradient_BCHW: Tensor | None) -> Tensor | None:
    """None is a gradient that is zero throughout."""
    return None if gradient_BCHW is None else gradient_BCHW.contiguous(memory_format=torch.channels_last)
