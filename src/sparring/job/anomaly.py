"""A detector of anomalies from its recipe and the data's spec: one player, what it is dealt, who watches it.

What `sparring detect` needs beside the network, a memory of normal pictures and the scores of held-out ones, is taken
once it is trained: see `job.finder`.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from sparring.data import Data, Part
from sparring.data.spec import OpenedSpec
from sparring.engine.blemishes.base import blemishes
from sparring.engine.deal import Dealer, Order, Pictures, Share, key
from sparring.engine.distortions.base import Distorted, Distortion
from sparring.engine.game import Game
from sparring.engine.precision import Precision
from sparring.engine.record import Observer
from sparring.errors import UsageError
from sparring.job.aims import Aim, Fitted, no_extractor
from sparring.job.blemished import BlemishSheets
from sparring.job.judging import LEAST_JUDGED
from sparring.job.parts import build_modules, placed, player_of
from sparring.losses.base import objectives
from sparring.losses.detection import DETECTOR, PointLoss, point_losses
from sparring.metrics.base import Extractor
from sparring.metrics.detecting import BlemishWatch
from sparring.metrics.kept import Progress
from sparring.metrics.rebuilding import Shown
from sparring.models.detect.base import Detector
from sparring.models.gan.base import Generator
from sparring.recipe import Recipe

JUDGED_BY = "validation_blemish_loss"


def build_detection(recipe: Recipe, spec: OpenedSpec, parts: Mapping[str, Part], precision: Precision) -> Game:
    """Player, objective and deal, before the first round; labels, where there are some, play no part.

    Raises:
        UsageError: data that are no pictures, or parts of the recipe that don't go together.
    """
    module = placed(build_modules(recipe, spec)[DETECTOR], precision)
    assert isinstance(module, Detector)
    train, share = parts["train"], Share.here(parts=recipe.players[DETECTOR].accumulate)
    order = Order(len(train), batch=recipe.batch, seed=recipe.seed, stream=DETECTOR)
    pictures = Pictures(train.x, None, order=order, device=precision.device, dtype=precision.weights, share=share)
    blemished = Distorted(pictures, blemish_of(recipe), seed=key(recipe.seed, "augment"), share=share)
    return Game(
        players=[player_of(DETECTOR, module, recipe.players[DETECTOR], recipe)],
        objective=objectives.build(recipe.objective.name, module, loss_of(recipe), settings=recipe.objective.settings),
        deal=Dealer({DETECTOR: [blemished]}),
        precision=precision,
        batch=recipe.batch,
        counted=DETECTOR,
        seed=recipe.seed,
    )


def blemish_of(recipe: Recipe) -> Distortion:
    """What is put on normal pictures."""
    assert recipe.augment is not None, "the recipe was checked"
    return blemishes.build(recipe.augment.name, settings=recipe.augment.settings)


def loss_of(recipe: Recipe) -> PointLoss:
    """The loss of a picture's points."""
    return point_losses.build(recipe.loss.name, settings=recipe.loss.settings)


def watchers_for(data: Data, recipe: Recipe, extractor: Extractor | None) -> list[Observer]:
    """Who measures the game; nobody where too few pictures are held out."""
    train, held = data.parts["train"], data.parts["validation"]
    if len(held) < LEAST_JUDGED:
        return []
    seen, unseen = (
        Shown(part.x, None, count=recipe.judged, seed=recipe.seed, corruption=blemish_of(recipe))
        for part in (train, held)
    )
    return [BlemishWatch(seen, unseen, loss_of(recipe))]


def _checked(recipe: Recipe) -> None:
    if recipe.augment is None:
        raise UsageError(
            f"--set augment=none: recipe '{recipe.name}' learns from blemishes, and there would be none. Take mixed or "
            "pieces."
        )


def _fitted(data: Data, recipe: Recipe, device: torch.device, on_progress: Progress) -> Fitted:
    return Fitted(judged_by=JUDGED_BY)


def _no_generator(path: Path, recipe: Recipe, player: Callable[[str], nn.Module]) -> Generator:
    raise UsageError(
        f"{path.name} makes no samples: it was trained to find anomalies. Give it pictures: sparring detect {path} "
        "pictures/"
    )


def _finish(path: Path, device: torch.device) -> None:
    """Fit what `sparring detect` asks by default, while the training pictures are there."""
    # A run is opened by its task, and this is one: at the top of this file each would import the other.
    from sparring.job.run import Run

    Run(path, device=str(device)).finder()


def _names_none(recipe: Recipe, spec: OpenedSpec) -> bool:
    return False


ANOMALY = Aim(
    check=_checked,
    build=build_detection,
    fit=_fitted,
    stand_in=no_extractor,
    observers=watchers_for,
    drawer=BlemishSheets,
    generator=_no_generator,
    names_classes=_names_none,
    finish=_finish,
)
"""To find what is not as normal pictures are."""
