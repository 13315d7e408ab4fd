"""What differs by what a game is played for: a task is one value, whose parts the rest of the job asks for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from sparring.data import Data, Part
from sparring.data.spec import OpenedSpec
from sparring.engine.game import Game
from sparring.engine.precision import Precision
from sparring.engine.record import Observer
from sparring.metrics.base import Extractor
from sparring.metrics.judge import Judge
from sparring.metrics.kept import Progress
from sparring.models.gan.base import Generator
from sparring.recipe import Recipe
from sparring.runfolder import RunFolder


class Drawer(Protocol):
    """Draws how far the players are, and the reals beside which that is seen.

    Attributes:
        every_row: whether it is quick enough to draw at every row of the table, not at milestones alone.
    """

    every_row: bool

    def __call__(self, game: Game) -> None:
        """Draw now, and save it under the present count."""
        ...

    def reals(self, data: Data) -> None:
        """Save the same of training examples, as real.png."""
        ...


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What a run is judged with.

    Args:
        judged_by: the column whose least value marks the best checkpoint.
        extractor: of samples; None where none are made.
        refused: the judge that was fitted but can't be trusted, if there is one.
        seconds: what making them took in this process; next to nothing where they were kept.
    """

    judged_by: str
    extractor: Extractor | None = None
    refused: Judge | None = None
    seconds: float = 0.0

    def record(self) -> dict[str, Any]:
        """judge.json."""
        if self.extractor is None:
            return {"extractor": None, "judged_by": self.judged_by}
        record: dict[str, Any] = {"extractor": self.extractor.name, "sha256": self.extractor.sha256}
        if isinstance(self.extractor, Judge):
            record |= {"accuracy": self.extractor.accuracy, "held": self.extractor.record.held}
        if self.refused is not None:
            known = self.refused.record
            record["refused"] = {"accuracy": known.accuracy, "skill": known.skill, "held": known.held}
        return record


def no_further_check(recipe: Recipe) -> None:
    """All settings of a recipe go together."""


def no_extractor(data: Data, recipe: Recipe, device: torch.device) -> None:
    """Nothing that is made is judged."""


def nothing_more(path: Path, device: torch.device) -> None:
    """A run that has come to its end has all that it needs."""


Fit = Callable[[Data, Recipe, torch.device, Progress], Fitted]


@dataclass(frozen=True, kw_only=True)
class Aim:
    """One task.

    Args:
        check: refuses a recipe whose settings don't go together, with a `UsageError`.
        build: players, objective and deal, before the first round; of the parts "train" and "validation".
        fit: what the run is judged with, of the data, the recipe and the device.
        stand_in: an extractor of the kind that suits the data, and as fast, before anything is fitted: for measuring
            time; None where no samples are judged.
        observers: who measures the game, with the extractor.
        drawer: who draws it; without a folder nothing is saved.
        generator: what samples are made with, of a run's folder, its recipe, and whatever loads a player's network by
            its name; a `UsageError` where it makes none.
        names_classes: whether one of the players says which class an example is of.
        finish: what is still to be made of a run that has come to its end, in its folder, computed on the device.
    """

    check: Callable[[Recipe], None]
    build: Callable[[Recipe, OpenedSpec, Mapping[str, Part], Precision], Game]
    fit: Fit
    stand_in: Callable[[Data, Recipe, torch.device], Extractor | None]
    observers: Callable[[Data, Recipe, Extractor | None], list[Observer]]
    drawer: Callable[[RunFolder | None, Data, Recipe], Drawer]
    generator: Callable[[Path, Recipe, Callable[[str], nn.Module]], Generator]
    names_classes: Callable[[Recipe, OpenedSpec], bool]
    finish: Callable[[Path, torch.device], None] = nothing_more
