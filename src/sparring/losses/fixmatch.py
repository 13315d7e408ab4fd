"""FixMatch: a classifier that learns from pictures without labels what it is sure of already.

Source: Sohn et al., arXiv:2001.07685, eq. 3 and 4. A picture that was changed a little is given the class that the
network is sure of, and changed much it is to be given the same one.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from sparring.losses.base import Batch, Moment, Turn, objectives
from sparring.losses.classification import CLASSIFIER, Classification
from sparring.losses.supervised import SupervisedLoss
from sparring.nn import ranks
from sparring.nn.wide import widened
from sparring.registry import Range


@objectives("fixmatch", paper="arXiv:2001.07685")
class FixMatch(Classification):
    """The labelled examples' classes, and for the others those that the network is sure of.

    A batch holds labelled `x` [L, ...] and `y` int64 [L] as for `Classification`, and `x_weak` and `x_strong` [U, ...],
    the same examples changed a little and much. Both means are over all of theirs, so that what nothing is known of
    counts as 0.

    Args:
        model: examples to logits.
        loss: of logits and wanted shares, for both.
        weights: factor on the loss of each class of the labelled examples, [K].
    """

    def __init__(
        self,
        model: nn.Module,
        loss: SupervisedLoss | None = None,
        weights: Tensor | None = None,
        *,
        threshold: Annotated[float, "probability from which on a guess is taken for a label", Range(0.0, 1.0)] = 0.95,
        unlabelled: Annotated[float, "weight of the loss on guesses", Range(0.0)] = 1.0,
        ratio: Annotated[int, "pictures without a label in a batch, to each one with a label", Range(1)] = 4,
        strength: Annotated[float, "of the strong changes, see the distortion `strong`", Range(0.0)] = 1.0,
    ) -> None:
        super().__init__(model, loss, weights)
        self.threshold = threshold
        self.unlabelled = unlabelled
        self.ratio = ratio
        self.strength = strength

    @property
    def columns(self) -> Mapping[str, str]:
        """See `Objective.columns`."""
        note = "mean since the row before"
        return {
            **super().columns,
            f"{CLASSIFIER}_guesses": f"loss on strongly changed pictures, wanted is what it was sure of; {note}",
            f"{CLASSIFIER}_sure": f"share of the weakly changed pictures that it is sure of; {note}",
        }

    def turn(self, player: str, batch: Batch, moment: Moment) -> Turn:
        """The loss of each labelled example [L] and of each guess [U]."""
        guess_U, sure_U = self._guessed(batch["x_weak"])
        known = len(batch["x"])
        # One pass for both, so that batch norm does not tell the few labelled examples from the others.
        heads = self.logits(torch.cat([batch["x"], batch["x_strong"]]))
        turn = self.told(batch, [logit_BK[:known] for logit_BK in heads])
        logit_UK = widened(heads[0][known:])
        target_UK = one_hot(guess_U, logit_UK.shape[1]).to(logit_UK.dtype)
        missed_U = self.loss(logit_UK, target_UK) * sure_U
        terms = {**turn.terms, "guesses": self.unlabelled * missed_U}
        return Turn(terms, turn.stats, {**turn.scalars, "sure": ranks.mean(sure_U.mean())})

    @torch.no_grad()
    def _guessed(self, x_weak: Tensor) -> tuple[Tensor, Tensor]:
        """The likeliest class int64 [U], and 1 where it is likely enough, else 0, [U]."""
        logit_UK, *_ = self.logits(x_weak)
        likely_U, guess_U = logit_UK.float().softmax(1).max(1)
        return guess_U, (likely_U >= self.threshold).float()
