"""What comes back to maps that lie channels last lies channels last as well."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from sparring.nn.layout import same_layout
from sparring.nn.residual import PaddedShortcut

ENDS: dict[str, Callable[[Tensor], Tensor]] = {
    "flattened": lambda x: same_layout(x).flatten(1),
    "means": lambda x: same_layout(x).mean((2, 3)),
    "shortcut": PaddedShortcut(3, 5, 2),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_gradient_lies_as_the_maps_do(end: str) -> None:
    x = torch.randn(2, 3, 5, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
    ENDS[end](x * 2).sin().sum().backward()
    assert x.grad is not None
    assert x.grad.is_contiguous(memory_format=torch.channels_last)


def test_the_gradient_is_what_it_was_and_can_be_differentiated() -> None:
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64).contiguous(memory_format=torch.channels_last).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: same_layout(x.square()).flatten(1).sin(), (x,), fast_mode=True)


def test_a_shortcut_takes_every_second_place_of_odd_sides_too() -> None:
    x = torch.randn(2, 3, 5, 4)
    expected = torch.cat([x[:, :, ::2, ::2], torch.zeros(2, 2, 3, 2)], 1)
    assert torch.equal(PaddedShortcut(3, 5, 2)(x), expected)
