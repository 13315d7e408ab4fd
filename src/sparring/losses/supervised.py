"""The one-player objective of a classifier: say which class each example is of."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sparring.losses.base import Batch, Moment, Turn


class Classification:
    """Cross-entropy of the classes that the one player's logits promise.

    A batch holds `x` [B, ...] and labels `y` int64 [B], -1 where unknown: such examples do not count.

    Args:
        model: `x` to logits [B, K].
        smoothing: share of the wanted probability that is spread evenly over all classes, 0 to below 1 (Szegedy et al.,
            arXiv:1512.00567, section 7).
    """

    def __init__(self, model: nn.Module, *, smoothing: float = 0.0) -> None:
        self.model = model
        self.smoothing = smoothing

    @property
    def columns(self) -> Mapping[str, str]:
        """See `Objective.columns`."""
        return {"classifier_cross_entropy": "nats; ln K where it knows nothing"}

    def turn(self, player: str, batch: Batch, moment: Moment) -> Turn:
        """The loss of each example [B] in nats, and whether it was classified right (NaN without a label)."""
        y_B = batch["y"]
        logit_BK = self.model(batch["x"])
        loss_B = labelled_cross_entropy(logit_BK, y_B, smoothing=self.smoothing)
        right_B = (logit_BK.detach().argmax(1) == y_B).float().masked_fill(y_B < 0, torch.nan)
        return Turn({"cross_entropy": loss_B}, {"logit_BK": logit_BK.detach(), "right_B": right_B})

    def after_step(self, player: str) -> None:
        """Nothing to do: nothing here acts on weights."""

    def state(self) -> dict[str, Tensor]:
        """Empty: it has no memory."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Nothing to take back."""


def labelled_cross_entropy(logit_BK: Tensor, y_B: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy in nats, [B], whose mean over the batch is that over its labelled examples; the others have 0."""
    loss_B = cross_entropy(logit_BK, y_B, ignore_index=-1, reduction="none", label_smoothing=smoothing)
    # Without asking the device how many are labelled.
    return loss_B / (y_B >= 0).to(loss_B.dtype).mean().clamp_min(1 / len(y_B))
