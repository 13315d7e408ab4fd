"""Training pictures known by heart: by the discriminator, or handed out by the generator as its own."""

from typing import Annotated

from sparring.diagnose.hints import Hint, evidence, rules, spoken
from sparring.diagnose.records import Records
from sparring.registry import Range


@rules("copying", paper="arXiv:2004.05675")
def copying(
    records: Records,
    *,
    share: Annotated[
        float, "share of samples nearer to a training picture than 99 % of held-out reals", Range(0.0)
    ] = 0.05,
    grave: Annotated[float, "the same, where most of an export would be copies", Range(0.0)] = 0.2,
    times: Annotated[float, "multiple of what training reals have themselves", Range(1.0)] = 2.0,
    looks: Annotated[int, "measurements in a row", Range(1)] = 2,
) -> Hint | None:
    """More samples lie next to a training picture than chance puts there, and more than training reals do."""
    found = records.measured("copies")
    if found is None or not found.series.all_above(max(share, times * found.floor), looks):
        return None
    values = evidence(records, "copies", "overfit")
    limit = max(share, times * found.floor)
    return Hint(
        failure="copying",
        severity="error" if found.series.all_above(max(grave, times * found.floor), looks) else "warning",
        kimg=found.series.since_above(limit),
        text=f"Samples copy training pictures; 0.01 would be chance: {spoken(values)}.",
        advice="Compare them with their nearest training pictures before you share any; stop earlier or add pictures.",
        values=values,
    )


@rules("discriminator-overfits", paper="arXiv:2006.06676, equation 1")
def discriminator_overfits(
    records: Records,
    *,
    overfit: Annotated[float, "r_v above which D goes by heart", Range(0.0)] = 0.5,
    accuracy: Annotated[float, "share of pairs ranked right above which D is sure of itself", Range(0.5)] = 0.9,
    looks: Annotated[int, "measurements in a row", Range(1)] = 3,
) -> Hint | None:
    """The discriminator takes held-out reals for fakes more than for reals, and is sure of its training pictures."""
    found, ranked = records.series("overfit"), records.at_milestones("discriminator_accuracy")
    if not found.all_above(overfit, looks) or not ranked.all_above(accuracy, looks):
        return None
    values = evidence(records, "overfit", "discriminator_accuracy")
    return Hint(
        failure="overfitting",
        severity="warning",
        kimg=found.since_above(overfit),
        text=f"The discriminator knows its training pictures by heart: {spoken(values)}.",
        advice="Take the best checkpoint, and add pictures or augmentation before training longer.",
        values=values,
    )
