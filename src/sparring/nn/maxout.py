"""Maxout: a linear layer whose units each take the largest of several values.

Paper: Goodfellow, Warde-Farley, Mirza, Courville, Bengio, "Maxout networks", arXiv:1302.4389, eq. 1.
"""

from torch import Tensor, nn


class Maxout(nn.Module):
    """[B, inputs] to [B, units]: h_u = max over k of (x W_uk + b_uk), k from 1 to `pieces`."""

    def __init__(self, inputs: int, units: int, *, pieces: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, units * pieces)
        self.pieces = pieces

    def forward(self, x_BF: Tensor) -> Tensor:
        """See the class."""
        piece_BUK: Tensor = self.linear(x_BF).unflatten(1, (-1, self.pieces))
        return piece_BUK.amax(2)
