"""Whether D's output has come to 1/2, and which of the two things that it can mean it means."""

from typing import Annotated

from sparring.diagnose.hints import Hint, evidence, rules, spoken
from sparring.diagnose.records import Records, Series
from sparring.registry import Range

REAL, FAKE = "discriminator_real", "discriminator_fake"


def off_half(records: Records) -> Series:
    """How far D's mean output is from 1/2, on reals or on fakes, whichever is the farther."""
    real, fake = records.series(REAL), records.series(FAKE)
    if real.kimg != fake.kimg:
        return Series()
    pairs = zip(real.values, fake.values, strict=True)
    return Series(real.kimg, tuple(max(abs(x - 0.5), abs(g - 0.5)) for x, g in pairs))


@rules("equilibrium", paper="arXiv:1406.2661, theorem 1")
def equilibrium(
    records: Records,
    *,
    within: Annotated[float, "distance from 1/2 within which D's mean outputs lie", Range(0.0, 0.5)] = 0.05,
    times: Annotated[float, "multiple of the floor up to which samples are near the reals", Range(1.0)] = 3.0,
    rows: Annotated[int, "rows in a row", Range(1)] = 5,
) -> Hint | None:
    """The discriminator's output is 1/2 for reals and fakes: the optimum, or a discriminator that is fooled."""
    off = off_half(records)
    if not off.all_below(within, rows) or records.kimg <= records.early_kimg:
        return None
    distance = records.distance
    values = evidence(records, REAL, FAKE, *([distance.name] if distance else []))
    far, why = _verdict(records, times)
    since = off.since_below(within)
    return Hint(
        failure="balance",
        severity="info",
        kimg=since,
        text=f"D's output reached 1/2 at {since:g} kimg: {spoken(values)}. At the optimum of the game it is 1/2 "
        f"everywhere and J_D = -log 4 = -1.386, but a D that is fooled says the same; {why}.",
        advice=(
            "While the distance falls, go on; else make D stronger: wider, or --set discriminator.updates=2."
            if far
            else "Judge by the distance, and stop where it no longer falls (--until-converged)."
        ),
        values=values,
    )


def _verdict(records: Records, times: float) -> tuple[bool, str]:
    """Whether samples are known to be far from the reals, and what decides."""
    distance = records.distance
    if distance is None or not len(distance.relative):
        return False, "which of the two it is would be told by a distance beside its floor, which this run has not"
    multiple = distance.relative.last
    told = f"{distance.name} is {multiple:.2g} times its floor"
    return multiple > times, f"{told}: {'it is fooled' if multiple > times else 'it is at or near the optimum'}"
