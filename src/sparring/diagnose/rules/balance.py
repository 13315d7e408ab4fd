"""How the two players stand: one that wins teaches the other nothing."""

from typing import Annotated

from sparring.diagnose.hints import Hint, evidence, rules, spoken
from sparring.diagnose.records import Records, Series
from sparring.registry import Range


def slow_far_off(records: Records, *, looks: int, times: float, gain: float) -> bool:
    """Whether the distance is over `times` its floor and fell by less than `gain` of its best in the newest `looks`."""
    distance = records.distance
    if distance is None or not distance.relative.all_above(times, looks):
        return False
    return distance.series.gain(looks) < gain


def _vanished(signal: Series, *, share: float, looks: int) -> bool:
    """Whether the newest values are below a share of the median of those before."""
    earlier = signal.before(looks)
    return len(earlier) > 0 and signal.all_below(share * earlier.median(), looks)


@rules("discriminator-wins", paper="arXiv:1701.04862, section 2")
def discriminator_wins(
    records: Records,
    *,
    accuracy: Annotated[float, "share of pairs ranked right above which D is all but perfect", Range(0.5)] = 0.99,
    signal: Annotated[
        float, "share of its median so far below which the gradient to G has vanished", Range(0.0)
    ] = 0.01,
    times: Annotated[float, "multiple of the floor above which a distance is far off", Range(1.0)] = 10.0,
    gain: Annotated[float, "share by which the distance falls in a run that learns, over the looks", Range(0.0)] = 0.5,
    looks: Annotated[int, "measurements in a row", Range(1)] = 3,
) -> Hint | None:
    """The discriminator is all but perfect, and the generator does not get nearer or is not told how.

    A high accuracy alone is normal; it is wrong where the distance hardly falls or the gradient to G has vanished.
    """
    ranked = records.at_milestones("discriminator_accuracy")
    if not ranked.all_above(accuracy, looks):
        return None
    vanished = _vanished(records.series("signal"), share=signal, looks=looks)
    if not vanished and not slow_far_off(records, looks=looks, times=times, gain=gain):
        return None
    assert records.distance is not None
    values = evidence(records, "discriminator_accuracy", "signal", records.distance.name)
    why = "its gradient tells the generator nothing any more" if vanished else "samples hardly come nearer to the reals"
    return Hint(
        failure="balance",
        severity="warning",
        kimg=ranked.since_above(accuracy),
        text=f"The discriminator wins: it ranks all but every pair right, and {why}: {spoken(values)}.",
        advice="Double the penalty's strength, or lower the discriminator's rate (--set discriminator.lr=...).",
        values=values,
    )


@rules("generator-wins", paper="arXiv:1606.03498")
def generator_wins(
    records: Records,
    *,
    accuracy: Annotated[float, "share of pairs ranked right below which D is fooled", Range(0.0)] = 0.55,
    times: Annotated[float, "multiple of the floor above which a distance is far off", Range(1.0)] = 3.0,
    gain: Annotated[float, "share by which the distance must fall to be falling", Range(0.0)] = 0.05,
    looks: Annotated[int, "measurements in a row", Range(1)] = 3,
) -> Hint | None:
    """The discriminator is fooled by samples that are far from the reals, and they come no nearer."""
    ranked = records.at_milestones("discriminator_accuracy")
    if not ranked.all_below(accuracy, looks) or not slow_far_off(records, looks=looks, times=times, gain=gain):
        return None
    assert records.distance is not None
    values = evidence(records, "discriminator_accuracy", records.distance.name)
    return Hint(
        failure="balance",
        severity="warning",
        kimg=ranked.since_below(accuracy),
        text=f"The generator wins with samples that are far from the reals: {spoken(values)}.",
        advice="Make the discriminator stronger: wider, a weaker penalty, or --set discriminator.updates=2.",
        values=values,
    )
