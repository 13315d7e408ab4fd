"""The one-player objective of a classifier: say which class each example is of."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from sparring.losses.base import Batch, Moment, Turn, objectives
from sparring.losses.supervised import CrossEntropy, SupervisedLoss, share_of_labelled
from sparring.models.classify.base import Classifier
from sparring.nn import ranks
from sparring.nn.wide import wide
from sparring.registry import Range

CLASSIFIER = "classifier"


@objectives("classification")
class Classification:
    """Promise each labelled example the class that it is of.

    A batch holds `x` [B, ...] and labels `y` int64 [B], -1 where unknown: such examples do not count. Where examples
    were mixed it holds `other` int64 [B] and `share` [B] as well: y counts for `share`, `other` for the rest
    (Zhang et al., arXiv:1710.09412).

    Args:
        model: examples to logits [B, K]; a `Classifier` may have further heads, which learn the same.
        loss: of logits and wanted shares.
        weights: factor on the loss of each class, [K]; None: all 1.
        balance: what whoever builds it does about uneven classes, with `weights` or by the order of the examples.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: SupervisedLoss | None = None,
        weights: Tensor | None = None,
        *,
        balance: Annotated[
            Literal["none", "weights", "sampling"],
            "uneven classes: count each example as much as its class is rare, or deal all classes equally often",
        ] = "none",
        l1: Annotated[float, "weight of the sum of the weights' absolute values (L1)", Range(0.0)] = 0.0,
    ) -> None:
        self.model = model
        self.loss: SupervisedLoss = CrossEntropy() if loss is None else loss
        self.weights = weights
        self.balance = balance
        self.l1 = l1
        self._pulled = [parameter for parameter in model.parameters() if parameter.ndim > 1]

    @property
    def columns(self) -> Mapping[str, str]:
        """See `Objective.columns`."""
        named = {
            f"{CLASSIFIER}_loss": "on changed pictures, as it learns; mean since the row before",
            f"{CLASSIFIER}_right": "share of them named right, mixtures by the larger part; mean since the row before",
        }
        if isinstance(self.model, Classifier) and self.model.auxiliary_weight:
            named[f"{CLASSIFIER}_auxiliary"] = "loss of the further heads, weighted; mean since the row before"
        if self.l1:
            named[f"{CLASSIFIER}_l1"] = "sum of the weights' absolute values, weighted; mean since the row before"
        return named

    def turn(self, player: str, batch: Batch, moment: Moment) -> Turn:
        """The loss of each example [B], and whether it was classified right (NaN without a label)."""
        return self.told(batch, self.logits(batch["x"]))

    def told(self, batch: Batch, heads: Sequence[Tensor]) -> Turn:
        """The turn of a batch whose logits [B, K] are known: of the network, and of its further heads."""
        y_B = batch["y"]
        logit_BK, *further = heads
        target_BK = self._targets(batch, logit_BK)
        terms = {"loss": self._weighted(logit_BK, target_BK, y_B)}
        if further:
            assert isinstance(self.model, Classifier)
            losses = [self._weighted(other_BK, target_BK, y_B) for other_BK in further]
            terms["auxiliary"] = self.model.auxiliary_weight * torch.stack(losses).sum(0)
        if self.l1:
            terms["l1"] = self.l1 * torch.stack([weight.abs().sum() for weight in self._pulled]).sum()
        wanted_B = target_BK.argmax(1)
        right_B = (logit_BK.detach().argmax(1) == wanted_B).float().masked_fill(y_B < 0, torch.nan)
        return Turn(
            terms, {"logit_BK": logit_BK.detach(), "right_B": right_B}, {"right": ranks.gathered(right_B).nanmean()}
        )

    def after_step(self, player: str) -> None:
        """Nothing to do: nothing here acts on weights."""

    def state(self) -> dict[str, Tensor]:
        """Empty: it has no memory."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Nothing to take back."""

    def logits(self, x: Tensor) -> tuple[Tensor, ...]:
        """Of examples [B, ...]: those of the network [B, K], and of its further heads."""
        if isinstance(self.model, Classifier):
            return self.model.heads(x)
        return (self.model(x),)

    def _targets(self, batch: Batch, logit_BK: Tensor) -> Tensor:
        classes = logit_BK.shape[1]
        target_BK = one_hot(batch["y"].clamp_min(0), classes).to(wide(logit_BK.dtype))
        if "other" not in batch:
            return target_BK
        share_B1 = batch["share"][:, None]
        return share_B1 * target_BK + (1 - share_B1) * one_hot(batch["other"].clamp_min(0), classes)

    def _weighted(self, logit_BK: Tensor, target_BK: Tensor, y_B: Tensor) -> Tensor:
        """The loss [B], 0 without a label, whose mean is that over the labelled examples."""
        loss_B = self.loss(logit_BK.to(target_BK.dtype), target_BK).masked_fill(y_B < 0, 0.0)
        if self.weights is not None:
            loss_B = loss_B * (target_BK @ self.weights)
        return loss_B / share_of_labelled(y_B, loss_B.dtype)
