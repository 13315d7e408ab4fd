"""Noise inside a network while it trains: it can rely on no value alone."""

import torch
from torch import Tensor, nn


class GaussianNoise(nn.Module):
    """Adds N(0, sd^2) to every value in training mode, and nothing in evaluation mode."""

    def __init__(self, sd: float) -> None:
        super().__init__()
        self.sd = sd

    def forward(self, x: Tensor) -> Tensor:
        """Values of the same shape."""
        if not self.training or not self.sd:
            return x
        # Drawn in fp32: a CPU takes longer for numbers of 16 bits.
        noise = torch.randn_like(x, dtype=torch.float32)
        return torch.add(x, noise.to(x.dtype), alpha=self.sd)

    def extra_repr(self) -> str:
        """What `print` shows."""
        return f"sd={self.sd:g}"
