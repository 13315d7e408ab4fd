"""A classifier from its recipe and the data's spec: one player, the labelled examples it is dealt, who watches it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from sparring.data import Data, Part
from sparring.data.spec import OpenedSpec, TableSpec
from sparring.engine.deal import Dealer, Order, Share, Source, key, to_device
from sparring.engine.distortions.base import Distorted, distortions
from sparring.engine.game import Game
from sparring.engine.precision import Precision
from sparring.engine.record import Observer
from sparring.errors import DataError, UsageError
from sparring.job.aims import Aim, Drawer, Fitted, no_extractor, no_further_check
from sparring.job.dealing import examples
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
    if balance == "sampling" and train.stream is not None:
        raise UsageError(
            "--set objective.balance=sampling draws from all pictures, and --stream has but some at a time: take "
            "--set objective.balance=weights."
        )
    order = _order(recipe, rows, train.y, balanced=balance == "sampling")
    return Game(
        players=[player_of(CLASSIFIER, module, recipe.players[CLASSIFIER], recipe)],
        objective=objective,
        deal=Dealer({CLASSIFIER: [_source(recipe, spec, train, order, rows, precision)]}),
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


class Balanced(Order):
    """Every class as often as any other: a place in the order is a class, and within it its examples in turn."""

    def __init__(self, members: Sequence[Labels], *, batch: int, seed: int, stream: str) -> None:
        super().__init__(sum(map(len, members)), batch=batch, seed=seed, stream=stream)
        self._turns = [
            Order(len(rows), batch=1, seed=seed, stream=f"{stream}/class-{c}") for c, rows in enumerate(members)
        ]
        self._members = members

    def __call__(self, counter: int) -> Labels:
        """Indices of batch number `counter`, int64 [B]."""
        places = np.arange(counter * self.batch, (counter + 1) * self.batch)
        turns, classes = np.divmod(places, len(self._members))
        chosen = [self._members[c][self._turns[c](int(turn))[0]] for turn, c in zip(turns, classes, strict=True)]
        return np.array(chosen, dtype=np.int64)


def _order(recipe: Recipe, rows: Labels, y: Labels, *, balanced: bool) -> Order:
    """Of places among `rows`."""
    if not balanced:
        return Order(len(rows), batch=recipe.batch, seed=recipe.seed, stream=CLASSIFIER)
    labels = y[rows]
    members = [np.flatnonzero(labels == c) for c in np.unique(labels)]
    return Balanced(members, batch=recipe.batch, seed=recipe.seed, stream=CLASSIFIER)


def _source(recipe: Recipe, spec: OpenedSpec, train: Part, order: Order, rows: Labels, precision: Precision) -> Source:
    share = Share.here(parts=recipe.players[CLASSIFIER].accumulate)
    pictures = examples(train, recipe, order, stream=CLASSIFIER, precision=precision, share=share, rows=rows)
    if recipe.augment is None:
        return pictures
    if isinstance(spec, TableSpec) or spec.depth is not None:
        what = "rows" if isinstance(spec, TableSpec) else "volumes"
        raise UsageError(
            f"--set augment={recipe.augment.name} changes pictures, and these data are {what}: give --set augment=none."
        )
    distortion = distortions.build(recipe.augment.name, settings=recipe.augment.settings)
    return Distorted(pictures, distortion, seed=key(recipe.seed, "augment"), share=share)


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
