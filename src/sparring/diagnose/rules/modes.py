"""Modes of a mixture that no sample shows, where the data's modes are known."""

from typing import Annotated

from sparring.diagnose.hints import Hint, evidence, rules, spoken
from sparring.diagnose.records import Records
from sparring.registry import Range


@rules("missing-modes", paper="arXiv:1611.02163; arXiv:1705.07761")
def missing_modes(
    records: Records,
    *,
    share: Annotated[float, "share of the modes below which some are missing", Range(0.0)] = 0.99,
    looks: Annotated[int, "measurements in a row", Range(1)] = 3,
) -> Hint | None:
    """The samples show a part of the modes that the data are known to have, and no more are coming."""
    found = records.measured("modes")
    if found is None or records.kimg <= 2 * records.early_kimg or not found.relative.all_below(share, looks):
        return None
    counts = found.series.tail(looks).values
    if counts[-1] > counts[0]:
        return None
    values = evidence(records, "modes", "quality")
    return Hint(
        failure="collapse",
        severity="warning",
        kimg=found.series.tail(looks).kimg[0],
        text=f"Some of the data's modes are missing among the samples: {spoken(values)}.",
        advice="See the frames: where D is the same everywhere a stronger penalty helps (--recipe gan has two), where "
        "samples jump from mode to mode half the rates do.",
        values=values,
    )
