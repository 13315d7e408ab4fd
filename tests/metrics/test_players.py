"""What is measured with the discriminator: overfitting and the signal, without moving anything."""

import numpy as np
import pytest
import torch
from torch import nn

from engine.small_games import gan_game, gan_recipe
from sparring.engine.game import Game, play_round
from sparring.losses.base import DISCRIMINATOR, GENERATOR
from sparring.metrics.base import Pictures
from sparring.metrics.players import PlayersWatch


def pictures(value: int, count: int = 12) -> Pictures:
    return np.full((count, 8, 8, 1), value, np.uint8)


def watch(train: Pictures, held: Pictures, *, classes: int = 0) -> PlayersWatch:
    labels = np.arange(len(train)) % classes if classes else None
    shares = [1 / classes] * classes if classes else None
    return PlayersWatch(train, held, train_labels=labels, held_labels=labels, shares=shares, seed=0)


def module(game: Game, name: str) -> nn.Module:
    return next(player.module for player in game.players if player.name == name)


@pytest.mark.parametrize("recipe", ["gan", "dcgan"])
@pytest.mark.parametrize("classes", [0, 3])
def test_looking_changes_nothing(recipe: str, classes: int) -> None:
    game = gan_game(gan_recipe(recipe, classes=classes), classes=classes)
    play_round(game)
    before = {f"{p.name}.{name}": value.clone() for p in game.players for name, value in p.module.state_dict().items()}
    modes = [(part.training, [p.requires_grad for p in part.parameters()]) for part in modules(game)]
    first = watch(pictures(200), pictures(100), classes=classes).observe(game)
    again = watch(pictures(200), pictures(100), classes=classes).observe(game)
    after = {f"{p.name}.{name}": value for p in game.players for name, value in p.module.state_dict().items()}
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert modes == [(part.training, [p.requires_grad for p in part.parameters()]) for part in modules(game)]
    assert first == again, "a pure function of the game"
    assert first.values["signal"] > 0


def modules(game: Game) -> list[nn.Module]:
    return [module(game, name) for name in (DISCRIMINATOR, GENERATOR)]


def test_a_discriminator_that_knows_its_training_pictures_overfits(monkeypatch: pytest.MonkeyPatch) -> None:
    game = gan_game(gan_recipe("gan"))
    discriminator = module(game, DISCRIMINATOR)
    monkeypatch.setattr(
        type(discriminator),
        "forward",
        lambda self, x_BCHW, label=None, source_BCHW=None: x_BCHW.flatten(1).mean(1),
        raising=True,
    )
    alike = watch(pictures(250), pictures(250)).observe(game)
    apart = watch(pictures(250), pictures(130)).observe(game)
    assert alike.values["overfit"] == pytest.approx(0, abs=1e-6)
    assert apart.values["overfit"] == pytest.approx(1, abs=0.15), "held-out reals are scored like fakes, which are grey"


def test_three_histograms_share_one_axis() -> None:
    observed = watch(pictures(200), pictures(100)).observe(gan_game(gan_recipe("gan")))
    (event,) = observed.events
    assert event.kind == "logits"
    edges = event.values["edges"]
    for name in ("train", "held_out", "fake"):
        assert len(event.values[name]) == len(edges) - 1
        assert sum(event.values[name]) == pytest.approx(1)
