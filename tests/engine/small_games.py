"""Games small enough to play in a test: GANs from their recipes, and one-player games on data that are no pictures."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sparring.data import Part
from sparring.data.spec import ImageSpec
from sparring.engine.deal import Order, generator
from sparring.engine.ema import EMA
from sparring.engine.game import Game, Player
from sparring.engine.precision import Precision, PrecisionName
from sparring.job.build import build_game
from sparring.job.parts import known_names, known_settings
from sparring.losses.base import Batch, Moment, Turn
from sparring.recipe import DataChoice, Facts, Recipe, choices, with_choice, with_setting
from sparring.recipes.base import recipes

CPU = torch.device("cpu")


def gan_recipe(name: str, *settings: str, classes: int = 0, batch: int = 8, side: int = 8) -> Recipe:
    """A recipe with thin networks for grey pictures; `settings` as for `--set`."""
    facts = Facts(channels=1, height=side, width=side, classes=classes, examples=40, labelled=20, device="cpu")
    recipe = recipes.build(name, DataChoice(source="random"), facts)
    recipe = dataclasses.replace(recipe, batch=batch, kimg=1.0)
    for setting in ("generator.width=4", "discriminator.width=4", *settings):
        path, _, text = setting.partition("=")
        if path in choices(recipe):
            recipe = with_choice(recipe, path, text, known_names(recipe))
        else:
            recipe = with_setting(recipe, path, text, known_settings(recipe))
    return recipe


def gan_game(recipe: Recipe, *, classes: int = 0, precision: PrecisionName = "fp32", side: int = 8) -> Game:
    """A game of 40 random pictures; with classes about a quarter of them without a label."""
    draw = np.random.default_rng(0)
    pictures = draw.integers(0, 256, (40, side, side, 1), np.uint8)
    labels = draw.integers(-1, classes, 40) if classes else None
    spec = ImageSpec(channels=1, height=side, width=side, classes=tuple(map(str, range(classes))))
    part = Part(x=pictures, y=labels)
    return build_game(recipe, spec, {"train": part, "validation": part}, Precision(precision, CPU))


class Regression:
    """Least squares: `x` [B, F] to `target` [B]."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.after: list[str] = []

    def turn(self, player: str, batch: Batch, moment: Moment) -> Turn:
        error_B: Tensor = self.model(batch["x"]).flatten() - batch["target"]
        return Turn({"squared": error_B.square()}, {"error_B": error_B.detach()})

    def after_step(self, player: str) -> None:
        self.after.append(player)

    def state(self) -> dict[str, Tensor]:
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        pass


class NextToken(Regression):
    """Cross-entropy of each next token, [B * (L - 1)]; remembers how often it was asked."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model)
        self.asked = torch.zeros(())

    def turn(self, player: str, batch: Batch, moment: Moment) -> Turn:
        self.asked += 1
        tokens_BL = batch["x"]
        logit_BLV = self.model(tokens_BL[:, :-1])
        return Turn(
            {"cross_entropy": cross_entropy(logit_BLV.flatten(0, 1), tokens_BL[:, 1:].flatten(), reduction="none")}
        )

    def state(self) -> dict[str, Tensor]:
        return {"asked": self.asked}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        self.asked = state["asked"].clone()


class Reader(nn.Module):
    """A small recurrent model of tokens, with dropout: its noise must resume as well."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 16)
        self.memory = nn.GRU(16, 16, batch_first=True)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(16, vocabulary)

    def forward(self, tokens_BL: Tensor) -> Tensor:
        logits: Tensor = self.head(self.dropout(self.memory(self.embedding(tokens_BL))[0]))
        return logits


class Rows:
    """Rows of named arrays in a shuffled order: what a reader of tables or tokens deals."""

    def __init__(self, *, batch: int, **arrays: Tensor) -> None:
        self.arrays = arrays
        self.order = Order(len(next(iter(arrays.values()))), batch=batch, seed=0, stream="rows")

    def __call__(self, player: str, counter: int) -> Batch:
        chosen = torch.from_numpy(self.order(counter))
        return {name: array[chosen] for name, array in self.arrays.items()}


def adam(module: nn.Module, lr: float = 1e-2) -> torch.optim.Adam:
    return torch.optim.Adam(module.parameters(), lr=lr, fused=True)


def one_player(
    module: nn.Module, objective: Any, deal: Any, *, batch: int = 16, precision: PrecisionName = "fp32", **rules: Any
) -> Game:
    player = Player(name="model", module=module, optimizer=adam(module), ema=EMA(module, half_life=200.0), **rules)
    return Game(
        players=[player],
        objective=objective,
        deal=deal,
        precision=Precision(precision, CPU),
        batch=batch,
        counted="model",
    )


def table_game(*, dtype: torch.dtype = torch.float32, batch: int = 16, **rules: Any) -> Game:
    """target = x . (1, -2, 0.5) + 0.3, learned by a small network."""
    draw = generator(0, "table")
    x_NF = torch.randn(200, 3, generator=draw).to(dtype)
    target_N = x_NF @ torch.tensor([1.0, -2.0, 0.5], dtype=dtype) + 0.3
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1)).to(dtype)
    name: PrecisionName = "fp64" if dtype == torch.float64 else "fp32"
    deal = Rows(batch=batch, x=x_NF, target=target_N)
    return one_player(module, Regression(module), deal, batch=batch, precision=name, **rules)


def token_game(**rules: Any) -> Game:
    """Rows that count upwards modulo 7: the next token follows from the last one."""
    starts_N = torch.randint(0, 7, (120, 1), generator=generator(0, "tokens"))
    x_NL = (starts_N + torch.arange(9)) % 7
    torch.manual_seed(0)
    module = Reader(7)
    return one_player(module, NextToken(module), Rows(batch=16, x=x_NL), **rules)
