"""Minibatch discrimination: how near each example is to the others of its batch, so that copies give themselves away.

Paper: Salimans et al., "Improved techniques for training GANs", arXiv:1606.03498, section 3.2; 100 kernels of 5
dimensions as in the authors' code. Departures: an example is not compared with itself, as in that code; the
nearness is the mean over the others and not their sum, so that batches of other sizes are judged alike; the tensor is
not normalised, and starts so that features of scale 1 give rows of scale 1.
"""

import math

import torch
from torch import Tensor, nn

from sparring.nn import ranks
from sparring.nn.mixing import MixesExamples
from sparring.nn.wide import widened


class MinibatchDiscrimination(nn.Module, MixesExamples):
    """o_ik = mean over j other than i of exp(-||M_ik - M_jk||_1), with M_i = f(x_i) T: [B, A] to [B, K], in (0, 1].

    A batch of one has no others: 0.

    Args:
        features: A, numbers in f(x).
        kernels: K, numbers that come out.
        dims: of each kernel's rows.
    """

    def __init__(self, features: int, *, kernels: int = 100, dims: int = 5) -> None:
        super().__init__()
        self.kernels = kernels
        self.tensor = nn.Parameter(torch.randn(features, kernels, dims) / math.sqrt(features))

    def forward(self, f_BA: Tensor) -> Tensor:
        """See the class."""
        row_BKD = torch.einsum("ba,akd->bkd", f_BA, self.tensor)
        row_BKD = widened(row_BKD)
        # Those of all ranks, where several share a batch: N is B times as many.
        every_NKD = ranks.gathered(row_BKD)
        distance_BNK = (row_BKD[:, None] - every_NKD[None]).abs().sum(3)
        own = slice(ranks.world().rank * len(f_BA), None)
        others_BN = 1 - torch.eye(len(every_NKD), device=f_BA.device, dtype=distance_BNK.dtype)[own][: len(f_BA)]
        return (distance_BNK.neg().exp() * others_BN[:, :, None]).sum(1) / max(len(every_NKD) - 1, 1)
