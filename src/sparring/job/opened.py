"""A run folder opened: its records, and its networks as they are judged and shipped."""

import functools
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from torch import nn

from sparring.data import Part
from sparring.data.spec import ImageSpec, OpenedSpec
from sparring.engine.precision import Precision, choose_device, choose_precision
from sparring.errors import DataError, UsageError
from sparring.job.parts import build_player
from sparring.job.records import read_recipe, read_spec
from sparring.job.reopen import own_data, unseen
from sparring.job.tasks import TASKS
from sparring.losses.base import DISCRIMINATOR
from sparring.losses.classification import CLASSIFIER
from sparring.metrics.kept import silent
from sparring.models.classify.base import Classifier
from sparring.models.gan.base import Discriminator, Generator
from sparring.recipe import PURPOSES, Recipe, Task
from sparring.runfolder import Checkpoint, RunFolder


def task_of(path: str | Path) -> Task:
    """What a run was trained to do.

    Raises:
        UsageError: no run folder.
    """
    return read_recipe(RunFolder.open(path)).task


class OpenedRun:
    """One run folder.

    Args:
        path: a run folder, or `runs/latest`.
        device: where samples are computed; None: the fastest device there is.
        checkpoint: `best`, by what the run was judged by, or `last`.
        precision: what samples are computed in: fp32, or `bf16`, which is twice as fast or more where the machine has
            it and moves pixels by a few levels of 255; "auto": the faster.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        device: str | None = None,
        checkpoint: Literal["best", "last"] = "best",
        precision: str = "fp32",
    ) -> None:
        self._folder = RunFolder.open(path)
        self._precision = choose_precision(precision, choose_device(device))
        self._which: Literal["best", "last"] = checkpoint

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The run's folder, absolute."""
        return self._folder.path

    @property
    def which(self) -> Literal["best", "last"]:
        """Which checkpoint was asked for."""
        return self._which

    @property
    def precision(self) -> Precision:
        """What its networks compute in, and where."""
        return self._precision

    @functools.cached_property
    def recipe(self) -> Recipe:
        """What the run is."""
        return read_recipe(self._folder)

    @functools.cached_property
    def spec(self) -> OpenedSpec:
        """What its pictures are."""
        return read_spec(self._folder)

    @property
    def is_flat(self) -> bool:
        """Whether its examples are pictures, not volumes or rows."""
        return isinstance(self.spec, ImageSpec) and self.spec.depth is None

    @property
    def picture_spec(self) -> ImageSpec:
        """What its pictures are.

        Raises:
            UsageError: it was trained on rows.
        """
        if not isinstance(self.spec, ImageSpec) or self.spec.depth is not None:
            raise UsageError(f"{self.path.name} was trained on {self.spec.form}, not on pictures.")
        return self.spec

    @property
    def metrics(self) -> dict[str, list[Any]]:
        """metrics.csv by column, oldest first; None where a measure was not taken."""
        rows = self._folder.rows()
        return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened: hints, best checkpoints, skipped steps."""
        return self._folder.events()

    @functools.cached_property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint that is sampled from."""
        return self._folder.load_checkpoint(self._which)

    @functools.cached_property
    def _unseen(self) -> Part:
        data, _ = own_data(self._folder, self.recipe, self.spec, silent)
        return data.parts[unseen(data)]

    def unseen_labelled(self, count: int, *, seed: int = 0) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        """So many labelled examples that it was not trained on, or as many as there are, drawn by the seed: x as it is
        stored, y int64 [N].

        Raises:
            UsageError: its data are other ones now. DataError: they are gone, or without labels.
        """
        part = self._unseen
        if part.y is None or not len(part.labelled):
            raise DataError(f"{self.path.name}: none of the examples that it did not learn from has a label.")
        rows = np.sort(np.random.Generator(np.random.Philox(key=seed)).permutation(part.labelled)[:count])
        return np.asarray(part.x[rows]), part.y[rows]

    @functools.cached_property
    def generator(self) -> Generator:
        """The averaged generator, in evaluation mode and fp32.

        Raises:
            UsageError: it makes no samples.
        """
        return TASKS[self.recipe.task].generator(self.path, self.recipe, self._player)

    @functools.cached_property
    def discriminator(self) -> Discriminator:
        """The discriminator, averaged where the recipe says so, in evaluation mode and fp32."""
        module = self._player(DISCRIMINATOR)
        assert isinstance(module, Discriminator)
        return module

    @functools.cached_property
    def classifier(self) -> Classifier:
        """The classifier, averaged where the recipe says so, in evaluation mode and fp32."""
        if self.recipe.task != "classify":
            raise UsageError(f"{self.path.name} is no classifier: it was trained to {PURPOSES[self.recipe.task]}.")
        module = self._player(CLASSIFIER)
        assert isinstance(module, Classifier)
        return module

    @property
    def names_classes(self) -> bool:
        """Whether `classify` can be asked: it is a classifier, or its discriminator names classes."""
        return TASKS[self.recipe.task].names_classes(self.recipe, self.spec)

    def _refuse_other_task(self, task: Task, *, has: str) -> None:
        """Refuse to look for what only runs of a task have.

        Raises:
            UsageError: the run was trained for something else.
        """
        if self.recipe.task != task:
            raise UsageError(
                f"{self.path.name} has no {has}: it was trained to {PURPOSES[self.recipe.task]}. Train with --task "
                f"{task}."
            )

    def _player(self, player: str) -> nn.Module:
        tensors = self.checkpoint.tensors
        module = build_player(player, self.recipe, self.spec, self._precision)
        try:
            module.load_state_dict(dict(tensors.get(f"{player}_ema") or tensors[player]))
        except (KeyError, RuntimeError) as error:
            said = str(error).splitlines()[0]
            raise UsageError(
                f"{self.checkpoint.path}: does not fit the run's recipe.json ({said}). "
                "Put recipe.json back as it was written."
            ) from error
        return module
