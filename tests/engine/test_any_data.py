"""The engine trains whatever a deal and an objective give it: tables and tokens with one player, unchanged."""

import ast
from pathlib import Path

import torch
from small_games import table_game, token_game

import sparring.engine
from sparring.engine.game import play_round
from sparring.engine.train import Window, train

LOOP = ("game", "train", "ema", "schedule", "state")


class Losses:
    """A watcher that keeps the means."""

    ended = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: list[float] = []

    def look(self, game: object, window: Window, *, done: bool) -> None:
        self.seen.append(window.means()[self.name])
        window.clear()


def test_a_table_is_regressed() -> None:
    game, watcher = table_game(), Losses("model_squared")
    assert train(game, Window(), watcher, until=12_800, log_every=1280, stop=lambda: False)
    assert game.images == 12_800
    assert watcher.seen[-1] < 0.01 * watcher.seen[0]
    batch = game.deal("model", 0)
    average = game.players[0].ema
    assert average is not None
    error_B = average.module(batch["x"]).flatten() - batch["target"]
    assert error_B.square().mean() < 0.05, "the average has learned it as well"


def test_tokens_are_continued() -> None:
    game, watcher = token_game(), Losses("model_cross_entropy")
    assert train(game, Window(), watcher, until=4800, log_every=160, stop=lambda: False)
    assert watcher.seen[-1] < 0.2 < 1.2 < watcher.seen[0]
    module = game.players[0].module.eval()
    tokens_BL = game.deal("model", 0)["x"]
    right = module(tokens_BL[:, :-1]).argmax(-1) == tokens_BL[:, 1:]
    assert right.float().mean() > 0.98


def test_integers_pass_through_a_batch_untouched() -> None:
    game = token_game(accumulate=2)
    assert game.deal("model", 0)["x"].dtype == torch.int64
    assert torch.isfinite(play_round(game)["model_cross_entropy"])


def test_the_loop_knows_no_pictures_and_no_gans() -> None:
    """What decides about turns, steps and records must not need a rewrite for other data."""
    folder = Path(sparring.engine.__file__).parent
    for name in LOOP:
        tree = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {
            m for m in imported if m and m.startswith(("sparring.models", "sparring.data", "sparring.losses.gan"))
        }
        words = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {
            node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
        }
        assert not {word for word in words if "BCHW" in word or word in ("pictures", "generator_", "discriminator")}, (
            name
        )
