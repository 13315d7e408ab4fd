"""What can be asked of a run, as plain data: the command line and Python fill the same structure."""

import math
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sparring.data.shards import absolute
from sparring.errors import UsageError
from sparring.recipe import DataChoice, Task
from sparring.recipes.base import DEFAULTS

TRANSLATING = frozenset({"pix2pix"})
"""Recipes that learn from pairs: for these, folders A and B with files of the same names are no classes."""

_RANGES: dict[str, tuple[float, float]] = {
    "kimg": (0.001, 1_000_000_000),
    "minutes": (0.01, 1_000_000),
    "batch": (2, 1 << 20),
    "labels": (1, math.inf),
    "seed": (0, (1 << 63) - 1),
}


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """What `sparring train` was asked for; None means: chosen from the data and the machine."""

    data: str
    task: Task | None = None
    recipe: str | None = None
    size: int | None = None
    fit: Literal["crop", "pad", "halves"] = "crop"
    channels: int | None = None
    batch: int | None = None
    kimg: float | None = None
    minutes: float | None = None
    seed: int = 0
    out: Path | None = None
    settings: tuple[str, ...] = ()
    device: str = "auto"
    precision: str = "auto"
    labels: int | None = None
    fold: int | None = None
    folds: int | None = None
    unconditional: bool = False
    until_converged: bool = False
    begin_with: Path | None = None
    stream: bool = False

    @property
    def recipe_name(self) -> str:
        """The recipe asked for, or the usual one of the task."""
        return self.recipe or DEFAULTS[self.task or "generate"]

    def command(self) -> str:
        """The command line that asks for the same."""
        words = ["sparring", "train", self.data]
        valued = (
            "task",
            "recipe",
            "size",
            "fit",
            "channels",
            "batch",
            "kimg",
            "minutes",
            "seed",
            "out",
            "device",
            "precision",
            "labels",
            "begin_with",
        )
        for name in valued:
            value = getattr(self, name)
            if value != getattr(_DEFAULTS, name):
                words += [f"--{name.replace('_', '-')}", str(value)]
        words += ["--unconditional"] if self.unconditional else []
        words += ["--until-converged"] if self.until_converged else []
        words += ["--stream"] if self.stream else []
        for setting in self.settings:
            words += ["--set", setting]
        if self.folds is None or self.fold is None:
            return shlex.join(words)
        return f"{shlex.join([*words, '--folds', str(self.folds)])}  # fold {self.fold + 1} of them"

    def data_choice(self) -> DataChoice:
        """The data asked for; a path is made absolute, so that the run goes on from any folder."""
        return DataChoice(
            source=absolute(self.data),
            size=self.size,
            fit=self.fit,
            channels=self.channels,
            conditional=not self.unconditional,
            labels=self.labels,
            fold=self.fold,
            folds=self.folds,
            pairs=self.recipe in TRANSLATING,
            stream=self.stream,
        )

    def assignments(self) -> list[tuple[str, str]]:
        """Name and text of every `--set`.

        Raises:
            UsageError: one without `=`.
        """
        pairs = []
        for setting in self.settings:
            name, equals, text = setting.partition("=")
            if not equals:
                raise UsageError(f"--set {setting}: expected NAME=VALUE, as in --set generator.width=96.")
            pairs.append((name.strip(), text))
        return pairs


_DEFAULTS = TrainOptions(data="")


def check_number(name: str, value: float | None) -> None:
    """Refuse a value of `--name` that is no number or out of its range; None is no value.

    Raises:
        UsageError: names the option, the value and the range.
    """
    least, most = _RANGES[name]
    if value is None or least <= value <= most:
        return
    ends = f"{most:,} or less" if value > most else f"{least:g} or more"
    raise UsageError(f"--{name} {value}: expected a number, {ends}.")


def check_numbers(options: TrainOptions) -> None:
    """`check_number` for every option that has a range."""
    for name in _RANGES:
        check_number(name, getattr(options, name))
