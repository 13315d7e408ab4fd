"""How a classifier does on pictures that it learns from and on ones that it never saw, while it trains."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sparring.engine.deal import Stored, to_device, to_unit
from sparring.engine.game import Game
from sparring.engine.precision import Precision
from sparring.engine.record import Observed
from sparring.metrics.base import Floats, Labels
from sparring.metrics.supervised import confusion_matrix, macro

BLOCK = 250


class HeldOut:
    """Some labelled examples of a part, drawn by a seed.

    Args:
        x: uint8 [N, H, W, C], or rows float32 [N, F].
        y: int64 [N], -1 unknown.
    """

    def __init__(self, x: Stored, y: Labels, *, count: int, seed: int) -> None:
        known = np.flatnonzero(y >= 0)
        assert len(known), "without a known label there is nothing to be right about"
        rows = np.sort(np.random.Generator(np.random.Philox(key=seed)).permutation(known)[:count])
        self.x, self.y = np.asarray(x[rows]), y[rows]

    def __len__(self) -> int:
        return len(self.y)


@torch.no_grad()
def logits_of(classify: Callable[[Tensor], Tensor], x: Stored, precision: Precision) -> Tensor:
    """Logits float32 [N, K] on the host, of whatever makes logits of examples [N, ...] on the device."""
    pieces = []
    for at in range(0, len(x), BLOCK):
        stored = to_device(torch.from_numpy(np.array(x[at : at + BLOCK])), precision.device)
        with precision.autocast():
            pieces.append(classify(to_unit(stored, precision.weights)).float().cpu())
    return torch.cat(pieces)


class AccuracyWatch:
    """Observer: loss and accuracy of the averaged classifier on training and on held-out examples, unchanged ones.

    Args:
        train, held: examples with labels.
        classes: how many there are.
        player: the classifier's name.
    """

    def __init__(self, train: HeldOut, held: HeldOut, *, classes: int, player: str) -> None:
        self._train, self._held, self._classes, self._player = train, held, classes, player
        self._common = float(np.bincount(held.y).max() / len(held))
        # Who always says the commonest class has its F1 alone.
        self._common_f1 = 2 * self._common / (1 + self._common) / classes
        seen, unseen = f"of {len(train):,} training examples", f"of {len(held):,} held-out examples"
        self.columns: Mapping[str, str] = {
            "train_loss": f"cross-entropy in nats {seen}, as they are; ln K = {np.log(classes):.3f} knows nothing",
            "train_accuracy": f"share {seen} named right",
            "validation_loss": f"cross-entropy in nats {unseen}; ln K = {np.log(classes):.3f} knows nothing",
            "validation_accuracy": f"share {unseen} named right",
            "validation_accuracy_floor": "accuracy of whoever always says the commonest class",
            "validation_error": f"share {unseen} named wrong: `best` is where it is least",
            "validation_f1": f"mean F1 of the classes, {unseen}: rare classes count as much as common ones",
            "validation_f1_floor": "of whoever always says the commonest class",
        }

    def observe(self, game: Game) -> Observed:
        """The columns now."""
        module = game.player(self._player).averaged()
        train_loss, train_said = _judged(module, self._train, game.precision)
        held_loss, held_said = _judged(module, self._held, game.precision)
        matrix = confusion_matrix(self._held.y, held_said, self._classes)
        right = float(matrix.trace() / matrix.sum())
        return Observed(
            values={
                "train_loss": train_loss,
                "train_accuracy": float((train_said == self._train.y).mean()),
                "validation_loss": held_loss,
                "validation_accuracy": right,
                "validation_accuracy_floor": self._common,
                "validation_error": 1 - right,
                "validation_f1": float(macro(matrix)[2]),
                "validation_f1_floor": self._common_f1,
            }
        )


def _judged(module: nn.Module, examples: HeldOut, precision: Precision) -> tuple[float, Labels]:
    logit_NK = logits_of(module, examples.x, precision)
    said: Labels = logit_NK.argmax(1).numpy()
    return cross_entropy(logit_NK, torch.from_numpy(examples.y)).item(), said


def probabilities(logit_NK: Tensor) -> Floats:
    """P(y | x), float64 [N, K]."""
    likely: Floats = logit_NK.double().softmax(1).numpy()
    return likely
