"""What a classifier finds hardest: held-out pictures to whose class it gives the least probability, class by class."""

import numpy as np

from sparring.data import Data, ImageSpec
from sparring.engine.game import Game
from sparring.job.records import save_sheet
from sparring.losses.classification import CLASSIFIER
from sparring.metrics.accuracy import HeldOut, logits_of, probabilities
from sparring.metrics.base import Labels
from sparring.pictures import COLUMNS, MOST_ROWS, padded, sample_name
from sparring.recipe import Recipe
from sparring.runfolder import RunFolder

MOST = 1_000


class Mistakes:
    """Saves a grid of the hardest held-out pictures, a row a class; of rows of a table nothing.

    Args:
        folder: None: the grid is made, and not saved.
    """

    every_row = False

    def __init__(self, folder: RunFolder | None, data: Data, recipe: Recipe) -> None:
        self._folder = folder
        self._recipe = recipe
        self._classes = data.spec.classes
        held = data.parts["validation"]
        flat = isinstance(data.spec, ImageSpec) and data.spec.depth is None
        labelled = flat and len(held.labelled) > 0
        self._held = HeldOut(held.x, held.y, count=MOST, seed=recipe.seed) if labelled and held.y is not None else None

    def __call__(self, game: Game) -> None:
        """Save what is hardest now, under the present count."""
        if self._held is None:
            return
        module = game.player(CLASSIFIER).averaged()
        likely = probabilities(logits_of(module, self._held.x, game.precision))
        order = np.argsort(likely[np.arange(len(self._held)), self._held.y], kind="stable")
        self._save(sample_name(game.images) if game.images else "init.png", self._held, order, kimg=game.kimg)

    def reals(self, data: Data) -> None:
        """Save training pictures of each class, as real.png."""
        train = data.parts["train"]
        if self._held is None or train.y is None:
            return
        shown = HeldOut(train.x, train.y, count=MOST, seed=self._recipe.seed)
        self._save("real.png", shown, np.arange(len(shown)), kimg=0.0)

    def _save(self, name: str, examples: HeldOut, order: Labels, *, kimg: float) -> None:
        rows = [order[examples.y[order] == c][:COLUMNS] for c in range(len(self._classes[:MOST_ROWS]))]
        pictures = np.concatenate([padded(examples.x[row], COLUMNS) for row in rows])
        save_sheet(self._folder, name, pictures, list(self._classes[:MOST_ROWS]), recipe=self._recipe, kimg=kimg)
