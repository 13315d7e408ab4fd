"""FixMatch's two terms by hand, and what they are blind to."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sparring.losses.base import Batch, Moment
from sparring.losses.fixmatch import FixMatch
from sparring.losses.supervised import CrossEntropy
from sparring.models.classify.base import Classifier

NOW = Moment(round=0, update=0, last=True, count=0)
F, K, LABELLED, UNLABELLED = 4, 3, 5, 12


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(F, K).double()


def dealt() -> Batch:
    draw = torch.Generator().manual_seed(0)
    x, weak, strong = (
        3 * torch.randn(n, F, generator=draw, dtype=torch.float64) for n in (LABELLED, UNLABELLED, UNLABELLED)
    )
    return {"x": x, "y": torch.tensor([0, 1, 2, -1, 1]), "x_weak": weak, "x_strong": strong}


def shares(module: nn.Module, x: Tensor) -> np.ndarray:
    logits = module(x).detach().numpy()
    risen = np.exp(logits - logits.max(1, keepdims=True))
    return risen / risen.sum(1, keepdims=True)


@pytest.mark.parametrize("threshold", [0.0, 0.7, 1.0])
def test_guesses_count_where_they_are_sure_and_others_as_nothing(threshold: float) -> None:
    module, batch = model(), dealt()
    turn = FixMatch(module, threshold=threshold, unlabelled=2.0).turn("classifier", batch, NOW)
    weak, strong = shares(module, batch["x_weak"]), shares(module, batch["x_strong"])
    sure = weak.max(1) >= threshold
    missed = -np.log(strong[np.arange(UNLABELLED), weak.argmax(1)]) * sure
    assert turn.terms["guesses"].mean().item() == pytest.approx(2 * missed.sum() / UNLABELLED, rel=1e-6)
    assert turn.scalars["sure"].item() == pytest.approx(sure.mean())
    assert 0 < (weak.max(1) >= 0.7).sum() < UNLABELLED, "else this would not tell them apart"
    known = batch["y"] >= 0
    by_torch = nn.functional.cross_entropy(module(batch["x"][known]), batch["y"][known])
    assert turn.terms["loss"].mean().item() == pytest.approx(by_torch.item())


def test_what_it_is_sure_of_is_wanted_and_does_not_move_for_it() -> None:
    module, batch = model(), dealt()
    weak = batch["x_weak"].requires_grad_()
    term = FixMatch(module, threshold=0.0).turn("classifier", {**batch, "x_weak": weak}, NOW).terms["guesses"]
    (slope,) = torch.autograd.grad(term.mean(), weak, allow_unused=True)
    assert slope is None


def test_labelled_and_strongly_changed_ones_are_one_batch_for_batch_norm() -> None:
    class Seen(Classifier):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(F, K).double()
            self.counts: list[int] = []

        def features(self, x_BCHW: Tensor) -> Tensor:
            self.counts.append(len(x_BCHW))
            return x_BCHW

    module = Seen()
    FixMatch(module, CrossEntropy()).turn("classifier", dealt(), NOW)
    assert module.counts == [UNLABELLED, LABELLED + UNLABELLED]
