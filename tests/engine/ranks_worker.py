"""One of two processes that play the same games together and, afterwards, by itself; prints how far apart they are.

It is started by `test_ranks.py`, with `RANK`, `WORLD_SIZE` and an address in the environment as `torchrun` sets them.
"""

import json
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from engine.small_games import CPU, gan_game, gan_recipe
from sparring.data import Part
from sparring.data.spec import ImageSpec
from sparring.engine.distributed import asked, joined
from sparring.engine.game import Game, play_round
from sparring.engine.precision import Precision
from sparring.job.build import build_game
from sparring.nn import ranks
from sparring.recipe import DataChoice, Facts, Recipe, choices, with_choice, with_setting
from sparring.job.parts import known_names, known_settings
from sparring.recipes.base import recipes

ROUNDS = 20
SIDE = 8


def gan(name: str, *settings: str, classes: int = 0, side: int = SIDE) -> Callable[[], Game]:
    return lambda: gan_game(gan_recipe(name, *settings, classes=classes, side=side), classes=classes, precision="fp64", side=side)


def pairs() -> Game:
    """pix2pix without dropout."""
    draw = np.random.default_rng(0)
    x, source = draw.integers(0, 256, (2, 40, 16, 16, 1), np.uint8)
    facts = Facts(channels=1, height=16, width=16, classes=0, examples=40, labelled=0, device="cpu")
    spec = ImageSpec(channels=1, height=16, width=16, source_channels=1)
    recipe = recipes.build("pix2pix", DataChoice(source="random"), facts)
    game = build_game(small(recipe, batch=4), spec, {"train": Part(x=x, y=None, source=source)}, Precision("fp64", CPU))
    for player in game.players:
        for part in player.module.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
    return game


def small(recipe: Recipe, *settings: str, batch: int) -> Recipe:
    import dataclasses

    recipe = dataclasses.replace(recipe, batch=batch, kimg=1.0)
    widths = [f"{name}.width=4" for name in recipe.players if "width" in known_settings(recipe)[name]]
    for setting in (*widths, *settings):
        path, _, text = setting.partition("=")
        if path in choices(recipe):
            recipe = with_choice(recipe, path, text, known_names(recipe))
        else:
            recipe = with_setting(recipe, path, text, known_settings(recipe))
    return recipe


def classifier(name: str, *settings: str, side: int = SIDE) -> Callable[[], Game]:
    def build() -> Game:
        draw = np.random.default_rng(0)
        x, y = draw.integers(0, 256, (40, side, side, 1), np.uint8), draw.integers(0, 3, 40)
        facts = Facts(channels=1, height=side, width=side, classes=3, examples=40, labelled=40, device="cpu")
        spec = ImageSpec(channels=1, height=side, width=side, classes=("a", "b", "c"))
        recipe = small(recipes.build(name, DataChoice(source="random"), facts), *settings, batch=8)
        return build_game(recipe, spec, {"train": Part(x=x, y=y)}, Precision("fp64", CPU))

    return build


IMPROVED = "improved-gan"
CASES: dict[str, Callable[[], Game]] = {
    "gan": gan("gan", classes=3),
    "gan-parts": gan("gan", "discriminator.accumulate=2", "generator.accumulate=2"),
    "gan-adaptive": gan("gan", "augment=adaptive", "augment.noise=true", "augment.kimg=0.2"),
    "gan-diffaugment": gan("gan", "augment=diffaugment", "penalties=lecam,consistency"),
    "dcgan": gan("dcgan", classes=3, side=16),
    "dcgan-parts": gan("dcgan", "discriminator.accumulate=2", "generator.accumulate=2", side=16),
    "lsgan": gan("lsgan"),
    "wgan": gan("wgan"),
    "wgan-gp": gan("wgan-gp"),
    "sngan": gan("sngan"),
    "sngan-resnet": gan("sngan", "discriminator.model=resnet", "generator.model=resnet", classes=3),
    "r3gan": gan("r3gan"),
    "acgan": gan("acgan", classes=3),
    "projection": gan("projection", classes=3),
    "cgan": gan("cgan", "discriminator.dropout=0", classes=3),
    "gan2014": gan("gan2014", "discriminator.dropout=0"),
    IMPROVED: gan(IMPROVED, classes=3, side=16),
    "improved-r1": gan(IMPROVED, "penalties=r1,feature-matching", "discriminator.norm=virtual", side=16),
    "dcgan-r1": gan("dcgan", "penalties=r1", "objective.allow_batch_norm=true", side=16),
    "ssgan": gan("ssgan", "discriminator.input_noise=0", "discriminator.hidden_noise=0", "entropy.weight=0.1" if False else "penalties=supervised,feature-matching,entropy", classes=3),
    "pix2pix": pairs,
    "resnet20": classifier("resnet20", "augment.mixup=0.2", "augment.cutout=2", "augment.flip=true", "classifier.accumulate=2"),
    "mlp": classifier("mlp", "classifier.dropout=0", "classifier.batch_norm=true", "objective.balance=weights"),
    "lenet5": classifier("lenet5", "objective.balance=sampling", side=32),
}


def gradients(game: Game) -> dict[str, Tensor]:
    return {
        player.name: torch.cat([p.grad.flatten() for p in player.parameters if p.grad is not None])
        for player in game.players
    }


def weights(game: Game) -> dict[str, Tensor]:
    found = {}
    for player in game.players:
        modules = [player.module] if player.ema is None else [player.module, player.ema.module]
        values = [v.double().flatten() for module in modules for v in module.state_dict().values()]
        found[player.name] = torch.cat(values)
    return found


def played(build: Callable[[], Game]) -> tuple[dict[str, Tensor], dict[str, Tensor], list[dict[str, Tensor]]]:
    torch.manual_seed(1)
    game = build()
    rows = [play_round(game)]
    first = {name: value.clone() for name, value in gradients(game).items()}
    rows += [play_round(game) for _ in range(ROUNDS - 1)]
    return first, weights(game), rows


def apart_by(build: Callable[[], Game]) -> dict[str, float]:
    """The largest differences between two processes and one: of gradients, weights and the means of what is logged."""
    first, after, rows = played(build)
    averaged = [{name: ranks.mean(value) for name, value in row.items()} for row in rows]
    with ranks.apart():
        expected_first, expected, expected_rows = played(build)
    steps = {name: (first[name] - expected_first[name]).abs().max() / expected_first[name].abs().max() for name in first}
    moved = {name: (after[name] - expected[name]).abs().max() for name in after}
    logged = [
        abs(row[name].item() - other[name].item()) / max(1.0, abs(other[name].item()))
        for row, other in zip(averaged, expected_rows, strict=True)
        for name in other
    ]
    return {
        "gradient": max(step.item() for step in steps.values()),
        "weight": max(move.item() for move in moved.values()),
        "logged": max(logged),
    }


def main(names: Sequence[str]) -> None:
    others = asked()
    assert others is not None
    with joined(others):
        found = {name: apart_by(CASES[name]) for name in names or CASES}
    print(json.dumps(found))


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
