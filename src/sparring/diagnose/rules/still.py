"""A player that does not learn: frozen, cut off from its gradient, or with a rate of next to nothing."""

from typing import Annotated

from sparring.diagnose.hints import Hint, evidence, rules, spoken
from sparring.diagnose.records import Records, Series
from sparring.registry import Range


def _moves_less(series: Series, share: float) -> bool:
    spread = max(series.values) - min(series.values)
    return spread <= share * max(abs(value) for value in series.values)


@rules("generator-still")
def generator_still(
    records: Records,
    *,
    change: Annotated[
        float, "share by which the measures of samples may differ and still be the same", Range(0.0)
    ] = 0.01,
    times: Annotated[float, "multiple of the floor above which a distance is far off", Range(1.0)] = 3.0,
    looks: Annotated[int, "measurements in a row", Range(2)] = 3,
) -> Hint | None:
    """Every measure of the samples stays the same while they are far from the reals: the generator does not move."""
    distance, spread = records.distance, records.measured("diversity")
    if not records.adversarial or distance is None or spread is None:
        return None
    if not distance.relative.all_above(times, looks):
        return None
    samples = (distance, spread, records.measured("coverage"))
    if not all(found is None or _moves_less(found.series.tail(looks), change) for found in samples):
        return None
    values = evidence(records, distance.name, "diversity", "generator_grad_norm")
    return Hint(
        failure="still",
        severity="error",
        kimg=distance.series.tail(looks).kimg[0],
        text=f"The generator stands still: {looks} measurements in a row are the same to {change:.0%}, far from the "
        f"reals: {spoken(values)}.",
        advice="See that its parameters are trained and its rate is not next to nothing (--set generator.lr=...).",
        values=values,
    )


@rules("discriminator-still")
def discriminator_still(
    records: Records,
    *,
    accuracy: Annotated[float, "share of pairs ranked right that no learning player stays below", Range(0.0)] = 0.4,
    times: Annotated[float, "multiple of the floor above which a distance is far off", Range(1.0)] = 3.0,
    looks: Annotated[int, "measurements in a row", Range(1)] = 2,
) -> Hint | None:
    """The discriminator ranks most pairs wrong while fakes are far from the reals: it does not learn from mistakes."""
    ranked, distance = records.at_milestones("discriminator_accuracy"), records.distance
    if distance is None or not distance.relative.all_above(times, looks) or not ranked.all_below(accuracy, looks):
        return None
    values = evidence(records, "discriminator_accuracy", distance.name, "discriminator_grad_norm")
    return Hint(
        failure="still",
        severity="error",
        kimg=ranked.since_below(accuracy),
        text="The discriminator does not learn: it takes samples that are far from the reals for the better ones: "
        f"{spoken(values)}.",
        advice="See that its parameters are trained and its rate is not next to nothing (--set discriminator.lr=...).",
        values=values,
    )
