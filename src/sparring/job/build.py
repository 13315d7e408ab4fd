"""From a recipe and the data's spec to a game that can be played."""

from collections.abc import Callable, Mapping

from sparring.data import Part
from sparring.data.spec import OpenedSpec
from sparring.engine.game import Game
from sparring.engine.precision import Precision
from sparring.job.classify import build_classification
from sparring.job.generate import build_adversarial
from sparring.recipe import Recipe, Task

Builder = Callable[[Recipe, OpenedSpec, Mapping[str, Part], Precision], Game]

_BUILDERS: Mapping[Task, Builder] = {"generate": build_adversarial, "classify": build_classification}


def build_game(recipe: Recipe, spec: OpenedSpec, parts: Mapping[str, Part], precision: Precision) -> Game:
    """Players, objective and deal, before the first round.

    Args:
        parts: "train" and, for what is measured on examples that nobody learns from, "validation".

    Raises:
        UsageError: parts of the recipe that don't go together, or that these data have nothing for.
    """
    return _BUILDERS[recipe.task](recipe, spec, parts, precision)
