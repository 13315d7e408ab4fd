"""How well a detector finds blemishes, on pictures that it learns from and on held-out ones, while it trains."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from sparring.engine.game import Game
from sparring.engine.precision import Precision
from sparring.engine.record import Observed
from sparring.losses.base import Batch
from sparring.losses.detection import DETECTOR, PointLoss
from sparring.metrics.ranking import Ranked
from sparring.metrics.rebuilding import Shown
from sparring.models.detect.base import Detector
from sparring.nn.wide import widened

MOST_POINTS = 400_000
"""Points that are ranked, at most: drawn at random where there are more."""


class BlemishWatch:
    """Observer: the loss on training and on held-out pictures with the same blemishes each time, and how well they are
    ranked before what is normal.

    Args:
        train, held: pictures with a corruption that blemishes them.
        loss: of points.
    """

    def __init__(self, train: Shown, held: Shown, loss: PointLoss) -> None:
        self._train, self._held, self._loss = train, held, loss
        seen, unseen = f"{len(train):,} training pictures", f"{len(held):,} held-out pictures"
        self.columns: Mapping[str, str] = {
            "train_blemish_loss": f"of {seen} with made blemishes, the same ones each time, in evaluation mode",
            "validation_blemish_loss": f"the same of {unseen}: `best` is where it is least",
            "validation_point_auc": f"area under the ROC curve of the points of {unseen}: blemished ones above others",
            "validation_point_auc_floor": "of a random order",
        }

    def observe(self, game: Game) -> Observed:
        """The columns now."""
        module = averaged_detector(game)
        seen, _, _ = _looked(module, self._train, self._loss, game.precision)
        unseen, logit, changed = _looked(module, self._held, self._loss, game.precision)
        return Observed(
            values={
                "train_blemish_loss": seen,
                "validation_blemish_loss": unseen,
                "validation_point_auc": _auc(logit, changed),
                "validation_point_auc_floor": 0.5,
            }
        )


def averaged_detector(game: Game) -> Detector:
    """What is judged and drawn, in evaluation mode."""
    module = game.player(DETECTOR).averaged()
    assert isinstance(module, Detector)
    return module


@torch.no_grad()
def _looked(module: Detector, shown: Shown, loss: PointLoss, precision: Precision) -> tuple[float, Tensor, Tensor]:
    """The mean loss, and all logits with what is so, one behind the other on the host."""
    total, logits, truths = 0.0, [], []
    for batch in shown.batches(precision, block=64):
        logit_B1HW = logits_of(module, batch, precision)
        total += float(loss(logit_B1HW, batch["changed"]).double().sum())
        logits.append(logit_B1HW.flatten().cpu())
        truths.append(batch["changed"].flatten().cpu())
    return total / len(shown), torch.cat(logits), torch.cat(truths)


def logits_of(module: Detector, batch: Batch, precision: Precision) -> Tensor:
    """Of each point of `x`, in fp32 at least, [B, 1, H, W]."""
    with precision.autocast():
        logit_B1HW: Tensor = module(batch["x"])
    return widened(logit_B1HW)


def _auc(logit: Tensor, changed: Tensor) -> float:
    if len(logit) > MOST_POINTS:
        rows = np.random.Generator(np.random.Philox(key=0)).permutation(len(logit))[:MOST_POINTS]
        logit, changed = logit[rows], changed[rows]
    ranked = Ranked(changed.numpy() > 0, logit.double().numpy())
    return ranked(np.ones(len(logit), np.int64))[0]
