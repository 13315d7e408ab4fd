"""The classifier's turn: cross-entropy by hand, unlabelled examples left out, and a game that learns by it."""

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
from sparring.losses.supervised import CrossEntropy

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
