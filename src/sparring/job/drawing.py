"""Who draws a game while it is played, by what its examples are."""

from typing import Protocol

from sparring.data import Data, TableSpec
from sparring.engine.game import Game
from sparring.job.frames import PlaneFrames
from sparring.job.generate import takes_labels, translates
from sparring.job.mistakes import Mistakes
from sparring.job.records import FixedPictures
from sparring.job.regions import RegionFrames, in_a_plane
from sparring.recipe import Recipe
from sparring.runfolder import RunFolder


class Drawer(Protocol):
    """Draws how far the players are, and the reals beside which that is seen.

    Attributes:
        every_row: whether it is quick enough to draw at every row of the table, not at milestones alone.
    """

    every_row: bool

    def __call__(self, game: Game) -> None:
        """Draw now, and save it under the present count."""
        ...

    def reals(self, data: Data) -> None:
        """Save the same of training examples, as real.png."""
        ...


def drawer_for(folder: RunFolder | None, data: Data, recipe: Recipe) -> Drawer:
    """Grids of samples or of mistakes, or frames of a plane; without a folder nothing is saved."""
    if recipe.task == "classify":
        return (RegionFrames if in_a_plane(data.spec) else Mistakes)(folder, data, recipe)
    if isinstance(data.spec, TableSpec):
        return PlaneFrames(folder, data, recipe)
    return FixedPictures(
        folder,
        data.spec,
        recipe,
        data.parts["validation"],
        conditional=takes_labels(recipe, data.spec),
        translates=translates(recipe, data.spec),
    )
