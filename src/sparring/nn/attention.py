"""Attention of every place to every other, and the block of a transformer around it.

Papers: Vaswani et al., "Attention is all you need", arXiv:1706.03762, eq. 1 and section 3.2.2; layer norm before
attention and perceptron, not after, as in Dosovitskiy et al., arXiv:2010.11929, eqs. 2 and 3.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.errors import UsageError

EPS = 1e-6
"""What layer norm adds to the variance, as in the authors' code of vision transformers."""

SHORT = 128
"""Tokens up to which all weights of attention at once take little memory."""


def attended(query_BHTD: Tensor, key_BHTD: Tensor, value_BHTD: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(d)) v, [B, H, T, D]."""
    learns_in_bf16 = query_BHTD.requires_grad and query_BHTD.is_cpu and query_BHTD.dtype == torch.bfloat16
    if learns_in_bf16 and query_BHTD.shape[2] <= SHORT:
        # The backward pass of torch's kernel for it takes 4 to 10 times as long on a CPU as that of plain products.
        score_BHTT = (query_BHTD * query_BHTD.shape[3] ** -0.5) @ key_BHTD.transpose(2, 3)
        seen_BHTD: Tensor = score_BHTT.softmax(3) @ value_BHTD
        return seen_BHTD
    return F.scaled_dot_product_attention(query_BHTD, key_BHTD, value_BHTD)


class SelfAttention(nn.Module):
    """softmax(q k^T / sqrt(d)) v in `heads` subspaces of d = width / heads each: [B, T, width] to the same.

    Raises:
        UsageError: heads of unequal size.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise UsageError(f"width={width} can't be shared by heads={heads}: give a width that is a multiple of it.")
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x_BTC: Tensor) -> Tensor:
        """See the class."""
        parts_BTHD = self.query_key_value(x_BTC).unflatten(2, (3 * self.heads, -1))
        query_BHTD, key_BHTD, value_BHTD = parts_BTHD.transpose(1, 2).chunk(3, 1)
        seen_BHTD = attended(query_BHTD, key_BHTD, value_BHTD)
        result_BTC: Tensor = self.out(seen_BHTD.transpose(1, 2).flatten(2))
        return result_BTC


class TransformerBlock(nn.Module):
    """x + attention(norm(x)), then x + perceptron(norm(x)), with GELU and four times the width inside.

    Args:
        dropout: share of what either adds, and of the perceptron's hidden values, left out in training.
    """

    def __init__(self, width: int, heads: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(width, eps=EPS), SelfAttention(width, heads), nn.Dropout(dropout))
        self.perceptron = nn.Sequential(
            nn.LayerNorm(width, eps=EPS),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, x_BTC: Tensor) -> Tensor:
        """[B, T, width] to the same."""
        x_BTC = x_BTC + self.attention(x_BTC)
        sum_BTC: Tensor = x_BTC + self.perceptron(x_BTC)
        return sum_BTC
