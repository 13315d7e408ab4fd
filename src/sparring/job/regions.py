"""A classifier of two columns: the plane's regions of classes, with held-out rows in them."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from sparring.data import Data
from sparring.data.spec import TableSpec
from sparring.data.split import Labels
from sparring.engine.game import Game
from sparring.job.records import provenance
from sparring.losses.classification import CLASSIFIER
from sparring.metrics.accuracy import HeldOut, logits_of, probabilities
from sparring.pictures import sample_name, save_png
from sparring.planes import Points, Regions, Window, class_regions
from sparring.recipe import Recipe
from sparring.runfolder import RunFolder

MOST = 500
SIDE = 160
Values = npt.NDArray[np.float32]
Predict = Callable[[Values], Points]


class Plane:
    """Two columns, each brought from its least and greatest value to [-1, 1], for they may be of different units.

    Attributes:
        window: what is shown, in these coordinates.
    """

    def __init__(self, rows: Values) -> None:
        low, high = rows.astype(np.float64).min(0), rows.astype(np.float64).max(0)
        self._middle, self._half = (low + high) / 2, np.where(high > low, (high - low) / 2, 1.0)
        self.window = Window(middle=(0.0, 0.0), half=1.1)

    def placed(self, rows: Values) -> Points:
        """Rows [N, 2] in the window's coordinates."""
        found: Points = (rows - self._middle) / self._half
        return found

    def lattice(self) -> Values:
        """The rows at the window's lattice, float32 [S * S, 2]."""
        return np.asarray(self.window.lattice(SIDE) * self._half + self._middle, np.float32)


def regions_of(
    title: str, predict: Predict, rows: Values, labels: Labels, plane: Plane, classes: Sequence[str]
) -> Regions:
    """What a classifier says of the plane and of rows float32 [N, 2].

    Args:
        predict: rows float32 [M, 2] to probabilities [M, K].
    """
    return Regions(
        title=title,
        likely=predict(plane.lattice()).reshape(SIDE, SIDE, -1),
        points=plane.placed(rows),
        labels=labels,
        said=predict(rows).argmax(1),
        classes=classes,
    )


def in_a_plane(spec: object) -> bool:
    """Whether examples are rows of two columns, which can be drawn."""
    return isinstance(spec, TableSpec) and len(spec.columns) == 2


class RegionFrames:
    """Draws the plane while it is learned, see `drawing.Drawer`; nothing where no labelled row is held out.

    Args:
        folder: None: nothing is saved.
    """

    every_row = False

    def __init__(self, folder: RunFolder | None, data: Data, recipe: Recipe) -> None:
        self._folder, self._recipe, self._name = folder, recipe, data.name
        held = data.parts["validation"]
        self._held: HeldOut | None = None
        if held.y is not None and len(held.labelled):
            self._held = HeldOut(held.x, held.y, count=MOST, seed=recipe.seed)
        self._classes = data.spec.classes
        self._plane = Plane(np.asarray(data.parts["train"].x))

    def __call__(self, game: Game) -> None:
        """Draw what the classifier says now, and save it under the present count."""
        if self._held is None:
            return
        module = game.player(CLASSIFIER).averaged()
        title = f"{self._name}, {self._recipe.name}, {game.kimg:,.1f} kimg"

        def predict(rows: Values) -> Points:
            return probabilities(logits_of(module, rows, game.precision))

        self._save(
            sample_name(game.images) if game.images else "init.png",
            regions_of(title, predict, self._held.x, self._held.y, self._plane, self._classes),
            game.kimg,
        )

    def reals(self, data: Data) -> None:
        """Save training rows in the colours of their classes, as real.png."""
        train = data.parts["train"]
        if train.y is None or not len(train.labelled):
            return
        shown = HeldOut(train.x, train.y, count=2 * MOST, seed=self._recipe.seed)
        even = np.full((1, 1, len(self._classes)), 1 / len(self._classes))
        told = Regions(
            title=f"{self._name}, training rows",
            likely=even,
            points=self._plane.placed(shown.x),
            labels=shown.y,
            said=shown.y,
            classes=self._classes,
        )
        self._save("real.png", told, 0.0)

    def _save(self, name: str, regions: Regions, kimg: float) -> None:
        if self._folder is None:
            return
        image = class_regions([regions], self._plane.window)
        save_png(image, self._folder.samples / name, provenance(self._folder, self._recipe, kimg))
