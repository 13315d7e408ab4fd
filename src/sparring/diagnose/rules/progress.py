"""Whether anything is still gained."""

from typing import Annotated

from sparring.diagnose.hints import Hint, evidence, rules, spoken
from sparring.diagnose.records import Measure, Records, Series
from sparring.diagnose.rules.collapse import spreading
from sparring.registry import Range

UNUSED = 0.1
"""Nats of divergence from the prior, below which a code says nothing."""


def flat_since(series: Series, *, share: float, gain: float, looks: int) -> bool:
    """Whether the last `share` of the run, of at least `looks` values, is no better than before it by `gain`."""
    recent = series.within((1 - share) * series.kimg[-1])
    earlier = series.before(len(recent))
    if len(recent) < looks or len(earlier) < looks:
        return False
    return recent.best > (1 - gain) * earlier.best


def yardstick(records: Records) -> Measure | None:
    """What progress is measured by: the distance of samples, or the loss on held-out examples."""
    rebuilding, told = records.series("validation_objective"), records.series("validation_kl")
    if len(rebuilding):
        if len(told) and told.last < UNUSED:
            return None  # a variational code that is not used yet: the objective stands still until it is
        return Measure(name="validation_objective", series=rebuilding, floor=0.0)
    if records.distance is not None:
        return records.distance
    loss = records.series("validation_loss")
    return Measure(name="validation_loss", series=loss, floor=0.0) if len(loss) else None


@rules("converged")
def converged(
    records: Records,
    *,
    share: Annotated[float, "last part of the run in which nothing may have been gained", Range(0.0, below=1.0)] = 0.5,
    gain: Annotated[float, "share by which the best must fall to be a gain", Range(0.0)] = 0.02,
    looks: Annotated[int, "measurements that part must hold", Range(2)] = 3,
) -> Hint | None:
    """The distance to the reals has stopped falling: half of all that was trained gained nothing."""
    found = yardstick(records)
    if found is None or records.kimg <= 4 * records.early_kimg:
        return None
    if not flat_since(found.series, share=share, gain=gain, looks=looks):
        return None
    start = found.series.within((1 - share) * records.kimg).kimg[0]
    values = {**evidence(records, found.name), "best": found.series.best}
    return Hint(
        failure="converged",
        severity="info",
        kimg=start,
        text=f"Nothing was gained since {start:g} kimg: {spoken(values)}.",
        advice="More of the same will not help: stop here (--until-converged does so), or change the recipe.",
        values=values,
    )


@rules("no-progress")
def no_progress(
    records: Records,
    *,
    times: Annotated[float, "multiple of the floor above which a distance is far off", Range(1.0)] = 10.0,
    gain: Annotated[float, "share by which the best must fall to be a gain", Range(0.0)] = 0.1,
    looks: Annotated[int, "measurements in a row", Range(2)] = 3,
) -> Hint | None:
    """Samples are far from the reals and come no nearer, and nothing of what they cover grows."""
    distance, covered = records.distance, records.measured("coverage")
    if not records.adversarial:
        return None
    if distance is None or records.kimg <= 2 * records.early_kimg or len(distance.series) < 2 * looks:
        return None
    if not distance.relative.all_above(times, looks) or distance.series.gain(looks) >= gain:
        return None
    if spreading(records):
        return None
    if covered is not None and covered.series.tail(looks).values[-1] > 0.2 * covered.floor:
        return None
    values = {**evidence(records, distance.name, "coverage"), "best": distance.series.best}
    return Hint(
        failure="progress",
        severity="warning",
        kimg=distance.series.tail(looks).kimg[0],
        text=f"The generator learns nothing: far from the reals, no nearer for {looks} measurements: {spoken(values)}.",
        advice="Start again with a tenth of both rates (--set generator.lr=... discriminator.lr=...).",
        values=values,
    )
