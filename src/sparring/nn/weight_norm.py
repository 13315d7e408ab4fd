"""Weight normalisation: a layer's weights as directions with a length of their own, taken from a first batch.

Source: Salimans and Kingma, arXiv:1602.07868: w = s v / ||v|| (eq. 2), and an initialisation from data (section 3),
after which each unit's pre-activations have mean 0 and variance 1 over the batch it was shown. A length s is trained,
or stays as it was taken from the data, as in the hidden layers of arXiv:1606.03498.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SD = 0.1
LEAST = 1e-6
"""A unit whose spread over the batch is less has seen nothing that differs: it keeps its length."""


class WeightNormLinear(nn.Linear):
    """A linear layer whose rows have the lengths `scale`, whatever `weight` is.

    Args:
        trained: whether the lengths are trained; else they are a buffer.
    """

    scale: Tensor

    def __init__(self, inputs: int, outputs: int, *, trained: bool) -> None:
        super().__init__(inputs, outputs)
        _begin(self, trained=trained)

    def forward(self, x_BF: Tensor) -> Tensor:
        """[B, F] to [B, outputs]."""
        return F.linear(x_BF, _with_lengths(self.weight, self.scale), self.bias)


class WeightNormConv2d(nn.Conv2d):
    """A convolution whose kernels have the lengths `scale`, whatever `weight` is; see `WeightNormLinear`."""

    scale: Tensor

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0, trained: bool
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding)
        _begin(self, trained=trained)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, C, H, W] to [B, outputs, H', W']."""
        weight = _with_lengths(self.weight, self.scale)
        return F.conv2d(x_BCHW, weight, self.bias, self.stride, self.padding)


@contextmanager
def fitted_to_data(module: nn.Module) -> Iterator[None]:
    """Within it, every weight-normalised layer of `module` takes its lengths and biases from the batch that passes."""
    layers = [part for part in module.modules() if isinstance(part, WeightNormLinear | WeightNormConv2d)]
    hooks = [layer.register_forward_pre_hook(_fit) for layer in layers]
    try:
        with torch.no_grad():
            yield
    finally:
        for hook in hooks:
            hook.remove()


def _fit(layer: nn.Module, given: tuple[Any, ...]) -> None:
    assert isinstance(layer, WeightNormLinear | WeightNormConv2d) and layer.bias is not None
    layer.bias.zero_()
    y_ON = layer.forward(given[0]).transpose(0, 1).flatten(1).to(layer.weight.dtype)
    sd_O, mean_O = torch.std_mean(y_ON, dim=1, correction=0)
    sd_O = sd_O.where(sd_O > LEAST, 1.0)
    layer.scale.div_(sd_O)
    layer.bias.copy_(-mean_O / sd_O)


def _with_lengths(weight: Tensor, scale_O: Tensor) -> Tensor:
    """The fused operation behind torch's own parametrisation, which can't keep a length from being trained."""
    return torch._weight_norm(weight, scale_O.view(-1, *[1] * (weight.ndim - 1)), 0)


def _begin(layer: WeightNormLinear | WeightNormConv2d, *, trained: bool) -> None:
    assert layer.bias is not None
    nn.init.normal_(layer.weight, 0.0, SD)
    nn.init.zeros_(layer.bias)
    scale = torch.ones(len(layer.weight))
    if trained:
        layer.scale = nn.Parameter(scale)
    else:
        layer.register_buffer("scale", scale)
