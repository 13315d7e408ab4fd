"""Samples that are all alike, or that leave out a part of what the reals show."""

from typing import Annotated

from sparring.diagnose.hints import Hint, evidence, rules, spoken
from sparring.diagnose.records import Measure, Records
from sparring.registry import Range


def spreading(records: Records) -> bool:
    """Samples become more varied: the newest two measurements are above the two before, and near the most there was.

    A slow start is no collapse: `dcgan` on MNIST begins with one grey blot, and draws digits from 30 kimg on.
    """
    spread = records.measured("diversity")
    if spread is None or len(spread.series) < 4:
        return False
    *_, first, second, third, last = spread.series.values
    return third + last > 1.05 * (first + second) and last > 0.9 * max(spread.series.values)


def _alike(records: Records, *, diversity: float, duplicates: float, looks: int) -> bool:
    """Samples are alike: little diversity, or many near-duplicates."""
    spread, doubles = records.measured("diversity"), records.measured("duplicates")
    little = spread is not None and spread.relative.all_below(diversity, looks)
    allowed = duplicates + (doubles.floor if doubles else 0.0)
    return little or (doubles is not None and doubles.series.all_above(allowed, looks))


def _narrow(records: Records, *, recall: float, looks: int) -> bool:
    """Samples reach a small part of the reals, seen from either side."""
    seen = [records.measured(name) for name in ("recall", "coverage")]
    return any(found is not None and found.relative.all_below(recall, looks) for found in seen)


@rules("collapse", paper="arXiv:1606.03498; arXiv:1706.08224")
def collapse(
    records: Records,
    *,
    diversity: Annotated[float, "share of the reals' diversity below which samples are too alike", Range(0.0)] = 0.5,
    grave: Annotated[float, "share of the reals' diversity below which they are all one", Range(0.0)] = 0.2,
    duplicates: Annotated[float, "share of near-duplicates above that of the reals", Range(0.0)] = 0.05,
    recall: Annotated[float, "share of the reals' recall or coverage below which samples are narrow", Range(0.0)] = 0.3,
    looks: Annotated[int, "measurements in a row", Range(1)] = 2,
) -> Hint | None:
    """Samples are nearly all alike and reach a small part of the reals: the generator lost its variety."""
    if not records.adversarial or records.kimg <= records.early_kimg:
        return None
    if not _narrow(records, recall=recall, looks=looks):
        return None
    if spreading(records) or not _alike(records, diversity=diversity, duplicates=duplicates, looks=looks):
        return None
    one = _alike(records, diversity=grave, duplicates=1.0, looks=looks)
    values = evidence(records, "diversity", "duplicates", "recall", "coverage")
    return Hint(
        failure="collapse",
        severity="error" if one else "warning",
        kimg=_since(records, looks),
        text=f"The generator {'has lost' if one else 'is losing'} its variety: samples are alike: {spoken(values)}.",
        advice="Go back to the best checkpoint, with a stronger penalty, a larger batch or half the rates.",
        values=values,
    )


def _since(records: Records, looks: int) -> float:
    found = records.measured("recall") or records.measured("coverage")
    assert found is not None
    return found.series.tail(looks).kimg[0]


@rules("too-early")
def too_early(
    records: Records,
    *,
    diversity: Annotated[float, "share of the reals' diversity below which samples look alike", Range(0.0)] = 0.5,
) -> Hint | None:
    """Samples look alike, and the run is so young that this says nothing."""
    spread = records.measured("diversity")
    if not records.adversarial or spread is None or records.kimg > records.early_kimg:
        return None
    if not spread.relative.all_below(diversity, 1):
        return None
    values = evidence(records, "diversity")
    return Hint(
        failure="early",
        severity="info",
        kimg=spread.series.kimg[0],
        text=f"Samples look alike, which is normal this early ({records.kimg:g} kimg): {spoken(values)}.",
        advice=f"Wait until {records.early_kimg:g} kimg before judging it.",
        values=values,
    )


@rules("dropped-modes", paper="arXiv:2002.09797; arXiv:1702.08896")
def dropped_modes(
    records: Records,
    *,
    coverage: Annotated[float, "share of the reals' coverage below which parts are missing", Range(0.0)] = 0.6,
    least: Annotated[float, "share of its wanted share below which a class is missing", Range(0.0)] = 0.25,
    gain: Annotated[float, "share by which the distance must fall to be falling", Range(0.0)] = 0.1,
    looks: Annotated[int, "measurements in a row", Range(1)] = 3,
) -> Hint | None:
    """Some of what the reals show is missing among the samples, and it is not coming."""
    covered, rarest, recall = (records.measured(name) for name in ("coverage", "class_least", "recall"))
    distance = records.distance
    if not records.adversarial or covered is None or distance is None or spreading(records):
        return None
    if records.kimg <= 2 * records.early_kimg:
        return None
    if distance.series.gain(looks) >= gain or any(_rising(found, looks) for found in (covered, rarest, recall)):
        return None
    uncovered = covered.relative.all_below(coverage, looks)
    missing = rarest is not None and rarest.relative.all_below(least, looks)
    narrow = recall is not None and recall.relative.all_below(coverage, looks)
    if not (uncovered and (missing or narrow)) and not (missing and covered.relative.all_below(1.0, looks)):
        return None
    values = evidence(records, "coverage", "recall", "class_least", "class_kl")
    return Hint(
        failure="collapse",
        severity="warning",
        kimg=covered.series.tail(looks).kimg[0],
        text=f"{'A class of' if missing else 'A part of'} the reals is missing among the samples: {spoken(values)}.",
        advice="Give labels, so that classes are drawn evenly, or a larger batch; the newest grid shows the gaps.",
        values=values,
    )


def _rising(measure: Measure | None, looks: int) -> bool:
    if measure is None:
        return False
    newest = measure.series.tail(looks).values
    return newest[-1] > 1.1 * newest[0]
