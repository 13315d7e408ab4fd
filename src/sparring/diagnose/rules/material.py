"""What is wrong with the data, the labels, the batch or the yardstick, whatever the players do."""

from typing import Annotated

from sparring.diagnose.hints import Hint, Severity, evidence, rules, spoken
from sparring.diagnose.records import Records, is_number
from sparring.registry import Range

INCEPTION_DIMENSIONS = 2048


@rules("small-data", paper="arXiv:2006.06676; arXiv:2006.10738")
def small_data(
    records: Records,
    *,
    few: Annotated[int, "pictures below which a generator mostly copies", Range(1)] = 100,
    some: Annotated[int, "pictures below which it overfits within an hour", Range(1)] = 500,
    enough: Annotated[int, "pictures below which distances are uncertain", Range(1)] = 2000,
) -> Hint | None:
    """There are few training pictures: what to expect of them."""
    count = records.pictures("train")
    if count is None or count >= enough or "generator" not in records.players:
        return None
    severity: Severity = "warning" if count < some else "info"
    expected = "the generator will mostly copy them" if count < few else "the discriminator will learn them by heart"
    expected = expected if count < some else "distances between so few are uncertain"
    return Hint(
        failure="data",
        severity=severity,
        kimg=0.0,
        text=f"{count:,} training pictures are few (2,000 or more are wanted): {expected}.",
        advice="Add pictures if you can, and watch `copies` and `overfit` rather than the distance alone.",
        values={"pictures": count},
    )


@rules("one-class")
def one_class(
    records: Records,
    *,
    share: Annotated[float, "share of the largest class from which the others do not count", Range(0.0)] = 0.98,
) -> Hint | None:
    """The labels name one class for all but every picture: a filter too many, or labels that were read wrong."""
    counts = records.class_counts
    total = sum(counts.values())
    if not total or max(counts.values()) < share * total:
        return None
    name = max(counts, key=lambda each: counts[each])
    return Hint(
        failure="data",
        severity="warning",
        kimg=0.0,
        text=f"{counts[name]:,} of {total:,} labelled training pictures are of one class, '{name}': such labels say "
        "nothing.",
        advice="See with `sparring check` that the classes were read as you meant them, or train with --unconditional.",
        values={"class": name, "share": counts[name] / total, "classes": len(counts)},
    )


def chance(records: Records) -> float:
    """The share of right guesses of somebody who always says the largest class; 0 without classes."""
    counts = records.class_counts
    return max(counts.values()) / sum(counts.values()) if len(counts) > 1 else 0.0


@rules("labels-meaningless")
def labels_meaningless(
    records: Records,
    *,
    skill: Annotated[float, "share of the errors of guessing that it avoids at least", Range(0.0)] = 0.1,
    held: Annotated[int, "held-out pictures from which that can be told", Range(1)] = 50,
) -> Hint | None:
    """A classifier fitted to the labels does no better than guessing on held-out reals."""
    refused = records.judge.get("refused") or {}
    if not refused or refused["held"] < held or refused["skill"] >= skill:
        return None
    values = {**refused, "chance": chance(records)}
    return Hint(
        failure="labels",
        severity="warning",
        kimg=0.0,
        text=f"The labels say next to nothing of the pictures: a classifier fitted to them is right for "
        f"{refused['accuracy']:.3g} of {refused['held']:,} held-out pictures, and guessing would be for "
        f"{chance(records):.3g}.",
        advice="See that labels and pictures are in the same order, or train with --unconditional.",
        values=values,
    )


@rules("noise")
def noise(
    records: Records,
    *,
    smoothness: Annotated[float, "correlation of neighbouring values below which pictures are noise", Range(0.0)] = 0.1,
    looked_at: Annotated[int, "pictures from which that can be told", Range(1)] = 20,
) -> Hint | None:
    """The training pictures are noise: values say nothing of their neighbours."""
    facts = records.data.get("pictures") or {}
    found = facts.get("smoothness")
    if not is_number(found) or facts["looked_at"] < looked_at or abs(found) >= smoothness:
        return None
    return Hint(
        failure="data",
        severity="warning",
        kimg=0.0,
        text=f"The training pictures look like noise: neighbouring values correlate by {found:.3g} (0 noise, near 1 "
        f"photographs) in {facts['looked_at']:,} of them.",
        advice="See with `sparring check` that the files were read as you meant them, and look at samples/real.png.",
        values=dict(facts),
    )


@rules("labels-ignored")
def labels_ignored(
    records: Records,
    *,
    times: Annotated[float, "multiple of chance below which the class asked for does not matter", Range(1.0)] = 3.0,
    floor: Annotated[float, "agreement of the reals from which labels can be told from pictures", Range(0.0)] = 0.8,
    coverage: Annotated[
        float, "share of the reals' coverage from which samples are varied enough to tell", Range(0.0)
    ] = 0.5,
    looks: Annotated[int, "measurements in a row", Range(1)] = 3,
) -> Hint | None:
    """Varied samples that do not show the class asked for, though the reals show theirs."""
    found, covered = records.measured("class_agreement"), records.measured("coverage")
    limit = times * chance(records)
    if found is None or covered is None or not limit or found.floor < floor or limit > floor:
        return None
    if not found.series.all_below(limit, looks) or not covered.relative.all_above(coverage, looks):
        return None
    values = {**evidence(records, "class_agreement", "coverage"), "chance": chance(records)}
    return Hint(
        failure="labels",
        severity="warning",
        kimg=found.series.since_below(limit),
        text=f"Samples are varied but do not show the class asked for: {spoken(values)}.",
        advice="See that labels and pictures are in the same order in what the players are given.",
        values=values,
    )


@rules("batch-too-small")
def batch_too_small(
    records: Records,
    *,
    least: Annotated[int, "examples below which batch norm and a pair's loss are mostly noise", Range(2)] = 8,
    times: Annotated[float, "multiple of the floor above which a distance is far off", Range(1.0)] = 3.0,
    looks: Annotated[int, "measurements in a row", Range(1)] = 2,
) -> Hint | None:
    """The batch is tiny, and the samples are far from the reals."""
    distance = records.distance
    if not records.adversarial or records.batch is None or records.batch >= least or distance is None:
        return None
    if "l1" in records.columns:  # each picture has a target of its own: one at a time is enough (arXiv:1611.07004)
        return None
    if not distance.relative.all_above(times, looks):
        return None
    values = {"batch": records.batch, **evidence(records, distance.name)}
    return Hint(
        failure="batch",
        severity="warning",
        kimg=distance.relative.since_above(times),
        text=f"A batch of {records.batch} is mostly noise, and the samples are far off: {spoken(values)}.",
        advice="Give --batch 32 or more; --set generator.accumulate=... fits it into little memory.",
        values=values,
    )


@rules("measure-invalid", paper="arXiv:1706.08500")
def measure_invalid(
    records: Records,
    *,
    least: Annotated[
        int, "held-out pictures below which neighbours and classes can't be told from chance", Range(2)
    ] = 50,
) -> Hint | None:
    """The yardstick itself is bent: too few held-out pictures for what is measured with them."""
    held, asked = records.pictures("validation"), "FID" in records.columns
    if held is None or records.distance is None:
        return None
    wanted = INCEPTION_DIMENSIONS if asked else least
    if held >= wanted:
        return None
    values = {"held_out": held, **evidence(records, records.distance.name)}
    return Hint(
        failure="measure",
        severity="info",
        kimg=0.0,
        text=f"{held:,} held-out pictures are too few for {records.distance.name} ({wanted:,} are wanted): "
        f"{spoken(values)}.",
        advice="Compare runs on the same data only, or go by KID, which few pictures do not bias.",
        values=values,
    )
