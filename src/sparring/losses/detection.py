"""The one-player objective of a detector: say which points of a normal picture something was put over.

Nothing faulty is needed for it: `engine.blemishes` changes normal pictures and says where.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from sparring.losses.base import Batch, Moment, Turn, objectives
from sparring.losses.rebuilding import Stateless
from sparring.models.detect.base import Detector
from sparring.nn import ranks
from sparring.nn.wide import widened
from sparring.registry import Range, Registry

DETECTOR = "detector"


class PointLoss:
    """A pure function of logits and of what is so: [B] of two [B, 1, H, W]."""

    def __call__(self, logit_B1HW: Tensor, changed_B1HW: Tensor) -> Tensor:
        """The loss of each picture, [B].

        Args:
            changed_B1HW: 1 where a point was changed, else 0.
        """
        raise NotImplementedError


point_losses: Registry[PointLoss] = Registry("loss of points", package="sparring.losses")


@point_losses("points", paper="arXiv:1606.04797, section 3")
class CrossEntropyAndOverlap(PointLoss):
    """Binary cross-entropy of all points, and how far found and true area are from covering each other."""

    def __init__(
        self,
        *,
        overlap: Annotated[
            float, "weight of 1 - Dice coefficient: small blemishes count in it as much as large ones", Range(0.0)
        ] = 0.3,
    ) -> None:
        self.overlap = overlap

    def __call__(self, logit_B1HW: Tensor, changed_B1HW: Tensor) -> Tensor:
        """Mean cross-entropy in nats + weight (1 - (2 sum p t + 1) / (sum p + sum t + 1)); the 1s keep a picture
        without any blemish at 0 where none is found."""
        logit_BP, changed_BP = logit_B1HW.flatten(1), changed_B1HW.to(logit_B1HW.dtype).flatten(1)
        nats_B = binary_cross_entropy_with_logits(logit_BP, changed_BP, reduction="none").mean(1)
        likely_BP = logit_BP.sigmoid()
        common_B = (likely_BP * changed_BP).sum(1)
        dice_B = (2 * common_B + 1) / (likely_BP.sum(1) + changed_BP.sum(1) + 1)
        return nats_B + self.overlap * (1 - dice_B)


@objectives("blemishes")
class FindBlemishes(Stateless):
    """The loss of every point's logit; a batch holds `x` [B, C, H, W] and `changed` [B, 1, H, W].

    Args:
        model: the network.
        loss: of logits and of what was changed.
    """

    def __init__(self, model: Detector, loss: PointLoss) -> None:
        self.model = model
        self.loss = loss

    @property
    def columns(self) -> Mapping[str, str]:
        """See `Objective.columns`."""
        return {
            f"{DETECTOR}_loss": "of blemished pictures, as it learns; mean since the row before",
            f"{DETECTOR}_found": "mean probability given to blemished points; mean since the row before",
            f"{DETECTOR}_alarm": "mean probability given to all other points; mean since the row before",
        }

    def turn(self, player: str, batch: Batch, moment: Moment) -> Turn:
        """The loss of each picture [B], and what it gives to points that were changed and to those that were not."""
        logit_B1HW = self.model(batch["x"])
        logit_B1HW = widened(logit_B1HW)
        changed_B1HW = batch["changed"]
        likely_B1HW = logit_B1HW.detach().sigmoid()
        scalars = {
            "found": _mean_over(likely_B1HW, changed_B1HW),
            "alarm": _mean_over(likely_B1HW, 1 - changed_B1HW),
        }
        return Turn({"loss": self.loss(logit_B1HW, changed_B1HW)}, {}, scalars)


def _mean_over(likely: Tensor, weight: Tensor) -> Tensor:
    sums = torch.stack([(likely * weight).sum(), weight.sum().to(likely.dtype)])[None]
    total = ranks.gathered(sums).sum(0)
    return total[0] / total[1].clamp_min(1)
