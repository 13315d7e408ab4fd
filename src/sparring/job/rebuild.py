"""An autoencoder from its recipe and the data's spec: one player, what it is dealt, who watches it, what it samples."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from sparring.data import Data, Part
from sparring.data.draws import drawn_rows
from sparring.data.spec import OpenedSpec
from sparring.engine.deal import Dealer, Noise, Order, Share, Source, key, to_device, to_unit
from sparring.engine.distortions.base import Distorted
from sparring.engine.game import Game
from sparring.engine.precision import Precision
from sparring.engine.record import Observer
from sparring.errors import UsageError
from sparring.job.aims import Aim, Fitted, no_further_check
from sparring.job.dealing import examples, labelled
from sparring.job.judging import LEAST_JUDGED, SampleJudge, fitted_for, unfitted_extractor
from sparring.job.parts import build_modules, placed, player_of
from sparring.job.rebuild_parts import (
    corruption_of,
    hidden_share,
    loss_of,
    refuse_other_patches,
    refuse_rows,
    refuse_unused_guesses,
)
from sparring.job.rebuilt import RebuiltSheets
from sparring.job.samplers import sampler_of
from sparring.losses.base import objectives
from sparring.losses.rebuilding import AUTOENCODER, RebuildingObjective
from sparring.metrics.base import Extractor
from sparring.metrics.kept import Progress
from sparring.metrics.rebuilding import RebuildWatch, Shown, averaged_autoencoder
from sparring.models.autoencode.base import Autoencoder, Variational
from sparring.models.autoencode.m2 import M2
from sparring.models.gan.base import Generator
from sparring.recipe import Recipe

JUDGED_BY = "validation_objective"
BEGUN_WITH = 1_000
"""Training examples that a network is shown before the first round."""


def build_rebuilding(recipe: Recipe, spec: OpenedSpec, parts: Mapping[str, Part], precision: Precision) -> Game:
    """Player, objective and deal, before the first round.

    Raises:
        UsageError: parts of the recipe that don't go together, or that are not for these data.
    """
    refuse_rows(recipe, spec)
    module = placed(build_modules(recipe, spec)[AUTOENCODER], precision)
    assert isinstance(module, Autoencoder)
    refuse_other_patches(recipe, module)
    objective = _objective(recipe, module)
    refuse_unused_guesses(module, objective)
    train = parts["train"]
    few = np.array(train.x[drawn_rows(len(train), BEGUN_WITH, seed=recipe.seed)])
    module.begin(to_unit(to_device(torch.from_numpy(few), precision.device), precision.weights))
    return Game(
        players=[player_of(AUTOENCODER, module, recipe.players[AUTOENCODER], recipe)],
        objective=objective,
        deal=Dealer({AUTOENCODER: _sources(recipe, module, train, precision)}),
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
    share = Share.here(parts=recipe.players[AUTOENCODER].accumulate)
    shown = examples(train, recipe, order, stream=AUTOENCODER, precision=precision, share=share)
    corruption = corruption_of(recipe)
    if corruption is not None:
        shown = Distorted(shown, corruption, seed=key(recipe.seed, "augment"), share=share)
    if not isinstance(module, Variational):
        return [shown]
    noise = Noise(
        module.z_dim,
        batch=recipe.batch,
        seed=recipe.seed,
        stream=f"{AUTOENCODER}/z",
        device=precision.device,
        dtype=precision.weights,
        share=share,
    )
    if not isinstance(module, M2):
        return [shown, noise]
    return [shown, noise, labelled(train, recipe, f"{AUTOENCODER}/labelled", precision=precision, share=share)]


def _unplaced(recipe: Recipe, spec: OpenedSpec) -> Autoencoder:
    with torch.device("meta"):
        module = build_modules(recipe, spec)[AUTOENCODER]
    assert isinstance(module, Autoencoder)
    return module


def _fitted(data: Data, recipe: Recipe, device: torch.device, on_progress: Progress) -> Fitted:
    """What samples are judged with, where there are any; `best` is by the objective either way."""
    if sampler_of(_unplaced(recipe, data.spec), loss_of(recipe)) is None:
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
    samples = sampler_of(_unplaced(recipe, data.spec), loss_of(recipe))
    return None if samples is None else unfitted_extractor(data, recipe, device)


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
        hidden=hidden_share(recipe),
    )
    if extractor is None:
        return [watch]
    return [watch, SampleJudge(data, recipe, extractor, conditional=module.classes > 0, made_by=sampler_in)]


def sampler_in(game: Game) -> Generator:
    """The generator that a game's autoencoder is, with its averaged weights."""
    objective = game.objective
    found = sampler_of(averaged_autoencoder(game), objective.loss)  # type: ignore[attr-defined]  # this task's have one
    assert found is not None
    return found


def _prior_of_run(path: Path, recipe: Recipe, player: Callable[[str], nn.Module]) -> Generator:
    module = player(AUTOENCODER)
    assert isinstance(module, Autoencoder)
    found = sampler_of(module, loss_of(recipe))
    if found is None:
        raise UsageError(
            f"{path.name} makes no samples: its codes have no distribution to draw from. It rebuilds pictures: "
            f"sparring sample {path} --from pictures/. For samples train with --recipe vae, conv-vae or rbm."
        )
    return found


def _names_classes(recipe: Recipe, spec: OpenedSpec) -> bool:
    """By Bayes' rule, where p(x | y) is bounded for each class y."""
    module = _unplaced(recipe, spec)
    return isinstance(module, Variational) and module.classes > 0 and loss_of(recipe).nats


REBUILD = Aim(
    check=no_further_check,
    build=build_rebuilding,
    fit=_fitted,
    stand_in=_stand_in,
    observers=watchers_for,
    drawer=RebuiltSheets,
    generator=_prior_of_run,
    names_classes=_names_classes,
)
"""To bring examples into few numbers and back."""
