"""Batch norm over the batch of all processes, wherever they compute.

Source: Ioffe and Szegedy, arXiv:1502.03167, algorithm 1. Torch's own SyncBatchNorm needs a GPU and can't be
differentiated twice.
"""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from sparring.errors import UsageError
from sparring.nn import ranks
from sparring.nn.wide import widened

_KINDS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class SharedBatchNorm(_BatchNorm):
    """`nn.BatchNorm` of any dimensions whose statistics, and the gradients through them, are of all ranks' parts.

    Where it plays alone, and in evaluation mode, it is `nn.BatchNorm`.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalised [B, C, ...], in the precision of `input`; the statistics have 32 bits or more."""
        learns = self.training or self.running_mean is None
        if not learns or ranks.world().ranks == 1:
            return super().forward(input)
        wide = widened(input)
        own_var_C, own_mean_C = torch.var_mean(wide, (0, *range(2, wide.ndim)), correction=0)
        mean_RC, var_RC = ranks.gathered(torch.stack([own_mean_C, own_var_C])[None]).unbind(1)
        mean_C = mean_RC.mean(0)
        # Not the mean square less the square of the mean, where large numbers would cancel.
        var_C = var_RC.mean(0) + (mean_RC - mean_C).square().mean(0)
        if self.training:
            self._remember(mean_C, var_C, places=len(mean_RC) * input.numel() // len(mean_C))
        shape = (1, -1, *[1] * (input.ndim - 2))
        scale_C = (var_C + self.eps).rsqrt()
        if self.weight is not None:
            scale_C = scale_C * self.weight
        normal = (wide - mean_C.view(shape)) * scale_C.view(shape)
        if self.bias is not None:
            normal = normal + self.bias.view(shape)
        return normal.to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean_C: Tensor, var_C: Tensor, *, places: int) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        share = self.momentum if self.momentum is not None else 1.0 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean_C.to(self.running_mean.dtype), share)
        self.running_var.lerp_((var_C * (places / max(places - 1, 1))).to(self.running_var.dtype), share)


def over_all_ranks(module: nn.Module) -> nn.Module:
    """The module, with every batch norm inside taken over all ranks where there are several.

    Raises:
        UsageError: a batch norm of another kind than torch's own.
    """
    if ranks.world().ranks == 1:
        return module
    for parent in list(module.modules()):
        for name, part in list(parent.named_children()):
            if isinstance(part, _BatchNorm):
                parent.add_module(name, _shared(part))
    return module


def _shared(norm: _BatchNorm) -> SharedBatchNorm:
    if type(norm) not in _KINDS:
        raise UsageError(
            f"this network has a batch norm of its own kind ({type(norm).__name__}), which several processes can't "
            "share: train it in one process, or take another network."
        )
    made = SharedBatchNorm(
        norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats, device="meta"
    )
    for name in norm._parameters:
        made.register_parameter(name, norm._parameters[name])
    for name, buffer in norm.named_buffers(recurse=False):
        made.register_buffer(name, buffer)
    return made.train(norm.training)
