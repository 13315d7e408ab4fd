"""Who draws a game of generating while it is played, by what its examples are."""

from sparring.data import Data, TableSpec
from sparring.job.aims import Drawer
from sparring.job.frames import PlaneFrames
from sparring.job.generate import takes_labels, translates
from sparring.job.records import FixedPictures
from sparring.recipe import Recipe
from sparring.runfolder import RunFolder


def samples_drawer(folder: RunFolder | None, data: Data, recipe: Recipe) -> Drawer:
    """Grids of samples, or frames of a plane; without a folder nothing is saved."""
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
