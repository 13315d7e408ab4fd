"""From a recipe and the data's spec to a game that can be played."""

from collections.abc import Mapping

from sparring.data import Part
from sparring.data.spec import OpenedSpec
from sparring.engine.game import Game
from sparring.engine.precision import Precision
from sparring.job.compiled import compile_passes
from sparring.job.tasks import TASKS
from sparring.nn import ranks
from sparring.recipe import Recipe


def build_game(recipe: Recipe, spec: OpenedSpec, parts: Mapping[str, Part], precision: Precision) -> Game:
    """Players, objective and deal, before the first round.

    Args:
        parts: "train" and, for what is measured on examples that nobody learns from, "validation".

    Raises:
        UsageError: parts of the recipe that don't go together, or that these data have nothing for.
    """
    game = TASKS[recipe.task].build(recipe, spec, parts, precision)
    for player in game.players:
        # A process alone has nobody to share with; so has the one that looks while the others wait.
        if recipe.players[player.name].sharded and ranks.world().ranks > 1:
            player.share_out()
        if recipe.players[player.name].compiled:
            compile_passes(player)
    return game
