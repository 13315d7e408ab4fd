"""Stopped and resumed is the same, bit for bit, as never stopped: for every recipe and for one-player games."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from small_games import gan_game, gan_recipe, table_game, token_game

from sparring.engine.game import Game, play_round
from sparring.engine.state import all_finite, capture, restore

ROUNDS = 7
Make = Callable[[], Game]


def gan(name: str, *settings: str, classes: int = 0, precision: Any = "fp32") -> Make:
    return lambda: gan_game(gan_recipe(name, *settings, classes=classes), classes=classes, precision=precision)


GAMES: dict[str, Make] = {
    "gan": gan("gan"),
    "gan-classes": gan("gan", classes=3),
    "gan-bf16": gan("gan", classes=3, precision="bf16"),
    "gan-fp64": gan("gan", precision="fp64"),
    "gan-scheduled": gan("gan", "generator.fall=cosine", "discriminator.warmup_kimg=0.02", "generator.clip=1"),
    "gan-uneven": gan("gan", "discriminator.updates=2", "r1.every=3"),
    "gan-own-fakes": gan("gan", "objective.shared_fakes=false", "generator.updates=2", "generator.accumulate=2"),
    "gan-parts": gan("gan", "generator.accumulate=2", "discriminator.accumulate=2"),
    "dcgan": gan("dcgan"),
    "dcgan-classes": gan("dcgan", classes=3),
    "dcgan-bf16": gan("dcgan", precision="bf16"),
    "dcgan-no-average": gan("dcgan", "generator.ema_kimg=none"),
    "gan-remembering": gan(
        "gan",
        "penalties=lecam,historical-averaging",
        "lecam.every=2",
        "augment=adaptive",
        "augment.kimg=0.1",
        "augment.every=2",
    ),
    "dcgan-virtual": gan("dcgan", "generator.norm=virtual", "discriminator.norm=virtual", classes=3, precision="bf16"),
    "dcgan-minibatch": gan("dcgan", "generator.norm=virtual", "discriminator.minibatch=true"),
    "gan2014": gan("gan2014", classes=3),
    "cgan": gan("cgan", classes=3),
    "table": table_game,
    "tokens": token_game,
}


def written(game: Game) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The state as files would hold it."""
    tensors, counters = capture(game)
    return {stem: save({n: t.contiguous() for n, t in named.items()}) for stem, named in tensors.items()}, counters


def resumed(make: Make, files: dict[str, bytes], counters: dict[str, Any]) -> Game:
    """A fresh game that takes up the state; the process's random state is another one by then."""
    torch.manual_seed(12345)
    game = make()
    restore(game, {stem: load(data) for stem, data in files.items()}, counters)
    return game


def played(game: Game, rounds: int) -> list[dict[str, float]]:
    return [{name: value.item() for name, value in play_round(game).items()} for _ in range(rounds)]


@pytest.mark.parametrize("name", GAMES)
def test_going_on_is_the_same_as_never_having_stopped(name: str) -> None:
    make = GAMES[name]
    straight = make()
    scalars = played(straight, ROUNDS)
    expected = written(straight)
    for cut in (0, 1, 5):
        before = make()
        assert played(before, cut) == scalars[:cut]
        game = resumed(make, *written(before))
        assert played(game, ROUNDS - cut) == scalars[cut:]
        assert written(game) == expected


@pytest.mark.parametrize("name", ["gan", "gan-remembering"])
def test_it_makes_a_difference_that_the_state_is_taken_up(name: str) -> None:
    """Without the moments, the average or what penalties remember the end is another one: the test above could fail."""
    make = GAMES[name]
    straight = make()
    played(straight, ROUNDS)
    for missing in ("generator_optimizer", "generator_ema", "discriminator" if name == "gan" else "objective"):
        first = make()
        played(first, 4)
        files, counters = written(first)
        fresh = written(make())[0]
        files[missing] = fresh.get(missing, save({}))
        game = resumed(make, files, counters)
        played(game, ROUNDS - 4)
        assert written(game) != written(straight)


def test_all_of_a_game_is_captured() -> None:
    game = GAMES["gan-classes"]()
    played(game, 2)
    tensors, counters = capture(game)
    assert set(tensors) == {
        f"{player}{part}" for player in ("generator", "discriminator") for part in ("", "_optimizer", "_counters")
    } | {"generator_ema"}
    assert counters == {"round": 2, "images": 16, "steps": {"discriminator": 2, "generator": 2}}
    for player in game.players:
        moments = {key.rpartition(".")[2] for key in tensors[f"{player.name}_optimizer"]}
        assert moments == {"step", "exp_avg", "exp_avg_sq"}
        named = {key.rpartition(".")[0] for key in tensors[f"{player.name}_optimizer"]}
        assert named == {name for name, _ in player.module.named_parameters()}
    assert set(capture(token_game())[0]) >= {"objective"}, "the objective's memory as well"


def test_weights_of_another_shape_are_refused() -> None:
    small, large = GAMES["gan"](), gan("gan", "generator.width=6")()
    tensors, counters = capture(small)
    with pytest.raises(RuntimeError, match="size mismatch"):
        restore(large, tensors, counters)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_seen_anywhere(value: float) -> None:
    game = GAMES["dcgan"]()
    played(game, 1)
    tensors, _ = capture(game)
    assert all_finite(tensors)
    for stem, named in tensors.items():
        for name, tensor in named.items():
            if tensor.is_floating_point():
                broken = tensor.detach().clone()
                broken[(0,) * broken.ndim] = value
                assert not all_finite({**tensors, stem: {**named, name: broken}})
                break
