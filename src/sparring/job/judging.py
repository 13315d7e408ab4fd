"""Who judges a run: the extractor that suits its data, and the observers that measure with it.

`best`, hints and early stops rest on the held-out part; the test part is not touched here.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from sparring.data import Data, TableSpec
from sparring.data.draws import drawn_rows
from sparring.data.points import Modes
from sparring.engine.game import Game
from sparring.engine.record import Observed, Observer
from sparring.engine.sampling import drawn_labels, generate, noise
from sparring.job.aims import Aim, Fitted
from sparring.job.dealing import class_shares
from sparring.job.drawing import samples_drawer
from sparring.job.generate import (
    build_adversarial,
    names_classes,
    own_generator,
    refuse_uneven,
    takes_labels,
    translates,
)
from sparring.job.records import averaged_generator
from sparring.metrics.base import Extractor, Labels, names_of
from sparring.metrics.class_head import ClassHeadWatch
from sparring.metrics.extractors import chosen_extractor, knows_classes
from sparring.metrics.fourier import fourier_for
from sparring.metrics.judge import Judge, JudgeRecord, network_for
from sparring.metrics.kept import Progress, silent
from sparring.metrics.modes import LEAST, REACH, found_modes
from sparring.metrics.players import PlayersWatch
from sparring.metrics.random_convolution import RandomConvolution
from sparring.metrics.samples import Reals, SampleMeasures
from sparring.metrics.translation import mean_difference
from sparring.models.gan.base import Generator
from sparring.recipe import Recipe

LEAST_JUDGED = 2
KNOWING_NOTHING = 1_000
"""Training targets whose median stands for a generator that does not look at its source."""
COUNTED = 2_500
"""Samples among which modes are looked for, as in arXiv:1705.07761."""


def fitted_for(
    data: Data, recipe: Recipe, device: torch.device, on_progress: Progress = silent, *, cache: Path | None = None
) -> Fitted:
    """The judge of the data's classes where it can be trusted, else random convolutions fitted to the reals.

    Raises:
        MachineError: the cache can't be used.
    """
    started = time.perf_counter()
    extractor, refused = chosen_extractor(data, cache=cache, device=device, on_progress=on_progress)
    return Fitted(
        judged_by=names_of(extractor.name).frechet,
        extractor=extractor,
        refused=refused,
        seconds=time.perf_counter() - started,
    )


def unfitted_extractor(data: Data, recipe: Recipe, device: torch.device) -> Extractor:
    """An extractor of the kind that suits the data, and as fast: for measuring time, before anything is fitted."""
    pictures = data.parts["train"].x
    if isinstance(data.spec, TableSpec):
        return fourier_for(data)
    if not knows_classes(data):
        return RandomConvolution(np.asarray(pictures))
    count, height, width, channels = pictures.shape
    record = JudgeRecord(
        channels=channels,
        height=height,
        width=width,
        classes=len(data.classes),
        trained=count,
        held=0,
        accuracy=0.0,
        skill=0.0,
        images=0,
        seconds=0.0,
        seed=0,
        precision="fp32",
    )
    return Judge(network_for(channels, height, width, len(data.classes)), record, "", device)


def observers_for(data: Data, recipe: Recipe, extractor: Extractor | None) -> list[Observer]:
    """Who measures the game; nobody where too few pictures are held out for a spread."""
    assert extractor is not None, "samples are judged in the space of one"
    train, held = data.parts["train"], data.parts["validation"]
    if len(held) < LEAST_JUDGED:
        return []
    conditional = train.y is not None and takes_labels(recipe, data.spec)
    watch = PlayersWatch(
        train.x,
        held.x,
        train_labels=train.y,
        held_labels=held.y,
        train_sources=train.source,
        held_sources=held.source,
        shares=list(class_shares(train.y, len(data.spec.classes))) if train.y is not None and conditional else None,
        seed=recipe.seed,
    )
    judge = SampleJudge(data, recipe, extractor, conditional=conditional, translating=translates(recipe, data.spec))
    observers: list[Observer] = [judge, watch]
    if data.modes is not None:
        observers.insert(1, ModeCount(data, data.modes, recipe))
    if held.y is not None and len(held.labelled) and names_classes(recipe, data.spec):
        observers.append(ClassHeadWatch(held.x, held.y, seed=recipe.seed))
    return observers


class ModeCount:
    """Observer: how many modes of a mixture the averaged generator finds, see `metrics.modes`."""

    columns: Mapping[str, str] = {
        "modes": f"modes that {COUNTED:,} samples find: {LEAST:g} of their even share within {REACH:g} sd",
        "modes_floor": "modes that there are",
        "quality": f"share of {COUNTED:,} samples within {REACH:g} sd of a mode, higher is better",
        "quality_floor": "quality of training reals: what a perfect generator would have",
    }

    def __init__(self, data: Data, modes: Modes, recipe: Recipe) -> None:
        self._modes = modes
        self._seed = recipe.seed
        train = data.parts["train"].x
        self._floor = found_modes(np.asarray(train[drawn_rows(len(train), COUNTED, seed=0)]), modes).quality

    def observe(self, game: Game) -> Observed:
        """The four columns."""
        module = averaged_generator(game)
        z_NZ = noise(COUNTED, module.z_dim, seed=self._seed, stream="modes", kind=module.noise)
        found = found_modes(generate(module, z_NZ, None, game.precision), self._modes)
        return Observed(
            values={
                "modes": found.modes,
                "modes_floor": len(self._modes.centres),
                "quality": found.quality,
                "quality_floor": self._floor,
            }
        )


class HeldPairs:
    """Held-out pairs that a translating generator is judged by.

    Attributes:
        sources, targets: uint8 [N, H, W, C].
        meaning: of their mean difference, with that of whoever knows nothing but the training targets.
    """

    def __init__(self, data: Data, *, count: int, seed: int) -> None:
        held = data.parts["validation"]
        assert held.source is not None, "what translates is trained on pairs"
        rows = drawn_rows(len(held), count, seed=seed)
        self.sources, self.targets = held.source[rows], held.x[rows]
        train = data.parts["train"].x
        some = train[drawn_rows(len(train), KNOWING_NOTHING, seed=0)]
        middle = np.median(some, axis=0).astype(np.uint8)
        nothing = mean_difference(np.broadcast_to(middle, self.targets.shape), self.targets)
        self.meaning = (
            f"mean |made - target| of held-out pairs, values in [-1, 1]: 0 is exact, {nothing:.3f} has the median "
            f"training target; N {len(rows)}"
        )


class SampleJudge:
    """Observer: every measure of the averaged generator's samples, see `metrics.samples`.

    Args:
        data: the parts; the test part is not touched.
        conditional: whether the generator is asked for classes.
        translating: whether it makes pictures from others, of pairs.
        made_by: the generator that a game has now.
    """

    def __init__(
        self,
        data: Data,
        recipe: Recipe,
        extractor: Extractor,
        *,
        conditional: bool,
        translating: bool = False,
        made_by: Callable[[Game], Generator] = averaged_generator,
    ) -> None:
        train, held = data.parts["train"], data.parts["validation"]
        reals = Reals(
            train=train.x, held=held.x, train_labels=data.labels.get("train"), held_labels=data.labels.get("validation")
        )
        shares = list(class_shares(data.labels["train"], len(data.classes))) if knows_classes(data) else None
        self._measures = SampleMeasures(
            extractor, reals, count=recipe.judged, shares=shares, conditional=conditional, seed=recipe.seed
        )
        self.columns: Mapping[str, str] = self._measures.columns
        self._pairs: HeldPairs | None = None
        if translating:
            self._pairs = HeldPairs(data, count=self._measures.count, seed=recipe.seed)
            self.columns = {**self.columns, "l1": self._pairs.meaning}
        self._seed = recipe.seed
        self._made_by = made_by
        self._labels = self._wanted(train.y if conditional else None, len(data.spec.classes))
        self._z_NZ: torch.Tensor | None = None

    def observe(self, game: Game) -> Observed:
        """The measures now, each beside its floor."""
        module = self._made_by(game)
        if self._z_NZ is None:
            # Always the same noise: what changes is the generator.
            self._z_NZ = noise(self._measures.count, module.z_dim, seed=self._seed, stream="judge", kind=module.noise)
        if self._pairs is not None:
            made = generate(module, self._z_NZ, self._pairs.sources, game.precision)
            return Observed(values=self._measures(made, None) | {"l1": mean_difference(made, self._pairs.targets)})
        made = generate(module, self._z_NZ, self._labels, game.precision)
        return Observed(values=self._measures(made, self._labels))

    def _wanted(self, train_labels: Labels | None, classes: int) -> Labels | None:
        if train_labels is None:
            return None
        shares: Sequence[float] = list(class_shares(train_labels, classes))
        return drawn_labels(self._measures.count, shares, seed=self._seed)


GENERATE = Aim(
    check=refuse_uneven,
    build=build_adversarial,
    fit=fitted_for,
    stand_in=unfitted_extractor,
    observers=observers_for,
    drawer=samples_drawer,
    generator=own_generator,
    names_classes=names_classes,
)
"""To make examples like the data."""
