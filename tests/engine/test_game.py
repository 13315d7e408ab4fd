"""The round and the step: who moves, by how much, and when nobody does."""

import copy
from typing import Any

import pytest
import torch
from small_games import Regression, Rows, adam, gan_game, gan_recipe, one_player, table_game
from torch import Tensor, nn

from sparring.engine.ema import EMA
from sparring.engine.game import Player, play_round, ranked_right, split
from sparring.engine.schedule import Schedule
from sparring.losses.base import Batch, Moment, Turn


def player(*, gradient: float = 1.0, **rules: Any) -> Player:
    """A player with two weights and the gradient already there."""
    torch.manual_seed(0)
    module = nn.Linear(2, 1, bias=False)
    made = Player(name="p", module=module, optimizer=adam(module), ema=EMA(module, half_life=100.0), **rules)
    module.weight.grad = torch.full((1, 2), gradient)
    return made


def everything(of: Player) -> list[Tensor]:
    """Weights, average and moments, copied."""
    assert of.ema is not None
    moments = [value for state in of.optimizer.state.values() for value in state.values()]
    return [t.detach().clone() for t in [*of.module.parameters(), *of.ema.module.parameters(), *moments]]


# -- the step ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_gradient_that_is_not_finite_moves_nothing_and_is_counted(bad: float) -> None:
    mine = player()
    mine.step(examples=100, batch=10)
    before = everything(mine)
    mine.module.weight.grad = torch.tensor([[1.0, bad]])
    norm = mine.step(examples=110, batch=10)
    assert not torch.isfinite(norm)
    assert mine.skipped.item() == 1
    assert all(torch.equal(a, b) for a, b in zip(before, everything(mine), strict=True))
    assert mine.steps == 2, "deals are counted, so that the next batch is another one"
    mine.module.weight.grad = torch.ones(1, 2)
    mine.step(examples=120, batch=10)
    assert mine.skipped.item() == 1
    assert all(not torch.equal(a, b) for a, b in zip(before, everything(mine), strict=True))


def test_a_step_that_was_left_out_leaves_no_trace_in_later_ones() -> None:
    """With one bad gradient in between, Adam goes on as if it had never been."""
    clean, hit = player(), player()
    for gradients, mine in (([1.0, 2.0], clean), ([1.0, float("nan"), 2.0], hit)):
        for gradient in gradients:
            mine.module.weight.grad = torch.full((1, 2), gradient)
            mine.step(examples=1000, batch=10)
    assert all(torch.equal(a, b) for a, b in zip(everything(clean), everything(hit), strict=True))


def test_the_first_step_may_be_the_bad_one() -> None:
    mine = player(gradient=float("nan"))
    before = [p.clone() for p in mine.module.parameters()]
    mine.step(examples=0, batch=10)
    assert all(torch.equal(a, b) for a, b in zip(before, mine.module.parameters(), strict=True))


def test_the_step_is_adams() -> None:
    mine = player()
    other = copy.deepcopy(mine.module)
    plain = torch.optim.Adam(other.parameters(), lr=1e-2, fused=False)
    for gradient in (1.0, -3.0, 0.5):
        mine.module.weight.grad = torch.tensor([[gradient, 2 * gradient]])
        other.weight.grad = mine.module.weight.grad.clone()
        norm = mine.step(examples=0, batch=10)
        plain.step()
        assert norm.item() == pytest.approx(abs(gradient) * 5**0.5)
    torch.testing.assert_close(mine.module.weight, other.weight)


@pytest.mark.parametrize(
    ("gradient", "expected"), [((3.0, 4.0), (0.6, 0.8)), ((0.3, 0.4), (0.3, 0.4)), ((0.0, 0.0), (0.0, 0.0))]
)
def test_clipping_scales_a_long_gradient_and_leaves_a_short_one(
    gradient: tuple[float, float], expected: tuple[float, float]
) -> None:
    mine = player(clip=1.0)
    mine.module.weight.grad = torch.tensor([gradient])
    norm = mine.step(examples=0, batch=10)
    assert norm.item() == pytest.approx(sum(g * g for g in gradient) ** 0.5), "the norm that is told is that before"
    assert mine.module.weight.grad.flatten().tolist() == pytest.approx(expected)


def test_the_rate_follows_the_schedule_from_the_rate_it_began_with() -> None:
    mine = player(schedule=Schedule(shape="linear", end=1000))
    for examples, rate in ((0, 1e-2), (500, 5e-3), (750, 2.5e-3), (250, 7.5e-3)):
        mine.step(examples=examples, batch=10)
        assert mine.optimizer.param_groups[0]["lr"] == pytest.approx(rate)


# -- the round -----------------------------------------------------------------------------------------------------


class Watching(Regression):
    """Two players that look at each other's weights; notes each turn."""

    def __init__(self, models: dict[str, nn.Module]) -> None:
        super().__init__(nn.Linear(1, 1))
        self.models = models
        self.turns: list[tuple[str, Moment]] = []
        self.frozen: list[bool] = []

    def turn(self, player: str, batch: Batch, moment: Moment) -> Turn:
        self.turns.append((player, moment))
        others = [p for name, model in self.models.items() if name != player for p in model.parameters()]
        self.frozen.append(not any(p.requires_grad for p in others))
        both: Tensor = sum(model(batch["x"]).flatten() for model in self.models.values())  # type: ignore[assignment]
        return Turn({"together": both.square()})


def two_players(**rules: Any) -> tuple[Any, Watching]:
    torch.manual_seed(0)
    models: dict[str, nn.Module] = {name: nn.Linear(3, 1) for name in ("first", "second")}
    watching = Watching(models)
    game = one_player(models["first"], watching, Rows(batch=4, x=torch.randn(12, 3)), batch=4)
    game.players = [
        Player(name=name, module=model, optimizer=adam(model), updates=rules.get(name, 1))
        for name, model in models.items()
    ]
    game.counted = "first"
    return game, watching


def test_order_and_number_of_moves_are_data() -> None:
    game, watching = two_players(first=3)
    scalars = [play_round(game) for _ in range(2)]
    expected = [("first", 0, False), ("first", 1, False), ("first", 2, True), ("second", 0, True)] * 2
    assert [(name, moment.update, moment.last) for name, moment in watching.turns] == expected
    assert [moment.round for _, moment in watching.turns] == [0] * 4 + [1] * 4
    assert [moment.count for name, moment in watching.turns if name == "first"] == list(range(6))
    assert watching.after == [name for name, _, _ in expected]
    assert (game.round, game.images, game.kimg) == (2, 24, 0.024)
    assert set(scalars[0]) == {"first_together", "second_together", "first_grad_norm", "second_grad_norm"}


def test_the_others_are_frozen_in_a_players_turn() -> None:
    game, watching = two_players()
    first, second = watching.models["first"], watching.models["second"]
    play_round(game)
    assert watching.frozen == [True, True]
    assert all(p.grad is not None for p in second.parameters())
    for p in [*first.parameters(), *second.parameters()]:
        p.grad = None
    game.players = game.players[:1]
    before = [p.detach().clone() for p in second.parameters()]
    second.requires_grad_(False)
    play_round(game)
    assert all(p.grad is None for p in second.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, second.parameters(), strict=True))


@pytest.mark.parametrize("recipe", ["gan", "dcgan"])
def test_in_a_gan_each_step_moves_one_player(recipe: str) -> None:
    game = gan_game(gan_recipe(recipe))
    discriminator, generator = game.players
    moved: list[tuple[bool, bool]] = []
    plain = Player.step

    def step(self: Player, **counts: int) -> Tensor:
        before = [[p.detach().clone() for p in player.parameters] for player in game.players]
        norm = plain(self, **counts)
        after = [player.parameters for player in game.players]
        changed = [not all(map(torch.equal, a, b)) for a, b in zip(before, after, strict=True)]
        moved.append((changed[0], changed[1]))
        return norm

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Player, "step", step)
        play_round(game)
    assert moved == [(True, False), (False, True)]
    assert not any(p.requires_grad for p in discriminator.parameters)
    assert all(p.requires_grad for p in generator.parameters)


def test_parts_of_a_batch_add_up_to_the_batch() -> None:
    """In float64, four parts give the weights and the loss that one batch gives."""
    whole, parts = table_game(dtype=torch.float64), table_game(dtype=torch.float64, accumulate=4)
    for _ in range(10):
        one, four = play_round(whole), play_round(parts)
    assert one.keys() == four.keys()
    for name, value in one.items():
        torch.testing.assert_close(four[name], value, rtol=1e-10, atol=1e-12)
    for a, b in zip(whole.players[0].parameters, parts.players[0].parameters, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def test_a_batch_is_cut_whatever_the_sizes_of_its_tensors() -> None:
    batch = {"x": torch.arange(12).reshape(6, 2), "unlabelled": torch.arange(30)}
    parts = split(batch, 3)
    assert [len(part["x"]) for part in parts] == [2, 2, 2]
    assert [len(part["unlabelled"]) for part in parts] == [10, 10, 10]
    for name, tensor in batch.items():
        assert torch.equal(torch.cat([part[name] for part in parts]), tensor)
    assert split(batch, 1) == [batch]
    assert split({}, 2) == [{}, {}]


def test_a_batch_that_cannot_be_cut_evenly_is_refused() -> None:
    with pytest.raises(ValueError, match=r"accumulate=4 does not divide the 10 examples of 'y'"):
        split({"x": torch.zeros(8), "y": torch.zeros(10)}, 4)


def test_noise_inside_modules_depends_on_seed_and_round_alone() -> None:
    def outcome(*, disturbed: bool, seed: int = 0) -> Tensor:
        torch.manual_seed(0)
        module = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1))
        x_NF = torch.randn(12, 3)
        game = one_player(module, Regression(module), Rows(batch=4, x=x_NF, target=x_NF.sum(1)), batch=4)
        game.seed = seed
        for _ in range(3):
            if disturbed:
                torch.rand(5)
            play_round(game)
        return next(module.parameters()).detach()

    assert torch.equal(outcome(disturbed=False), outcome(disturbed=True))
    assert not torch.equal(outcome(disturbed=False), outcome(disturbed=False, seed=1))


# -- what is measured ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("real", "fake", "share"),
    [
        ([1.0, 2.0], [-1.0, 0.0], 1.0),
        ([-1.0, 0.0], [1.0, 2.0], 0.0),
        ([1.0, 1.0], [1.0, 1.0], 0.5),
        ([0.0, 2.0], [1.0, 1.0], 0.5),
        ([0.0, 2.0, 3.0], [1.0, -1.0], 5 / 6),
    ],
)
def test_accuracy_is_the_share_of_pairs_ranked_right(real: list[float], fake: list[float], share: float) -> None:
    stats = {"real_logit_B": torch.tensor(real), "fake_logit_B": torch.tensor(fake)}
    assert ranked_right(stats).item() == pytest.approx(share)


def test_scalars_are_the_means_of_the_terms() -> None:
    game = table_game()
    batch = game.deal("model", 0)
    expected = (game.players[0].module(batch["x"]).flatten() - batch["target"]).square().mean().item()
    assert play_round(game)["model_squared"].item() == pytest.approx(expected)
