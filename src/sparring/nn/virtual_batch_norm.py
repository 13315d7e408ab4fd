"""Virtual batch normalisation: statistics of a fixed reference batch and of the example itself, not of its batch.

Paper: Salimans et al., "Improved techniques for training GANs", arXiv:1606.03498, section 3.4. A network keeps its
reference batch, puts it before each batch, and cuts it off behind the last layer; the layers know how many rows are of
reference. Departure: the reference batch is the first one that was dealt, not one chosen apart.
"""

import torch
from torch import Tensor, nn

from sparring.nn.wide import widened


class VirtualBatchNorm(nn.Module):
    """Normalises [R + B, C, H, W] per channel: the first R rows by their own statistics, the others each by a mixture.

    The mixture is that of the reference batch and one example more: mean (m_b + R m_ref) / (R + 1), and the same of the
    mean square. Examples do not depend on each other.

    Args:
        reference: how many rows are of reference, R.
    """

    def __init__(self, channels: int, *, reference: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.reference = reference
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """See the class; the result has the precision of `x_BCHW`, the statistics have 32 bits or more."""
        wide_BCHW = widened(x_BCHW)
        ref_RCHW, own_BCHW = wide_BCHW.tensor_split([self.reference])
        ref_var, ref_mean = torch.var_mean(ref_RCHW, (0, 2, 3), correction=0, keepdim=True)
        own_var, own_mean = torch.var_mean(own_BCHW, (2, 3), correction=0, keepdim=True)
        share = 1 / (self.reference + 1)
        mean = ref_mean.lerp(own_mean, share)
        # The mixed mean square without the square of the mixed mean, where large numbers would cancel.
        var = ref_var.lerp(own_var, share) + share * (1 - share) * (own_mean - ref_mean).square()
        normal_BCHW = torch.cat([self._normal(ref_RCHW, ref_mean, ref_var), self._normal(own_BCHW, mean, var)])
        return normal_BCHW.to(x_BCHW.dtype)

    def _normal(self, x_BCHW: Tensor, mean: Tensor, var: Tensor) -> Tensor:
        scale = self.weight.view(-1, 1, 1) * (var + self.eps).rsqrt()
        return (x_BCHW - mean) * scale + self.bias.view(-1, 1, 1)


def reference_rows(x: Tensor, count: int) -> Tensor:
    """The first `count` rows of a batch, over again where it has fewer."""
    return x[torch.arange(count, device=x.device) % len(x)]
