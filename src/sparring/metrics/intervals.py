"""A row of a table of measures, and how sure its number is: Wilson's interval of a share, the bootstrap of the rest."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from sparring.metrics.base import Floats, Labels

Better = Literal["higher", "lower", ""]
Interval = tuple[float, float]
Counts = Labels
Statistic = Callable[[Counts], Floats]
"""From how often each example was drawn, int64 [N], to measures [M]; NaN where a draw allows none."""

CONFIDENCE = 0.95
MOST_DRAWS, LEAST_DRAWS = 1_000, 100
WORK = 200_000_000


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One row of a table.

    Args:
        low, high: the interval of 95 % confidence; None where there is none.
        count: the number of examples behind it.
        better: which way; "" for what is neither good nor bad.
        note: what the number means, and what to compare it with.
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    count: int
    better: Better = "higher"
    note: str = ""


def records(rows: Iterable[Measure]) -> list[dict[str, Any]]:
    """The rows as JSON holds them, `name` being called `measure`."""
    return [{"measure": row.pop("name"), **row} for row in map(asdict, rows)]


def measure(
    name: str, value: float, interval: Interval | None, count: int, note: str = "", *, better: Better = "higher"
) -> Measure:
    """A row from a value and its interval, None where there is none."""
    low, high = interval or (None, None)
    return Measure(name=name, value=float(value), low=low, high=high, count=int(count), better=better, note=note)


def proportion(name: str, hits: int, count: int, note: str = "", *, better: Better = "higher") -> Measure:
    """The row of a share `hits` / `count` with Wilson's interval; of no example it is 0, without an interval."""
    value, interval = (hits / count, wilson(hits, count)) if count else (0.0, None)
    return measure(name, value, interval, count, note, better=better)


def wilson(hits: int, count: int) -> Interval:
    """The interval of 95 % confidence of the share `hits` / `count`, `count` of 1 or more (Wilson 1927, eq. 4)."""
    from scipy.stats import binomtest

    found = binomtest(int(hits), int(count)).proportion_ci(CONFIDENCE, method="wilson")
    return float(found.low), float(found.high)


def draws(count: int, classes: int) -> int:
    """How often examples are drawn anew: 1,000 times, down to 100 where examples times classes are many."""
    return max(LEAST_DRAWS, min(MOST_DRAWS, WORK // (count * classes)))


def bootstrap(statistics: Mapping[str, Statistic], count: int, *, seed: int, times: int) -> dict[str, Floats]:
    """Each statistic of `times` samples drawn with replacement, all of the same samples.

    Args:
        count: examples, N.
        seed: of Philox; equal seeds give equal draws.

    Returns:
        By name, float64 [times, M].
    """
    draw = np.random.Generator(np.random.Philox(key=seed))
    found: dict[str, list[Floats]] = {name: [] for name in statistics}
    for _ in range(times):
        counts = np.bincount(draw.integers(0, count, count), minlength=count)
        for name, statistic in statistics.items():
            found[name].append(statistic(counts))
    return {name: np.stack(values) for name, values in found.items()}


def percentiles(values: Floats) -> Interval | None:
    """The middle 95 % of bootstrapped values [times] (Efron 1979); None where half of them or more are NaN."""
    known = values[np.isfinite(values)]
    if 2 * len(known) <= len(values):
        return None
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def reflected(values: Floats, value: float) -> Interval | None:
    """The same, mirrored at the value and cut at 0: right for a measure that small samples push upwards.

    Source: Davison and Hinkley 1997, eq. 5.6 (the basic bootstrap).
    """
    found = percentiles(values)
    return None if found is None else (max(0.0, 2 * value - found[1]), max(0.0, 2 * value - found[0]))
