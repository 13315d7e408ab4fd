"""A finished or unfinished run, opened to read its records and to sample from it."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from sparring.data.spec import OpenedSpec
from sparring.engine import sampling
from sparring.engine.precision import Precision, choose_device
from sparring.errors import UsageError, did_you_mean
from sparring.job.build import build_generator
from sparring.job.options import check_number
from sparring.job.records import read_recipe, read_shares, read_spec
from sparring.losses.base import GENERATOR
from sparring.models.gan.base import Generator
from sparring.recipe import Recipe
from sparring.runfolder import Checkpoint, RunFolder

Labels = npt.NDArray[np.int64]
BATCH = 64
MOST = 1_000_000
MOST_STEPS = 1_000


class Run:
    """One run folder.

    Args:
        path: a run folder, or `runs/latest`.
        device: where samples are computed; None: the fastest device there is.
        checkpoint: `best`, by what the run was judged by, or `last`.
    """

    def __init__(
        self, path: str | Path, *, device: str | None = None, checkpoint: Literal["best", "last"] = "best"
    ) -> None:
        self._folder = RunFolder.open(path)
        self._precision = Precision("fp32", choose_device(device))
        self._which: Literal["best", "last"] = checkpoint

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @property
    def path(self) -> Path:
        """The run's folder, absolute."""
        return self._folder.path

    @functools.cached_property
    def recipe(self) -> Recipe:
        """What the run is."""
        return read_recipe(self._folder)

    @functools.cached_property
    def spec(self) -> OpenedSpec:
        """What its pictures are."""
        return read_spec(self._folder)

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
    def generator(self) -> Generator:
        """The averaged generator, in evaluation mode and fp32."""
        module = build_generator(self.recipe, self.spec, self._precision)
        tensors = self.checkpoint.tensors
        try:
            module.load_state_dict(dict(tensors.get(f"{GENERATOR}_ema") or tensors[GENERATOR]))
        except (KeyError, RuntimeError) as error:
            said = str(error).splitlines()[0]
            raise UsageError(
                f"{self.checkpoint.path}: does not fit the run's recipe.json ({said}). "
                "Put recipe.json back as it was written."
            ) from error
        return module

    def sample(
        self, count: int = 64, *, label: str | None = None, seed: int = 0, truncation: float = 1.0
    ) -> npt.NDArray[np.uint8]:
        """Pictures uint8 [N, H, W, C]; picture n depends on the seed and n alone, not on how many are asked for.

        Args:
            label: a class; None: drawn with the shares of the training labels, where there are classes.
            truncation: in (0, 1]: less is more typical and less varied.

        Raises:
            UsageError: an unknown class, a class where there are none, a number out of range.
        """
        return self.pictures(self.noise(count, seed=seed, truncation=truncation), self.labels(count, label, seed=seed))

    def noise(self, count: int, *, seed: int = 0, truncation: float = 1.0) -> torch.Tensor:
        """The z [N, Z] that `sample` starts from."""
        if not 1 <= count <= MOST:
            raise UsageError(f"{count} samples asked for: expected 1 to {MOST:,}; another --seed gives others.")
        if not 0 < truncation <= 1:
            raise UsageError(f"--truncation {truncation:g}: expected above 0 and at most 1.")
        check_number("seed", seed)
        module = self.generator
        return sampling.truncate(sampling.noise(count, module.z_dim, seed=seed, kind=module.noise), truncation)

    def labels(self, count: int, label: str | None = None, *, seed: int = 0) -> Labels | None:
        """Labels int64 [N] of `count` samples, or None where the generator takes none."""
        if not self.generator.conditional:
            if label is not None:
                why = "its generator takes none" if self.spec.classes else "it was trained without classes"
                raise UsageError(f"class '{label}': {self.path.name} can't be asked for one, {why}. Leave it out.")
            return None
        if label is None:
            return sampling.drawn_labels(count, self._shares, seed=seed)
        if label not in self.spec.classes:
            raise UsageError(f"unknown class '{label}'. {did_you_mean(label, self.spec.classes)}")
        return np.full(count, self.spec.classes.index(label), dtype=np.int64)

    def pictures(self, z_NZ: torch.Tensor, labels: Labels | None) -> npt.NDArray[np.uint8]:
        """Pictures uint8 [N, H, W, C] of given noise [N, Z] and labels [N].

        A picture's bytes do not depend on how many are asked for: every pass is over a full batch, the last filled up.
        """
        count = len(z_NZ)
        missing = -count % BATCH
        z_NZ = torch.cat([z_NZ, z_NZ[:1].expand(missing, -1)])
        if labels is not None:
            labels = np.concatenate([labels, np.repeat(labels[:1], missing)])
        pieces = [
            sampling.generate(self.generator, z_NZ[at : at + BATCH], _cut(labels, at), self._precision)
            for at in range(0, len(z_NZ), BATCH)
        ]
        return np.concatenate(pieces)[:count]

    def interpolate(
        self, steps: int, *, rows: int = 8, label: str | None = None, seed: int = 0, truncation: float = 1.0
    ) -> npt.NDArray[np.uint8]:
        """`rows` walks along great circles between two samples of `steps` pictures: uint8 [rows * steps, H, W, C]."""
        if not 2 <= steps <= MOST_STEPS:
            raise UsageError(f"--interpolate {steps}: expected 2 to {MOST_STEPS:,}.")
        ends = self.noise(2 * rows, seed=seed, truncation=truncation)
        z_NZ = torch.cat([sampling.slerp(ends[2 * row], ends[2 * row + 1], steps) for row in range(rows)])
        labels = self.labels(rows, label, seed=seed)
        return self.pictures(z_NZ, None if labels is None else labels.repeat(steps))

    @property
    def _shares(self) -> Sequence[float]:
        return read_shares(self._folder)


def _cut(labels: Labels | None, at: int) -> Labels | None:
    return None if labels is None else labels[at : at + BATCH]
