"""A game played in memory: no folder, no judge, nothing written; for the networks of a comparison."""

from collections.abc import Callable, Mapping

import torch
from torch import nn

from sparring.data import Part
from sparring.data.spec import OpenedSpec
from sparring.engine.allocator import reused_memory
from sparring.engine.game import Game
from sparring.engine.precision import Precision
from sparring.engine.threads import threads_for
from sparring.engine.train import Window, train
from sparring.job.build import build_game
from sparring.recipe import Recipe

LOOKS = 50


class Progressing:
    """Tells the share of a game that is played; part of the loop."""

    ended = False

    def __init__(self, tell: Callable[[float], None], until: int) -> None:
        self._tell = tell
        self._until = until

    def look(self, game: Game, window: Window, *, done: bool) -> None:
        """See `Watcher.look`."""
        self._tell(min(1.0, game.images / self._until))
        window.clear()


def played(
    recipe: Recipe,
    spec: OpenedSpec,
    parts: Mapping[str, Part],
    precision: Precision,
    *,
    player: str,
    tell: Callable[[float], None] = lambda share: None,
) -> nn.Module:
    """Play a recipe to its end: a player's averaged network, or its last one where it has no average, in evaluation
    mode.

    Torch's own random numbers stay as they are.

    Args:
        parts: "train" is what it learns from.
        tell: called with the share that is played.

    Raises:
        as `build_game`.
    """
    until = round(recipe.kimg * 1000)
    with torch.random.fork_rng(), reused_memory(), threads_for(spec.places):
        game = build_game(recipe, spec, parts, precision)
        watcher = Progressing(tell, until)
        train(game, Window(), watcher, until=until, log_every=max(1, until // LOOKS), stop=lambda: False)
        return game.player(player).averaged()
