"""What the classifiers of `sparring augment --prove` come to: a table, differences with intervals, and an answer."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sparring.job.augment_arms import ARMS, BOTH, CONTROL, ONLY_MADE, PLAIN, REPEATING
from sparring.metrics.base import Labels
from sparring.metrics.benefit import Finding, Gain, gains, measures_of, scored

COMPARED = ((BOTH, CONTROL), (BOTH, REPEATING), (BOTH, PLAIN), (ONLY_MADE, PLAIN), (CONTROL, PLAIN))
"""What is set beside what; the first three decide, by the measure of this place:"""
DECIDING, BY = 3, 1


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What one way is better by than another, measure by measure."""

    first: str
    second: str
    gains: tuple[Gain, ...]


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What came out.

    Args:
        measures: what is measured; `means` and `sds` are of each way over its seeds.
        tested: test pictures of the class; `count`: of all.
        finding: whether made pictures help; `verdict` says it in a sentence.
        warnings: what keeps it from being told.
    """

    label: str
    measures: tuple[str, ...]
    means: Mapping[str, tuple[float, ...]]
    sds: Mapping[str, tuple[float, ...]]
    comparisons: tuple[Comparison, ...]
    tested: int
    count: int
    margin: float
    finding: Finding
    verdict: str
    conditions: tuple[str, ...]
    warnings: tuple[str, ...]
    written: Path

    def to_json(self) -> dict[str, Any]:
        """As proof.json holds it."""
        told = asdict(self)
        del told["written"]
        return {"format": 1, **told}


def judged(
    said: Mapping[str, Labels],
    labels: Labels,
    classes: Sequence[str],
    *,
    label: str,
    margin: float,
    conditions: Sequence[str],
    parts: Sequence[str],
    written: Path,
) -> Proof:
    """Compare the ways.

    Args:
        said: predicted classes int64 [S, N] of each way, by its name.
        labels: of the test pictures, int64 [N].
        label: the class that pictures were made of.
        parts: that the test pictures are of.
    """
    number = classes.index(label)
    tested, measures = int((labels == number).sum()), measures_of([label])
    scores = {arm.name: scored(said[arm.name], labels, len(classes), [number]) for arm in ARMS}
    behind = [tested, tested, len(labels), len(labels)]
    comparisons = tuple(
        Comparison(
            first=first.name,
            second=second.name,
            gains=gains(scores[first.name], scores[second.name], measures, behind, margin=margin),
        )
        for first, second in COMPARED
    )
    finding, verdict = verdict_of(comparisons, margin)
    return Proof(
        label=label,
        measures=tuple(measures),
        means={name: tuple(found.seen.mean(0).tolist()) for name, found in scores.items()},
        sds={name: tuple(found.seen.std(0, ddof=1).tolist()) for name, found in scores.items()},
        comparisons=comparisons,
        tested=tested,
        count=len(labels),
        margin=margin,
        finding=finding,
        verdict=verdict,
        conditions=(
            *conditions,
            f"tested on {len(labels):,} real pictures, {tested:,} of them of '{label}': part {' and '.join(parts)}, "
            "which the run was not trained on or chosen by",
        ),
        warnings=_warnings(tested, margin, label),
        written=written,
    )


def verdict_of(comparisons: Sequence[Comparison], margin: float) -> tuple[Finding, str]:
    """Whether made pictures help the class's F1, of the comparisons in the order of `COMPARED`."""
    control, repeated, plain = (comparison.gains[BY] for comparison in comparisons[:DECIDING])
    by = (
        f"{control.measure}: {told(control)} beyond the control, {told(repeated)} beyond repeating the class's own "
        f"pictures, {told(plain)} beyond the pictures as they are"
    )
    found = [control.finding, repeated.finding, plain.finding]
    if found == ["helps"] * DECIDING:
        return "helps", f"yes, the made pictures help ({by})"
    if "harms" in found:
        return "harms", f"no, they harm ({by})"
    if control.finding == "helps" and repeated.finding != "helps":
        more = "it can't be told from" if repeated.finding == "unknown" else "no more than"
        return repeated.finding, f"more of the class helps, but {more} repeating its own pictures ({by})"
    if "no" in found:
        return "no", f"no: a gain of {_points(margin)} or more is ruled out ({by})"
    return "unknown", f"can't tell ({by}): more --seeds narrow the interval, more test pictures more so"


def told(gain: Gain) -> str:
    """A gain with its interval, in points of a hundred.

    >>> told(Gain(measure="f1", value=0.02, low=-0.01, high=0.05, freedom=4, seed_sd=0, test_sd=0, finding="unknown"))
    '+2.0 [-1.0, +5.0]'
    """
    return f"{100 * gain.value:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]"


def _points(share: float) -> str:
    return f"{100 * share:g} point{'s' if share != 0.01 else ''}"


def _warnings(tested: int, margin: float, label: str) -> tuple[str, ...]:
    if tested * margin >= 1:
        return ()
    one = f"{tested} test picture{'s' if tested != 1 else ''} of '{label}'"
    enough = int(np.ceil(1 / margin))
    return (
        f"only {one}: one of them is {_points(round(1 / tested, 3))} of recall, and the least gain that would matter "
        f"is {_points(margin)}. A large gain can be told, its absence not; {enough} or more would do.",
    )
