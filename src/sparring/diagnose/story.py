"""What a run has to say as it goes on: each hint once, again when it gets worse, and when it is over.

A pure function of the rows, so that a resumed run tells the same as one that was never stopped.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sparring.diagnose.hints import SEVERITIES, Hint, diagnose
from sparring.diagnose.records import Records, Row

CALM = 3
"""Looks in a row at which a hint must not hold before it is called over: values that waver at a threshold tell once."""


@dataclass(frozen=True)
class Telling:
    """A hint that newly holds, is worse than before, or is over.

    Args:
        kimg: when it is told.
    """

    hint: Hint
    what: Literal["new", "worse", "over"]
    kimg: float


@dataclass
class _Told:
    hint: Hint
    calm: int = 0


class Story:
    """Keeps what was told; show it the records at each look.

    Args:
        settings: thresholds that differ from the defaults, by rule and name.
    """

    def __init__(self, *, settings: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        self._settings = settings
        self._told: dict[str, _Told] = {}

    def look(self, records: Records) -> list[Telling]:
        """What is to be told now."""
        holding = {hint.rule: hint for hint in diagnose(records, settings=self._settings)}
        return [*self._fresh(holding, records.kimg), *self._gone(holding, records.kimg)]

    def _fresh(self, holding: Mapping[str, Hint], kimg: float) -> Iterator[Telling]:
        for rule, hint in holding.items():
            told = self._told.get(rule)
            if told is None:
                yield Telling(hint, "new", kimg)
            elif SEVERITIES.index(hint.severity) > SEVERITIES.index(told.hint.severity):
                yield Telling(hint, "worse", kimg)
            else:
                # What was told stays the measure of "worse": wavering between two degrees tells once.
                hint = told.hint
            self._told[rule] = _Told(hint)

    def _gone(self, holding: Mapping[str, Hint], kimg: float) -> Iterator[Telling]:
        for rule, told in list(self._told.items()):
            if rule in holding:
                continue
            told.calm += 1
            if told.calm >= CALM:
                del self._told[rule]
                if told.hint.severity != "info":
                    yield Telling(told.hint, "over", kimg)


def is_look(row: Row) -> bool:
    """Whether a row belongs to a milestone: samples, or held-out examples, were measured."""
    measured = ("_floor", "validation_loss", "validation_accuracy", "validation_objective")
    return any(name.endswith(measured) and value is not None for name, value in row.items())


def history(records: Records, *, settings: Mapping[str, Mapping[str, Any]] | None = None) -> list[Telling]:
    """All that was to be told at the milestones of a run, oldest first."""
    story = Story(settings=settings)
    looks = [count for count, row in enumerate(records.rows, start=1) if is_look(row)]
    return [telling for count in looks for telling in story.look(records.until(count))]
