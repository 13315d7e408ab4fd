"""An autoencoder from its recipe and the data's spec: one player, what it is dealt, who watches it, what it samples."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sparring.data import Data, Part
from sparring.data.spec import OpenedSpec
from sparring.engine.deal import Dealer, Noise, Order, Pictures, Source, key, to_device, to_unit
from sparring.engine.distortions.base import Distorted
from sparring.engine.game import Game
from sparring.engine.precision import Precision
from sparring.engine.record import Observer
from sparring.errors import UsageError
from sparring.job.aims import Aim, Fitted, no_further_check
from sparring.job.judging import LEAST_JUDGED, SampleJudge, fitted_for, unfitted_extractor
from sparring.job.parts import build_modules, placed, player_of
from sparring.job.rebuild_parts import corruption_of, loss_of, refuse_rows
from sparring.job.rebuilt import RebuiltSheets
from sparring.losses.base import objectives
from sparring.losses.rebuilding import AUTOENCODER, RebuildingObjective
from sparring.losses.reconstruction_error import ReconstructionLoss
from sparring.metrics.base import Extractor
from sparring.metrics.kept import Progress
from sparring.metrics.rebuilding import RebuildWatch, Shown, averaged_autoencoder
from sparring.models.autoencode.base import Autoencoder, Variational
from sparring.models.gan.base import Generator
from sparring.recipe import Recipe

JUDGED_BY = "validation_objective"
BEGUN_WITH = 1_000
"""Training examples that a network is shown before the first round."""


class Prior(Generator):
    """A variational autoencoder as a generator: z from the prior to the mean of p(x | z)."""

    def __init__(self, module: Variational, loss: ReconstructionLoss) -> None:
        super().__init__()
        self.module = module
        self.loss = loss
        self.z_dim = module.z_dim
        self.classes = module.classes

    def forward(self, z_BZ: Tensor, condition: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        return self.loss.shown(self.module.decode(z_BZ, condition))


def build_rebuilding(recipe: Recipe, spec: OpenedSpec, parts: Mapping[str, Part], precision: Precision) -> Game:
    """Player, objective and deal, before the first round.

    Raises:
        UsageError: parts of the recipe that don't go together, or that are not for these data.
    """
    refuse_rows(recipe, spec)
    module = placed(build_modules(recipe, spec)[AUTOENCODER], precision)
    assert isinstance(module, Autoencoder)
    few = np.array(parts["train"].x[:BEGUN_WITH])
    module.begin(to_unit(to_device(torch.from_numpy(few), precision.device), precision.weights))
    return Game(
        players=[player_of(AUTOENCODER, module, recipe.players[AUTOENCODER], recipe)],
        objective=_objective(recipe, module),
        deal=Dealer({AUTOENCODER: _sources(recipe, module, parts["train"], precision)}),
        precision=precision,
        batch=recipe.batch,
        counted=AUTOENCODER,
        seed=recipe.seed,
    )


def _objective(recipe: Recipe, module: Autoencoder) -> RebuildingObjective:
    choice = recipe.objective
    found: RebuildingObjective = objectives.build(  # type: ignore[assignment]  # those of this task are all such
        choice.name, module, loss_of(recipe), settings=choice.settings
    )
    return found


def _sources(recipe: Recipe, module: Autoencoder, train: Part, precision: Precision) -> list[Source]:
    order = Order(len(train), batch=recipe.batch, seed=recipe.seed, stream=AUTOENCODER)
    examples: Source = Pictures(train.x, train.y, order=order, device=precision.device, dtype=precision.weights)
    corruption = corruption_of(recipe)
    if corruption is not None:
        examples = Distorted(examples, corruption, seed=key(recipe.seed, "augment"))
    if not isinstance(module, Variational):
        return [examples]
    noise = Noise(
        module.z_dim,
        batch=recipe.batch,
        seed=recipe.seed,
        stream=f"{AUTOENCODER}/z",
        device=precision.device,
        dtype=precision.weights,
    )
    return [examples, noise]


def _unplaced(recipe: Recipe, spec: OpenedSpec) -> Autoencoder:
    with torch.device("meta"):
        module = build_modules(recipe, spec)[AUTOENCODER]
    assert isinstance(module, Autoencoder)
    return module


def _fitted(data: Data, recipe: Recipe, device: torch.device, on_progress: Progress) -> Fitted:
    """What samples are judged with, where there are any; `best` is by the objective either way."""
    if not isinstance(_unplaced(recipe, data.spec), Variational):
        return Fitted(judged_by=JUDGED_BY)
    started = time.perf_counter()
    found = fitted_for(data, recipe, device, on_progress)
    return Fitted(
        judged_by=JUDGED_BY,
        extractor=found.extractor,
        refused=found.refused,
        seconds=time.perf_counter() - started,
    )


def _stand_in(data: Data, recipe: Recipe, device: torch.device) -> Extractor | None:
    variational = isinstance(_unplaced(recipe, data.spec), Variational)
    return unfitted_extractor(data, recipe, device) if variational else None


def watchers_for(data: Data, recipe: Recipe, extractor: Extractor | None) -> list[Observer]:
    """Who measures the game; nobody where too few examples are held out."""
    train, held = data.parts["train"], data.parts["validation"]
    if len(held) < LEAST_JUDGED:
        return []
    module = _unplaced(recipe, data.spec)
    seen, unseen = (
        Shown(
            part.x,
            part.y,
            count=recipe.judged,
            seed=recipe.seed,
            z_dim=module.z_dim if isinstance(module, Variational) else 0,
            corruption=corruption_of(recipe),
        )
        for part in (train, held)
    )
    watch = RebuildWatch(
        seen,
        unseen,
        train.x,
        data.spec,
        code_size=module.code_size,
        objective=_objective(recipe, module),
        loss=loss_of(recipe),
        named=f"{recipe.objective.name}, {recipe.loss.name}",
        variational=isinstance(module, Variational),
    )
    if extractor is None:
        return [watch]
    return [watch, SampleJudge(data, recipe, extractor, conditional=module.classes > 0, made_by=prior_of)]


def prior_of(game: Game) -> Prior:
    """The generator that a game's variational autoencoder is, with its averaged weights."""
    module, objective = averaged_autoencoder(game), game.objective
    assert isinstance(module, Variational)
    return Prior(module, objective.loss).eval()  # type: ignore[attr-defined]  # every objective of this task has one


def _prior_of_run(path: Path, recipe: Recipe, player: Callable[[str], nn.Module]) -> Generator:
    module = player(AUTOENCODER)
    if not isinstance(module, Variational):
        raise UsageError(
            f"{path.name} makes no samples: its codes have no distribution to draw from. It rebuilds pictures: "
            f"sparring sample {path} --from pictures/. For samples train with --recipe vae or conv-vae."
        )
    return Prior(module, loss_of(recipe)).eval()


def _names_none(recipe: Recipe, spec: OpenedSpec) -> bool:
    return False


REBUILD = Aim(
    check=no_further_check,
    build=build_rebuilding,
    fit=_fitted,
    stand_in=_stand_in,
    observers=watchers_for,
    drawer=RebuiltSheets,
    generator=_prior_of_run,
    names_classes=_names_none,
)
"""To bring examples into few numbers and back."""
