"""Squeeze-and-excitation: channels weighed by what the whole map holds.

Paper: Hu, Shen, Albanie, Sun, Wu, "Squeeze-and-excitation networks", arXiv:1709.01507, eqs. 2 to 4.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.nn.layout import same_layout


class SqueezeExcitation(nn.Module):
    """Means over the places, a linear layer to a `reduction`-th of the channels, ReLU, one back, sigmoid, product."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        squeezed = max(1, channels // reduction)
        self.squeeze = nn.Linear(channels, squeezed)
        self.excite = nn.Linear(squeezed, channels)

    def weights(self, x_BCHW: Tensor) -> Tensor:
        """The weight of each channel, [B, C] in (0, 1)."""
        return torch.sigmoid(self.excite(F.relu(self.squeeze(same_layout(x_BCHW).mean((2, 3))))))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """[B, C, H, W] to [B, C, H, W]."""
        return x_BCHW * self.weights(x_BCHW)[:, :, None, None]
