"""Losses of a classifier's logits against the classes that are wanted."""

import math
from typing import Annotated, Protocol

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from sparring.nn import ranks
from sparring.registry import Range, Registry


class SupervisedLoss(Protocol):
    """A pure function of logits and wanted shares."""

    def __call__(self, logit_BK: Tensor, target_BK: Tensor) -> Tensor:
        """The loss of each example, [B].

        Args:
            target_BK: the share of each class, rows sum to 1: one of them is 1, but where labels were mixed.
        """
        ...

    def knowing_nothing(self, classes: int) -> float:
        """The loss of equal probabilities for all classes: a landmark."""
        ...


supervised_losses: Registry[SupervisedLoss] = Registry("supervised loss", package="sparring.losses")


@supervised_losses("cross-entropy")
class CrossEntropy:
    """-log p of the wanted class, the negative log-likelihood, in nats."""

    def __init__(
        self,
        *,
        smoothing: Annotated[
            float,
            "share of what is wanted, spread evenly over all classes (arXiv:1512.00567)",
            Range(0, below=1),
        ] = 0.0,
    ) -> None:
        self.smoothing = smoothing

    def __call__(self, logit_BK: Tensor, target_BK: Tensor) -> Tensor:
        """-sum_k t_k log p_k, [B]."""
        return cross_entropy(logit_BK, target_BK, reduction="none", label_smoothing=self.smoothing)

    def knowing_nothing(self, classes: int) -> float:
        """log K."""
        return math.log(classes)


@supervised_losses("binary-cross-entropy")
class BinaryCrossEntropy:
    """A yes-or-no question for each class, summed over them: for examples that may be of several."""

    def __call__(self, logit_BK: Tensor, target_BK: Tensor) -> Tensor:
        """-sum_k t_k log s(l_k) + (1 - t_k) log(1 - s(l_k)) with the sigmoid s, [B]."""
        return binary_cross_entropy_with_logits(logit_BK, target_BK, reduction="none").sum(1)

    def knowing_nothing(self, classes: int) -> float:
        """Every sigmoid at 1 / K, the least that is the same for all classes."""
        return math.log(classes) - (classes - 1) * math.log1p(-1 / classes) if classes > 1 else 0.0


@supervised_losses("mse")
class SquaredError:
    """Half of the squared difference of sigmoids and wanted shares: learns least where it is most wrong."""

    def __call__(self, logit_BK: Tensor, target_BK: Tensor) -> Tensor:
        """sum_k (s(l_k) - t_k)^2 / 2, [B]."""
        return (logit_BK.sigmoid() - target_BK).square().sum(1) / 2

    def knowing_nothing(self, classes: int) -> float:
        """Every sigmoid at 1 / K."""
        return (1 - 1 / classes) / 2


@supervised_losses("focal", paper="arXiv:1708.02002")
class Focal:
    """Cross-entropy that counts less where the wanted class is likely already."""

    def __init__(
        self, *, gamma: Annotated[float, "0 is cross-entropy; more forgets easy examples more", Range(0.0)] = 2.0
    ) -> None:
        self.gamma = gamma

    def __call__(self, logit_BK: Tensor, target_BK: Tensor) -> Tensor:
        """-sum_k t_k (1 - p_k)^gamma log p_k, [B] (eq. 4, of a softmax instead of sigmoids)."""
        log_p_BK = logit_BK.log_softmax(1)
        return -(target_BK * (-log_p_BK.expm1()).pow(self.gamma) * log_p_BK).sum(1)

    def knowing_nothing(self, classes: int) -> float:
        """(1 - 1 / K)^gamma log K."""
        return float((1 - 1 / classes) ** self.gamma * math.log(classes))


def labelled_cross_entropy(logit_BK: Tensor, y_B: Tensor) -> Tensor:
    """Cross-entropy in nats, [B], whose mean over the batch is that over its labelled examples; the others have 0."""
    loss_B = cross_entropy(logit_BK, y_B, ignore_index=-1, reduction="none")
    return loss_B / share_of_labelled(y_B, loss_B.dtype)


def share_of_labelled(y_B: Tensor, dtype: torch.dtype) -> Tensor:
    """What a mean over the batch is divided by to be one over its labelled examples, []; asks the device nothing."""
    return ranks.mean((y_B >= 0).to(dtype).mean()).clamp_min(1 / (len(y_B) * ranks.world().ranks))
