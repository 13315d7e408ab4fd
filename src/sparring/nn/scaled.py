"""Inputs of several units brought to one scale, by what the training examples are like."""

import torch
from torch import Tensor, nn


class Scaled(nn.Module):
    """(x - mean) / sd, column by column; both are buffers, so that they travel with the weights.

    Without them a column in thousands would drown one in hundredths: the rate that suits the one is far off for the
    other (LeCun et al. 1998, "Efficient BackProp", section 4.3).

    Args:
        columns: how many values each example has.
    """

    mean: Tensor
    sd: Tensor

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(columns))
        self.register_buffer("sd", torch.ones(columns))

    @torch.no_grad()
    def fit(self, x_NF: Tensor) -> None:
        """Take mean and standard deviation (divided by N) of examples [N, F]; a column that is constant keeps 1."""
        wide = x_NF.double()
        sd = wide.std(0, correction=0)
        self.mean.copy_(wide.mean(0))
        self.sd.copy_(torch.where(sd > 0, sd, 1.0))

    def forward(self, x_BF: Tensor) -> Tensor:
        """[B, F] to [B, F]."""
        return (x_BF - self.mean) / self.sd
