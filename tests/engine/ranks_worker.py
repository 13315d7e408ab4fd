"""One of two processes that play the same games together and then half of them each by itself.

`test_ranks.py` starts it with `RANK`, `WORLD_SIZE` and an address in the environment, as `torchrun` sets them. Each
prints, for its half of the cases, how far apart the two ways are.
"""

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from engine.small_games import CPU, gan_game, gan_recipe
from sparring.data import Part
from sparring.data.spec import ImageSpec
from sparring.engine.distributed import asked, joined
from sparring.engine.game import Game, play_round
from sparring.engine.precision import Precision
from sparring.engine.sharding import whole
from sparring.job.build import build_game
from sparring.job.parts import known_names, known_settings
from sparring.nn import ranks
from sparring.nn.noise import GaussianNoise
from sparring.recipe import DataChoice, Facts, Recipe, choices, with_choice, with_setting
from sparring.recipes.base import recipes

ROUNDS = 20
IN_PARTS = ("discriminator.accumulate=2", "generator.accumulate=2")
QUIET = ("discriminator.input_noise=0", "discriminator.hidden_noise=0")
Build = Callable[[], Game]
Played = tuple[dict[str, Tensor], list[Tensor], list[dict[str, float]]]
"""Gradients of the first round, weights after the last, and what each logs."""


def gan(name: str, *settings: str, classes: int = 0, side: int = 8) -> Build:
    def build() -> Game:
        recipe = gan_recipe(name, *settings, classes=classes, side=side)
        return gan_game(recipe, classes=classes, precision="fp64", side=side)

    return build


def with_settings(name: str, facts: Facts, batch: int, *settings: str) -> Recipe:
    recipe = dataclasses.replace(recipes.build(name, DataChoice(source="random"), facts), batch=batch, kimg=1.0)
    widths = [f"{player}.width=4" for player in recipe.players if "width" in known_settings(recipe)[player]]
    for setting in (*widths, *settings):
        path, _, text = setting.partition("=")
        if path in choices(recipe):
            recipe = with_choice(recipe, path, text, known_names(recipe))
        else:
            recipe = with_setting(recipe, path, text, known_settings(recipe))
    return recipe


def pairs() -> Game:
    """pix2pix without dropout."""
    x, source = np.random.default_rng(0).integers(0, 256, (2, 40, 16, 16, 1), np.uint8)
    facts = Facts(channels=1, height=16, width=16, classes=0, examples=40, labelled=0, device="cpu")
    spec = ImageSpec(channels=1, height=16, width=16, source_channels=1)
    parts = {"train": Part(x=x, y=None, source=source)}
    game = build_game(with_settings("pix2pix", facts, 4), spec, parts, Precision("fp64", CPU))
    for player in game.players:
        for part in player.module.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
    return game


def classifier(name: str, *settings: str, side: int = 8, unlabelled: int = 0) -> Build:
    def build() -> Game:
        draw = np.random.default_rng(0)
        x, y = draw.integers(0, 256, (40, side, side, 1), np.uint8), draw.integers(0, 3, 40)
        y[:unlabelled] = -1
        facts = Facts(channels=1, height=side, width=side, classes=3, examples=40, labelled=40, device="cpu")
        spec = ImageSpec(channels=1, height=side, width=side, classes=("a", "b", "c"))
        recipe = with_settings(name, facts, 8, *settings)
        return build_game(recipe, spec, {"train": Part(x=x, y=y)}, Precision("fp64", CPU))

    return build


def autoencoder(name: str, *settings: str, classes: int = 0) -> Build:
    def build() -> Game:
        draw = np.random.default_rng(0)
        x = draw.integers(0, 256, (40, 16, 16, 1), np.uint8)
        y = draw.integers(-1, classes, 40) if classes else None
        labelled = 40 if classes else 0
        facts = Facts(channels=1, height=16, width=16, classes=classes, examples=40, labelled=labelled, device="cpu")
        spec = ImageSpec(channels=1, height=16, width=16, classes=("a", "b", "c")[:classes])
        recipe = with_settings(name, facts, 8, *settings)
        return build_game(recipe, spec, {"train": Part(x=x, y=y)}, Precision("fp64", CPU))

    return build


CASES: dict[str, Build] = {
    "gan": gan("gan", classes=3),
    "gan, in parts": gan("gan", *IN_PARTS),
    "gan, adaptive augmentation": gan("gan", "augment=adaptive", "augment.noise=true", "augment.kimg=0.2"),
    "gan, augmented, two penalties": gan("gan", "augment=diffaugment", "penalties=lecam,consistency"),
    "dcgan": gan("dcgan", classes=3, side=16),
    "dcgan, in parts": gan("dcgan", *IN_PARTS, side=16),
    "dcgan, batch norm differentiated twice": gan("dcgan", "penalties=r1", "objective.allow_batch_norm=true", side=16),
    "lsgan": gan("lsgan"),
    "wgan": gan("wgan"),
    "wgan-gp": gan("wgan-gp"),
    "sngan": gan("sngan"),
    "r3gan": gan("r3gan"),
    "acgan": gan("acgan", classes=3),
    "projection": gan("projection", classes=3),
    "cgan": gan("cgan", "discriminator.dropout=0", classes=3),
    "gan2014": gan("gan2014", "discriminator.dropout=0"),
    "improved-gan": gan("improved-gan", classes=3, side=16),
    "improved-gan, differentiated twice": gan(
        "improved-gan", "penalties=r1,feature-matching", "discriminator.norm=virtual", side=16
    ),
    "ssgan": gan("ssgan", *QUIET, "penalties=supervised,feature-matching,entropy", classes=3),
    "pix2pix": pairs,
    "resnet20": classifier(
        "resnet20", "augment.mixup=0.2", "augment.cutout=2", "augment.flip=true", "classifier.accumulate=2"
    ),
    "mlp": classifier("mlp", "classifier.dropout=0", "classifier.batch_norm=true", "objective.balance=weights"),
    "sparse-autoencoder": autoencoder("sparse-autoencoder", "objective.sparsity=0.1"),
    "vae": autoencoder("vae"),
    "m2": autoencoder("m2", classes=3),
    "vq-vae": autoencoder("vq-vae", "objective.revive=0.5"),
    "fixmatch": classifier("fixmatch", "objective.threshold=0.4", "objective.ratio=2", unlabelled=20),
    "sharded dcgan": gan("dcgan", "generator.sharded=true", *IN_PARTS, classes=3, side=16),
    "sharded r3gan": gan("r3gan", "generator.sharded=true", "generator.clip=0.1"),
    "sharded sngan": gan("sngan", "generator.sharded=true", "objective.shared_fakes=false", classes=3),
    "sharded resnet20": classifier("resnet20", "classifier.sharded=true", "classifier.accumulate=2"),
    "sharded vit-tiny": classifier("vit-tiny", "classifier.sharded=true", "classifier.heads=2"),
    "sharded fixmatch": classifier("fixmatch", "classifier.sharded=true", unlabelled=20),
    "lenet5": classifier("lenet5", "objective.balance=sampling", side=32, unlabelled=9),
}


def gradients(game: Game) -> dict[str, Tensor]:
    return {
        player.name: torch.cat([whole(p.grad).flatten() for p in player.parameters if p.grad is not None])
        for player in game.players
    }


def weights(game: Game) -> list[Tensor]:
    modules = [player.module for player in game.players]
    modules += [player.ema.module for player in game.players if player.ema is not None]
    return [whole(value).double() for module in modules for value in module.state_dict().values()]


def played(build: Build) -> Played:
    game = build()
    rows = [play_round(game)]
    first = {name: value.clone() for name, value in gradients(game).items()}
    rows += [play_round(game) for _ in range(ROUNDS - 1)]
    return first, weights(game), [{name: ranks.mean(value).item() for name, value in row.items()} for row in rows]


def differences(one: Played, other: Played) -> dict[str, float]:
    (first, after, rows), (other_first, other_after, other_rows) = one, other
    steps = [(first[name] - value).abs().max() / value.abs().max() for name, value in other_first.items()]
    moves = [(mine - value).abs().max() for mine, value in zip(after, other_after, strict=True)]
    logged = [abs(mine[n] - row[n]) for mine, row in zip(rows, other_rows, strict=True) for n in row]
    return {"gradient": max(steps).item(), "weight": max(moves).item(), "logged": max(logged)}


def noise_in_modules() -> list[list[float]]:
    """What noise a network adds to zeros in the first round, for the examples of either process."""
    game = gan("gan2014")()
    play_round(game)
    noisy_B = GaussianNoise(1.0).train()(torch.zeros(500, dtype=torch.float64))
    return ranks.gathered(noisy_B).view(2, -1).tolist()


def main() -> None:
    others = asked()
    assert others is not None
    with joined(*others):
        together = {name: played(build) for name, build in CASES.items()}
        noise = noise_in_modules()
    own = list(CASES)[others[0] :: others[1]]
    found = {name: differences(together[name], played(CASES[name])) for name in own}
    print(json.dumps({"differences": found, "noise": noise}))


if __name__ == "__main__":
    main()
