"""Which places of a picture a classifier's answer rests on, by captum.

Sources: Selvaraju et al., "Grad-CAM", arXiv:1610.02391; Zeiler and Fergus, "Visualizing and understanding convolutional
networks", arXiv:1311.2901, for occlusion; Shrikumar et al., arXiv:1605.01713, for gradient times input.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.errors import UsageError

Map = npt.NDArray[np.float64]
_PATCHES = 8
"""The square that hides a part of the picture has an 8th of its side, and moves by half of that."""
_AT_ONCE = 64


def captum() -> Any:
    """The library.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import captum.attr
    except ImportError:
        raise UsageError("explaining a picture needs captum: pip install 'sparring[explain]'.") from None
    return captum.attr


def grad_cam(module: nn.Module, layer: nn.Module, x_BCHW: Tensor, label: int) -> Map:
    """How much each place of a layer's maps speaks for a class, [H, W] of the picture, 0 or more.

    Args:
        layer: of `module`, with maps [B, C, h, w].
        x_BCHW: one picture.
    """
    found = captum().LayerGradCam(module, layer).attribute(x_BCHW, target=label, relu_attributions=True)
    return _map(F.interpolate(found.detach(), x_BCHW.shape[2:], mode="bilinear"))


def occlusion(module: nn.Module, x_BCHW: Tensor, label: int) -> Map:
    """How much P(class) falls where a grey square hides the picture, [H, W]; below 0 where it rises."""
    channels, height, width = x_BCHW.shape[1:]
    sides = [max(1, side // _PATCHES) for side in (height, width)]

    def likely(x_BCHW: Tensor) -> Tensor:
        return F.softmax(module(x_BCHW), 1)

    with torch.no_grad():
        found = (
            captum()
            .Occlusion(likely)
            .attribute(
                x_BCHW,
                target=label,
                sliding_window_shapes=(channels, *sides),
                strides=(channels, *(max(1, side // 2) for side in sides)),
                baselines=0,
                perturbations_per_eval=_AT_ONCE,
            )
        )
    return _map(found[:, :1])


def gradient_times_input(module: nn.Module, x_BCHW: Tensor, label: int) -> Map:
    """How much each pixel adds to the class's logit, if the network were linear around it: [H, W], signed."""
    found = captum().InputXGradient(module).attribute(x_BCHW.detach().requires_grad_(), target=label)
    return _map(found.detach().sum(1, keepdim=True))


def _map(found_BCHW: Tensor) -> Map:
    return np.asarray(found_BCHW[0, 0].double().cpu().numpy())
