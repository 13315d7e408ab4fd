"""The residual block of VQ-VAE: ReLU, 3x3, ReLU, 1x1, added to what came in.

Source: van den Oord et al., arXiv:1711.00937, section 4.1.
"""

from torch import Tensor, nn

from sparring.nn.convolution import Conv2d


class ResidualPair(nn.Module):
    """[B, C, H, W] to the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReLU(), Conv2d(channels, channels, 3, 1, 1), nn.ReLU(), Conv2d(channels, channels, 1)
        )

    def forward(self, h_BCHW: Tensor) -> Tensor:
        """What came in, and what the two convolutions make of it."""
        found: Tensor = h_BCHW + self.layers(h_BCHW)
        return found
