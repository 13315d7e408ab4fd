"""Numbers that leave their range: not finite, leaping, or getting worse again."""

import math
from typing import Annotated

from sparring.diagnose.hints import Hint, evidence, rules, spoken
from sparring.diagnose.records import Records, Series, is_number
from sparring.registry import Range

DIVERGED = "diverged"


@rules("not-finite")
def not_finite(records: Records) -> Hint | None:
    """Steps were left out because a gradient was not finite, a value is none, or the run ended by it."""
    ended = next((event for event in records.events if event["kind"] == DIVERGED), None)
    skipped = {name: records.series(name).last for name in records.columns if _skips(records, name)}
    broken = _broken_cell(records)
    if ended is None and not skipped and broken is None:
        return None
    grave = ended is not None or broken is not None
    values = {**skipped, **({} if broken is None else {broken[0]: "not finite"})}
    told = [f"{value:.0f} steps left out so far ({name})" for name, value in skipped.items()]
    told += [] if broken is None else [f"{broken[0]} is not finite"]
    told += [] if ended is None else ["the run ended by it"]
    return Hint(
        failure="diverged",
        severity="error" if grave else "warning",
        kimg=min(
            _first_skip(records, skipped),
            broken[1] if broken else math.inf,
            float(ended["kimg"]) if ended else math.inf,
        ),
        text=f"Numbers stopped being finite: {'; '.join(told)}.",
        advice="Halve the rates (--set generator.lr=... discriminator.lr=...), or try --precision fp32.",
        values=values,
    )


def _skips(records: Records, name: str) -> bool:
    if not name.endswith("_skipped"):
        return False
    series = records.series(name)
    return len(series) > 0 and series.last > 0


def _first_skip(records: Records, skipped: dict[str, float]) -> float:
    series = [records.series(name) for name in skipped]
    return min((found.since_above(0.0) for found in series), default=math.inf)


def _broken_cell(records: Records) -> tuple[str, float] | None:
    for row in records.rows:
        for name, value in row.items():
            # Where a class is there that nobody wanted, the divergence of the classes is rightly infinite.
            if is_number(value) and not math.isfinite(value) and not name.startswith("class_"):
                return name, float(row["kimg"])
    return None


def grad_norms(records: Records) -> dict[str, Series]:
    """The length of each player's gradient, by player."""
    found = {
        name.removesuffix("_grad_norm"): records.series(name) for name in records.columns if name.endswith("_grad_norm")
    }
    return {player: series for player, series in found.items() if len(series)}


@rules("spike")
def spike(
    records: Records,
    *,
    times: Annotated[float, "multiple of the median so far", Range(1.0)] = 10.0,
    rows: Annotated[int, "rows that must lie so high, of the newest `among`", Range(1)] = 2,
    among: Annotated[int, "newest rows that are looked at", Range(1)] = 10,
    far: Annotated[float, "multiple of the floor above which a distance is far off", Range(1.0)] = 3.0,
) -> Hint | None:
    """The gradient of a player leaps to many times its usual length, again and again, far from the goal."""
    distance = records.distance
    if not records.adversarial or distance is None or not distance.relative.all_above(far, 1):
        return None
    for player, series in grad_norms(records).items():
        usual, newest = series.before(among).median(), series.tail(among)
        high = [value > times * usual for value in newest.values]
        if usual > 0 and len(series) >= 2 * among and sum(high) >= rows:
            return _spike(records, player, newest, high, usual)
    return None


def _spike(records: Records, player: str, newest: Series, high: list[bool], usual: float) -> Hint:
    assert records.distance is not None
    name = f"{player}_grad_norm"
    values = {name: max(newest.values), f"{name}_median": usual, **evidence(records, records.distance.name)}
    return Hint(
        failure="unstable",
        severity="warning",
        kimg=newest.kimg[high.index(True)],
        text=f"The gradient of the {player} leaps to {max(newest.values) / usual:.0f} times its usual length: "
        f"{spoken(values)}.",
        advice=f"Halve its rate (--set {player}.lr=...), or clip it (--set {player}.clip=...).",
        values=values,
    )


@rules("regressing")
def regressing(
    records: Records,
    *,
    worse: Annotated[float, "share above its best from which a distance is worse", Range(0.0)] = 0.2,
    far: Annotated[float, "floors above its best that it must be as well", Range(0.0)] = 2.0,
    looks: Annotated[int, "measurements in a row", Range(1)] = 3,
) -> Hint | None:
    """The distance to the reals has risen again, by more than its noise, and stays there."""
    distance = records.distance
    if not records.adversarial or distance is None or len(distance.series) <= looks:
        return None
    best = distance.series.best
    limit = max((1 + worse) * best, best + far * distance.floor)
    if not distance.series.all_above(limit, looks):
        return None
    at = distance.series.kimg[distance.series.values.index(best)]
    values = {**evidence(records, distance.name), "best": best, "best_kimg": at}
    return Hint(
        failure="unstable",
        severity="warning",
        kimg=distance.series.since_above(limit),
        text=f"The run gets worse again: {spoken(evidence(records, distance.name))}; it was {best:.3g} at {at:g} kimg.",
        advice="The best checkpoint is kept: sample from it, and train again from the start with half the rates.",
        values=values,
    )
