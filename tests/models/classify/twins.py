"""A network of ours and one of another library with the same weights."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def copied(ours: nn.Module, build: Callable[[str], nn.Module], name: str) -> tuple[nn.Module, nn.Module]:
    """`ours`, from the meta device, and `build(name)`, both with the same weights by their order, for evaluation.

    The weights are such that signals keep their size, statistics of batch norm are none that do nothing.
    """
    with torch.device("meta"):
        theirs = build(name)
    draw = torch.Generator().manual_seed(0)
    state = {key: _values(key, value, draw) for key, value in theirs.state_dict().items()}
    theirs.load_state_dict(state, assign=True)
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())
    names = list(ours.state_dict())
    assert len(names) == len(state)
    ours.load_state_dict(dict(zip(names, state.values(), strict=True)), assign=True)
    return ours.eval(), theirs.eval()


def _values(key: str, like: Tensor, draw: torch.Generator) -> Tensor:
    if like.ndim == 0:
        return torch.zeros((), dtype=like.dtype)
    if like.ndim == 1:
        positive = key.endswith(("weight", "var"))
        return (
            (0.5 + torch.rand(like.shape, generator=draw))
            if positive
            else 0.1 * torch.randn(like.shape, generator=draw)
        )
    # Uniform numbers are drawn several times faster than normal ones, of which 140 million would be needed.
    scale = (6 / like[0].numel()) ** 0.5
    return (torch.rand(like.shape, generator=draw) * 2 - 1).mul_(scale)
