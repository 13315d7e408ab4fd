"""A classifier from its recipe and the data's spec: one player, the labelled examples it is dealt, who watches it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from sparring.data import Data, Part
from sparring.data.spec import OpenedSpec, TableSpec
from sparring.engine.deal import Dealer, to_device
from sparring.engine.game import Game
from sparring.engine.precision import Precision
from sparring.engine.record import Observer
from sparring.errors import DataError, UsageError
from sparring.job.aims import Aim, Drawer, Fitted, no_extractor, no_further_check
from sparring.job.labelled import dealt
from sparring.job.mistakes import Mistakes
from sparring.job.parts import build_modules, placed, player_of
from sparring.job.regions import RegionFrames, in_a_plane
from sparring.losses.base import objectives
from sparring.losses.classification import CLASSIFIER, Classification
from sparring.losses.supervised import supervised_losses
from sparring.metrics.accuracy import AccuracyWatch, HeldOut
from sparring.metrics.base import Extractor
from sparring.metrics.kept import Progress
from sparring.metrics.layers import LayersWatch
from sparring.models.classify.base import Classifier
from sparring.models.gan.base import Generator
from sparring.recipe import Recipe
from sparring.report.told import told_of
from sparring.runfolder import RunFolder

Labels = npt.NDArray[np.int64]
VALIDATION_ERROR = "validation_error"
FELT = 64
"""Examples whose gradients are looked at layer by layer."""


def build_classification(recipe: Recipe, spec: OpenedSpec, parts: Mapping[str, Part], precision: Precision) -> Game:
    """Player, objective and deal, before the first round.

    Raises:
        UsageError: a distortion of rows, or parts of the recipe that don't go together.
        DataError: no labels.
    """
    train = parts["train"]
    rows = train.labelled
    if not len(rows):
        raise DataError(
            "a classifier learns from labels, and no training example has one: put pictures into class folders, or "
            "give a table a column `label`."
        )
    assert train.y is not None
    module = placed(build_modules(recipe, spec)[CLASSIFIER], precision)
    if isinstance(spec, TableSpec):
        _begin(module, train, precision)
    counts = np.bincount(train.y[rows], minlength=len(spec.classes))
    loss = supervised_losses.build(recipe.loss.name, settings=recipe.loss.settings)
    balance = recipe.objective.settings.get("balance", "none")
    weights = _weights(counts, precision) if balance == "weights" else None
    objective = objectives.build(recipe.objective.name, module, loss, weights, settings=recipe.objective.settings)
    assert isinstance(objective, Classification)
    return Game(
        players=[player_of(CLASSIFIER, module, recipe.players[CLASSIFIER], recipe)],
        objective=objective,
        deal=Dealer({CLASSIFIER: dealt(objective, recipe, spec, train, precision)}),
        precision=precision,
        batch=recipe.batch,
        counted=CLASSIFIER,
        seed=recipe.seed,
    )


def watchers_for(data: Data, recipe: Recipe, extractor: Extractor | None = None) -> list[Observer]:
    """Who measures the game; nobody where no labelled example is held out."""
    train, held = data.parts["train"], data.parts["validation"]
    if not len(held.labelled):
        return []
    assert train.y is not None and held.y is not None
    seen = HeldOut(train.x, train.y, count=max(1, recipe.judged // 4), seed=recipe.seed)
    unseen = HeldOut(held.x, held.y, count=recipe.judged, seed=recipe.seed)
    felt = HeldOut(train.x, train.y, count=FELT, seed=recipe.seed)
    with torch.device("meta"):
        module = build_modules(recipe, data.spec)[CLASSIFIER]
    return [
        AccuracyWatch(seen, unseen, classes=len(data.spec.classes), player=CLASSIFIER),
        LayersWatch(felt, module, player=CLASSIFIER),
    ]


def _begin(module: nn.Module, train: Part, precision: Precision) -> None:
    """Show the network all training rows, labelled or not, for the scale of their columns."""
    assert isinstance(module, Classifier)
    module.begin(to_device(torch.from_numpy(np.asarray(train.x)), precision.device))


def _weights(counts: Labels, precision: Precision) -> torch.Tensor:
    """Factors inversely as frequent as each class, whose mean over the examples is 1, [K]; 0 where it has none."""
    there = counts > 0
    factors = np.where(there, counts.sum() / (there.sum() * np.maximum(counts, 1)), 0.0)
    return torch.from_numpy(factors).to(precision.device, precision.weights)


def _fitted(data: Data, recipe: Recipe, device: torch.device, on_progress: Progress) -> Fitted:
    return Fitted(judged_by=VALIDATION_ERROR)


def _no_generator(path: Path, recipe: Recipe, player: Callable[[str], nn.Module]) -> Generator:
    then = told_of(RunFolder.open(path)).then.format(run=path)
    raise UsageError(f"{path.name} makes no samples: it was trained to classify. Ask it for classes: {then}")


def _drawer(folder: RunFolder | None, data: Data, recipe: Recipe) -> Drawer:
    return (RegionFrames if in_a_plane(data.spec) else Mistakes)(folder, data, recipe)


def _names_classes(recipe: Recipe, spec: OpenedSpec) -> bool:
    return True


CLASSIFY = Aim(
    check=no_further_check,
    build=build_classification,
    fit=_fitted,
    stand_in=no_extractor,
    observers=watchers_for,
    drawer=_drawer,
    generator=_no_generator,
    names_classes=_names_classes,
)
"""To say which class an example is of."""
