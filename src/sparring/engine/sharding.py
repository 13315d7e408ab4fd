"""Players whose weights are sharded: of every weight, gradient, moment and average each rank keeps a piece.

torch's `fully_shard` (Zhao et al., arXiv:2304.11277) gathers the weights of a block while it computes, and gives each
rank its piece of the mean gradient. The pieces are torch's `DTensor`s, whose module takes seconds to import: nothing of
it is imported where nobody asks for it.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeGuard

import torch
from torch import Tensor, nn

from sparring.nn import ranks
from sparring.nn.ranks import exchanging

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor


def is_sharded(tensor: Tensor) -> "TypeGuard[DTensor]":
    """Whether this rank holds a piece of it alone."""
    # There are none before their module is.
    known = sys.modules.get("torch.distributed.tensor")
    return known is not None and isinstance(tensor, known.DTensor)


def piece(tensor: Tensor) -> Tensor:
    """This rank's piece, in place; the tensor itself where it is not sharded. Call it without gradients."""
    return tensor.to_local() if is_sharded(tensor) else tensor


def from_piece(own: Tensor, *, like: Tensor) -> Tensor:
    """The tensor, sharded as `like`, of which `own` is this rank's piece; `own` itself where `like` is not sharded."""
    if not is_sharded(like):
        return own
    from torch.distributed.tensor import DTensor

    return DTensor.from_local(
        own, like.device_mesh, like.placements, run_check=False, shape=like.shape, stride=like.stride()
    )


def whole(tensor: Tensor) -> Tensor:
    """All of it; every rank has to ask."""
    if not is_sharded(tensor):
        return tensor
    with exchanging():
        return tensor.full_tensor()


def from_whole(value: Tensor, *, like: Tensor) -> Tensor:
    """`value`, which every rank has in full, sharded as `like`; as it is where `like` is not sharded."""
    if not is_sharded(like):
        return value
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements, src_data_rank=None)


def norm(pieces: Sequence[Tensor], *, sharded: bool) -> Tensor:
    """The length of all gradients as one vector, []; where these are pieces, of all ranks' pieces."""
    own = torch.nn.utils.get_total_norm(pieces)
    return ranks.summed(own.square()).sqrt() if sharded else own


def shard(module: nn.Module) -> None:
    """Leave this rank its piece of every weight, in place. The module then computes by being called, and not otherwise.

    Blocks, the members of the outermost lists and sequences, are gathered one at a time.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    for parameter in module.parameters():
        parameter.data = parameter.data.contiguous()  # torch shards no other layout
    device = next(module.parameters()).device
    mesh = init_device_mesh(device.type, (ranks.world().ranks,))
    for block in _blocks(module):
        fully_shard(block, mesh=mesh)
    # Not to leave the root's weights gathered, as torch would: between passes players are frozen by their pieces.
    fully_shard(module, mesh=mesh, reshard_after_forward=True)


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if isinstance(child, nn.Sequential | nn.ModuleList):
            yield from (block for block in child if any(True for _ in block.parameters()))
        else:
            yield from _blocks(child)
