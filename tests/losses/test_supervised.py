"""The classifier's turn: cross-entropy by hand, unlabelled examples left out, and a game that learns by it."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from sparring.engine.deal import Order
from sparring.engine.game import Game, Player, play_round
from sparring.engine.precision import Precision
from sparring.losses.base import Batch, Moment, Turn
from sparring.losses.classification import Classification
from sparring.losses.supervised import CrossEntropy, supervised_losses
from sparring.models.classify.base import Classifier

NOW = Moment(round=0, update=0, last=True, count=0)
B, F, K = 6, 4, 3


def batch(*labels: int) -> Batch:
    draw = torch.Generator().manual_seed(0)
    return {"x": torch.randn(len(labels), F, generator=draw, dtype=torch.float64), "y": torch.tensor(labels)}


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(F, K).double()


def loss_of(turn: Turn) -> Tensor:
    return torch.stack([term.mean() for term in turn.terms.values()]).sum()


def by_hand(module: nn.Module, dealt: Batch, smoothing: float) -> Tensor:
    """- sum_k q_k log p_k with q = (1 - s) [k = y] + s / K, over labelled examples (Szegedy et al., section 7)."""
    known = dealt["y"] >= 0
    log_BK = module(dealt["x"][known]).log_softmax(1)
    wanted_BK = (1 - smoothing) * one_hot(dealt["y"][known], K).double() + smoothing / K
    return -(wanted_BK * log_BK).sum(1).mean()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("labels", [(0, 1, 2, 0, 1, 2), (0, -1, 2, -1, -1, 1)], ids=["all", "some"])
def test_it_is_the_cross_entropy_of_the_labelled(labels: tuple[int, ...], smoothing: float) -> None:
    module, dealt = model(), batch(*labels)
    turn = Classification(module, CrossEntropy(smoothing=smoothing)).turn("model", dealt, NOW)
    assert turn.terms["loss"].shape == (B,)
    assert loss_of(turn).item() == pytest.approx(by_hand(module, dealt, smoothing).item(), rel=1e-12)


def test_the_unlabelled_give_no_gradient() -> None:
    module = model()
    with_others, alone = batch(0, -1, 2, -1), batch(0, -1, 2, -1)
    alone = {name: value[[0, 2]] for name, value in alone.items()}
    slopes = [
        torch.autograd.grad(loss_of(Classification(module).turn("model", dealt, NOW)), list(module.parameters()))
        for dealt in (with_others, alone)
    ]
    for one, other in zip(*slopes, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_a_batch_without_any_label_is_worth_nothing_and_breaks_nothing() -> None:
    turn = Classification(model()).turn("model", batch(-1, -1), NOW)
    assert loss_of(turn).item() == 0
    assert turn.stats["right_B"].isnan().all()


def test_the_stats_say_who_was_right() -> None:
    module, dealt = model(), batch(0, 1, -1, 2)
    turn = Classification(module).turn("model", dealt, NOW)
    wanted = (module(dealt["x"]).argmax(1) == dealt["y"]).double()
    assert turn.stats["right_B"][[0, 1, 3]].tolist() == wanted[[0, 1, 3]].tolist()
    assert not any(value.requires_grad for value in turn.stats.values())


def test_accumulated_parts_that_are_labelled_alike_make_the_batch() -> None:
    module, dealt = model(), batch(0, 1, 2, 1)
    objective = Classification(module)
    whole = loss_of(objective.turn("model", dealt, NOW))
    parts = [loss_of(objective.turn("model", {k: v[i : i + 2] for k, v in dealt.items()}, NOW)) for i in (0, 2)]
    assert torch.stack(parts).mean().item() == pytest.approx(whole.item(), rel=1e-12)


def test_a_game_of_one_player_learns_to_classify() -> None:
    draw = torch.Generator().manual_seed(1)
    x_NF = torch.randn(200, F, generator=draw)
    y_N = (x_NF @ torch.randn(F, K, generator=draw)).argmax(1)
    order = Order(200, batch=20, seed=0, stream="rows")
    torch.manual_seed(0)
    module = nn.Linear(F, K)
    player = Player(name="model", module=module, optimizer=torch.optim.Adam(module.parameters(), lr=0.05, fused=True))

    def deal(name: str, counter: int) -> Batch:
        rows = torch.from_numpy(order(counter))
        return {"x": x_NF[rows], "y": torch.where(rows % 5 > 0, y_N[rows], -1)}

    game = Game(
        players=[player],
        objective=Classification(module),
        deal=deal,
        precision=Precision("fp32", torch.device("cpu")),
        batch=20,
        counted="model",
    )
    first = play_round(game)["model_loss"].item()
    last = np.mean([play_round(game)["model_loss"].item() for _ in range(200)][-10:])
    assert last < 0.3 < first
    assert (module(x_NF).argmax(1) == y_N).float().mean() > 0.95


# -- other losses, by hand ---------------------------------------------------------------------------------------------


def logits() -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(2)
    logit_BK = torch.randn(B, K, generator=draw, dtype=torch.float64, requires_grad=True)
    return logit_BK, torch.rand(B, K, generator=draw, dtype=torch.float64).softmax(1)


def by_definition(name: str, logit_BK: Tensor, target_BK: Tensor) -> Tensor:
    """Each loss from its formula, with exponentials and logarithms alone."""
    odds = logit_BK.exp()
    likely, sigmoid = odds / odds.sum(1, keepdim=True), odds / (1 + odds)
    formulas = {
        "cross-entropy": -target_BK * likely.log(),
        "binary-cross-entropy": -target_BK * sigmoid.log() - (1 - target_BK) * (1 - sigmoid).log(),
        "mse": (sigmoid - target_BK) ** 2 / 2,
        "focal": -target_BK * (1 - likely) ** 2 * likely.log(),
    }
    return formulas[name].sum(1)


@pytest.mark.parametrize("name", list(supervised_losses))
class TestEveryLoss:
    def test_it_is_its_formula(self, name: str) -> None:
        logit_BK, target_BK = logits()
        found = supervised_losses.build(name)(logit_BK, target_BK)
        torch.testing.assert_close(found, by_definition(name, logit_BK, target_BK), rtol=1e-10, atol=1e-12)

    def test_its_gradient_is_that_of_finite_differences(self, name: str) -> None:
        logit_BK, target_BK = logits()
        assert torch.autograd.gradcheck(lambda given: supervised_losses.build(name)(given, target_BK), logit_BK)

    def test_what_knowing_nothing_costs(self, name: str) -> None:
        loss = supervised_losses.build(name)
        # Equal probabilities; where each class has a sigmoid of its own, 1 / K in each.
        level = 0.0 if name in ("cross-entropy", "focal") else -math.log(K - 1)
        target_BK = torch.eye(K, dtype=torch.float64)
        found = loss(torch.full((K, K), level, dtype=torch.float64), target_BK)
        assert found.tolist() == pytest.approx([loss.knowing_nothing(K)] * K)

    def test_confidence_that_is_right_costs_nothing(self, name: str) -> None:
        target_BK = torch.eye(K)
        assert supervised_losses.build(name)(60 * target_BK - 30, target_BK).abs().max() < 1e-6


def test_why_not_squared_errors() -> None:
    """Course: target 0, outputs 0.7503 and 0.9971 of a sigmoid: errors 0.2815 and 0.4971, slopes 0.1406 and 0.0029."""
    output = torch.tensor([0.7503, 0.9971], dtype=torch.float64)
    logit = output.logit().requires_grad_()
    error = supervised_losses.build("mse")(logit[:, None], torch.zeros(2, 1, dtype=torch.float64))
    assert error.tolist() == pytest.approx([0.2815, 0.4971], abs=1e-4)
    slope = torch.autograd.grad(error.sum(), logit)[0]
    assert slope.tolist() == pytest.approx([0.1406, 0.0029], abs=1e-4)
    assert slope[0] / slope[1] == pytest.approx(49, abs=1), "the worse answer learns 49 times less"
    logit = output.logit().requires_grad_()
    entropy = supervised_losses.build("binary-cross-entropy")(logit[:, None], torch.zeros(2, 1, dtype=torch.float64))
    slope = torch.autograd.grad(entropy.sum(), logit)[0]
    assert slope.tolist() == pytest.approx(output.tolist()), "of cross-entropy the slope is the error itself"


def test_the_bits_of_the_course() -> None:
    """-log2 0.98 = 0.0291 bits and -log2 0.00001 = 16.61; frameworks use nats."""
    for likely, bits in ((0.98, 0.0291), (0.00001, 16.61), (0.0001, 13.29)):
        logit_BK = torch.tensor([[likely, 1 - likely]], dtype=torch.float64).log()
        nats = supervised_losses.build("cross-entropy")(logit_BK, torch.tensor([[1.0, 0.0]], dtype=torch.float64))
        assert nats.item() / math.log(2) == pytest.approx(bits, abs=0.005)


def test_focal_without_gamma_is_cross_entropy() -> None:
    logit_BK, target_BK = logits()
    focal = supervised_losses.build("focal", settings={"gamma": 0.0})(logit_BK, target_BK)
    torch.testing.assert_close(focal, supervised_losses.build("cross-entropy")(logit_BK, target_BK))


# -- the objective's own settings --------------------------------------------------------------------------------------


def test_class_weights_multiply_the_loss_of_each_class() -> None:
    module, dealt = model(), batch(0, 1, 2, -1)
    weights = torch.tensor([1.0, 0.0, 3.0], dtype=torch.float64)
    plain = Classification(module).turn("model", dealt, NOW).terms["loss"]
    weighted = Classification(module, None, weights).turn("model", dealt, NOW).terms["loss"]
    torch.testing.assert_close(weighted, plain * torch.tensor([1.0, 0.0, 3.0, 0.0], dtype=torch.float64))


def test_mixed_labels_are_wanted_in_their_shares() -> None:
    module, dealt = model(), batch(0, 1)
    mixed = {**dealt, "other": torch.tensor([2, 0]), "share": torch.full((2,), 0.75, dtype=torch.float64)}
    found = Classification(module).turn("model", mixed, NOW).terms["loss"]
    log_BK = module(dealt["x"]).log_softmax(1)
    wanted = torch.stack([-0.75 * log_BK[0, 0] - 0.25 * log_BK[0, 2], -0.75 * log_BK[1, 1] - 0.25 * log_BK[1, 0]])
    torch.testing.assert_close(found, wanted)


def test_l1_is_of_weights_and_not_of_biases() -> None:
    module = nn.Linear(F, K).double()
    term = Classification(module, l1=0.5).turn("model", batch(0), NOW).terms["l1"]
    assert term.item() == pytest.approx(0.5 * module.weight.abs().sum().item())


class TwoHeads(Classifier):
    """Two heads on the values themselves; the second counts 0.3."""

    auxiliary_weight = 0.3

    def __init__(self) -> None:
        super().__init__()
        self.head, self.other = nn.Linear(F, K).double(), nn.Linear(F, K).double()

    def features(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW

    def heads(self, x_BCHW: Tensor) -> tuple[Tensor, ...]:
        return self(x_BCHW), self.other(x_BCHW)


def test_further_heads_learn_the_same_with_their_weight() -> None:
    module, dealt = TwoHeads(), batch(0, 1, 2)
    terms = Classification(module).turn("model", dealt, NOW).terms
    other = Classification(module.other).turn("model", dealt, NOW).terms["loss"]
    torch.testing.assert_close(terms["auxiliary"], 0.3 * other)
