"""A run's records as the rules read them: columns as series, measures beside their floors, facts of recipe and data."""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, TypeGuard

from sparring.runfolder import RunFolder

Row = Mapping[str, Any]
FLOOR = "_floor"
JUDGE = "judge.json"
DISTANCES = ("fd_judge", "fd_conv", "fd_fourier")
EARLY_SIDE = 8
EARLY_KIMG = 2.0
EARLY_ROWS_KIMG = 125.0


@dataclass(frozen=True)
class Series:
    """One column where it holds a finite number.

    Args:
        kimg: thousands of examples at each value, rising.
        values: as many numbers.
    """

    kimg: tuple[float, ...] = ()
    values: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def last(self) -> float:
        """The newest value; the series must hold one."""
        return self.values[-1]

    @property
    def best(self) -> float:
        """The least value; the series must hold one."""
        return min(self.values)

    def tail(self, count: int) -> "Series":
        """The newest `count` values, or all there are."""
        return Series(self.kimg[-count:], self.values[-count:])

    def before(self, count: int) -> "Series":
        """All but the newest `count` values."""
        return Series(self.kimg[:-count], self.values[:-count])

    def within(self, first: float) -> "Series":
        """The values at `first` kimg and later."""
        start = sum(kimg < first for kimg in self.kimg)
        return Series(self.kimg[start:], self.values[start:])

    def median(self) -> float:
        """The middle value; 0 where there is none."""
        return median(self.values) if self.values else 0.0

    def all_above(self, limit: float, count: int) -> bool:
        """Whether the newest `count` values exist and each exceeds `limit`."""
        return len(self) >= count and min(self.values[-count:]) > limit

    def all_below(self, limit: float, count: int) -> bool:
        """Whether the newest `count` values exist and each is less than `limit`."""
        return len(self) >= count and max(self.values[-count:]) < limit

    def since(self, holds: Sequence[bool]) -> float:
        """The kimg at which the unbroken stretch of `holds` that reaches to the end began."""
        first = len(holds)
        while first and holds[first - 1]:
            first -= 1
        return self.kimg[min(first, len(self) - 1)]

    def since_above(self, limit: float) -> float:
        """The kimg from which on every value exceeds `limit`."""
        return self.since([value > limit for value in self.values])

    def since_below(self, limit: float) -> float:
        """The kimg from which on every value is less than `limit`."""
        return self.since([value < limit for value in self.values])

    def gain(self, count: int) -> float:
        """By what share of the best value before them the newest `count` values are better (lower); 0 or less: not."""
        earlier = self.before(count)
        if not len(earlier) or earlier.best <= 0:
            return math.inf
        return 1 - self.tail(count).best / earlier.best


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A column of samples beside its floor: what as many training reals have in the place of the samples."""

    name: str
    series: Series
    floor: float

    @property
    def relative(self) -> Series:
        """The values as multiples of the floor, where there is one above 0."""
        if self.floor <= 0:
            return Series()
        return Series(self.series.kimg, tuple(value / self.floor for value in self.series.values))


@dataclass(frozen=True)
class Records:
    """What a run has written.

    Args:
        rows: of metrics.csv, oldest first; an empty cell is None or absent.
        events: of events.jsonl.
        recipe: recipe.json, as `Recipe.to_json` gives it.
        data: data.json.
        judge: judge.json; empty where the run has none.
    """

    rows: Sequence[Row]
    events: Sequence[Mapping[str, Any]] = ()
    recipe: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    judge: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: RunFolder) -> "Records":
        """Of a run that goes on, is finished, or was copied here; nothing is written.

        Raises:
            UsageError: a file is absent or broken.
        """
        judge = folder.read_json(JUDGE) if (folder.path / JUDGE).exists() else {}
        return cls(
            folder.rows(), folder.events(), folder.read_json("recipe.json"), folder.read_json("data.json"), judge
        )

    def until(self, count: int) -> "Records":
        """The records as they were when metrics.csv had `count` rows."""
        rows = self.rows[:count]
        now = float(rows[-1]["kimg"]) if rows else 0.0
        events = [event for event in self.events if float(event["kimg"]) <= now]
        return Records(rows, events, self.recipe, self.data, self.judge)

    @property
    def kimg(self) -> float:
        """Thousands of examples seen; 0 before the first row."""
        return float(self.rows[-1]["kimg"]) if self.rows else 0.0

    @functools.cached_property
    def columns(self) -> list[str]:
        """Names of all columns, in the order of the table."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def series(self, name: str) -> Series:
        """A column where it holds a finite number; empty where there is no such column."""
        held = [(float(row["kimg"]), float(row[name])) for row in self.rows if is_number(row.get(name))]
        finite = [(kimg, value) for kimg, value in held if math.isfinite(value)]
        return Series(tuple(kimg for kimg, _ in finite), tuple(value for _, value in finite))

    def measured(self, name: str) -> Measure | None:
        """A measure of samples with its floor; None where the run has not taken it."""
        series, floor = self.series(name), self.series(name + FLOOR)
        return Measure(name=name, series=series, floor=floor.last) if len(series) and len(floor) else None

    @functools.cached_property
    def distance(self) -> Measure | None:
        """The Frechet distance that the run goes by: in the judge's space, or the next best that was taken."""
        others = [name for name in self.columns if name == "FID" or name.startswith("fd_")]
        for name in [*DISTANCES, *sorted(others)]:
            if found := self.measured(name):
                return found
        return None

    @property
    def judged(self) -> Series:
        """What marks the best checkpoint: the distance, or the column that judge.json names."""
        named = self.judge.get("judged_by")
        if isinstance(named, str):
            return self.series(named)
        return self.series("validation_error") if self.distance is None else self.distance.series

    def at_milestones(self, name: str) -> Series:
        """A column in the rows in which the distance was taken."""
        if self.distance is None:
            return Series()
        taken = set(self.distance.series.kimg)
        whole = self.series(name)
        kept = [(kimg, value) for kimg, value in zip(whole.kimg, whole.values, strict=True) if kimg in taken]
        return Series(tuple(kimg for kimg, _ in kept), tuple(value for _, value in kept))

    # -- facts of the recipe and the data; None where the files do not say -------------------------------------------

    @property
    def batch(self) -> int | None:
        """Examples of one update."""
        value = self.recipe.get("batch")
        return int(value) if is_number(value) else None

    @property
    def players(self) -> list[str]:
        """Names of the players."""
        return list(self.recipe.get("players", {}))

    @property
    def adversarial(self) -> bool:
        """Whether samples are made by one player against another; so where the recipe names no players as well."""
        return not self.players or "generator" in self.players

    def pictures(self, part: str) -> int | None:
        """Examples in a part of the data."""
        found = self.data.get("parts", {}).get(part, {}).get("pictures")
        return int(found) if is_number(found) else None

    @property
    def class_counts(self) -> dict[str, int]:
        """Labelled training examples of each class; empty without classes."""
        return dict(self.data.get("parts", {}).get("train", {}).get("classes", {}))

    @property
    def early_kimg(self) -> float:
        """Until so many thousands of examples, samples that look all alike say nothing yet.

        2 for pictures of 8 pixels a side, in proportion for larger ones: they take longer to get anywhere. 125 for
        rows: they are quick to play, and many rounds pass before anything is seen. `gan` finds the first of the modes
        of `grid` at 128 to 256 kimg, and all of them by 384.
        """
        spec = self.data.get("spec", {})
        if "columns" in spec:
            return EARLY_ROWS_KIMG
        side = spec.get("height")
        return EARLY_KIMG * max(1.0, side / EARLY_SIDE if is_number(side) else 1.0)


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a cell holds a number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
