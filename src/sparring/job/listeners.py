"""Whom to tell while a job runs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sparring.data import Data
from sparring.engine.record import Event, Progress
from sparring.metrics.base import Extractor

if TYPE_CHECKING:
    from sparring.job.plan import Plan

OnData = Callable[[str, int, int | None], None]


def _nothing(*values: object) -> None:
    """Nobody listens."""


@dataclass(frozen=True, kw_only=True)
class Listeners:
    """Whom to tell while a job runs.

    Args:
        data: a text, what is done and what there is to do, while data are downloaded and packed.
        folder: the run's folder, as soon as it is there.
        plan: the plan and the data, before training begins.
        progress: each log point.
        judge: who judges, and what fitting took in seconds (0: it was kept from before).
        hint: what the records say, as it turns up.
        note: a sentence that a user would miss.
    """

    data: OnData | None = None
    folder: Callable[[Path], None] = _nothing
    plan: "Callable[[Plan, Data], None]" = _nothing
    progress: Callable[[Progress], None] = _nothing
    judge: Callable[[Extractor, float], None] = _nothing
    hint: Callable[[Event], None] = _nothing
    note: Callable[[str], None] = _nothing
