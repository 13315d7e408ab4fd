"""What `evaluate` finds: rows of measures beside their floors, and the conditions they were taken under."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sparring.metrics.robust import Robustness

FORMAT = 1
RECORD = "evaluation.json"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measure.

    Args:
        value: mean over the seeds.
        sd: over the seeds, divided by n - 1; None where there is one seed.
        floor: of as many reals in the place of samples: what a perfect generator would have.
        blurred, class_dropped, duplicated: of those reals spoilt: blurred, without their commonest class, or a half of
            them repeating the others; None where it says nothing.
        better: "lower", "higher", "floor" (where its floor is), or where a good value lies ("near 0").
        note: what the measure is.
        classes: the first seed's value by class, where it has one.
    """

    measure: str
    value: float
    sd: float | None = None
    floor: float | None = None
    blurred: float | None = None
    class_dropped: float | None = None
    duplicated: float | None = None
    better: str
    note: str
    classes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One checkpoint of a run, measured.

    Args:
        run: the name of its folder.
        against: the data that the reals come from.
        part: which of their parts: "test", "validation", or "all".
        n_real, n_fake: pictures compared, reals and samples for each seed.
        n_floor: reals in the place of samples.
        sha256: of the extractor's weights and its way of resizing.
        ema: whether the generator's weights are averaged ones.
        robustness: of the classes that the extractor sees, where that was asked for.
        notes: what was left out or is to be taken with care.
    """

    run: str
    checkpoint: str
    kimg: float
    against: str
    part: str
    n_real: int
    n_fake: int
    n_floor: int
    extractor: str
    sha256: str
    resizer: str
    ema: bool
    truncation: float
    seeds: Sequence[int]
    rows: Sequence[Row]
    robustness: Robustness | None = None
    notes: Sequence[str] = ()

    @property
    def conditions(self) -> list[str]:
        """What the numbers hold for, in lines for people."""
        ema = "averaged weights" if self.ema else "no average of the weights"
        seeds = ", ".join(map(str, self.seeds))
        return [
            f"{self.run}: {self.checkpoint} checkpoint, {self.kimg:g} kimg, {ema}, truncation {self.truncation:g}",
            f"{self.n_fake:,} samples a seed (seeds {seeds}) against {self.n_real:,} reals of {self.against}, part "
            f"{self.part}; floors: {self.n_floor:,} reals",
            f"extractor {self.extractor}, sha256 {self.sha256[:12]}, pictures resized by {self.resizer}",
            *(f"note: {note}" for note in self.notes),
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, texts and numbers; a number that is not finite is a text."""
        found: dict[str, Any] = _plain({**dataclasses.asdict(self), "conditions": self.conditions})
        return found


@dataclass(frozen=True, kw_only=True)
class Evaluations:
    """One or two checkpoints of a run, and where the record of it was written."""

    evaluations: Sequence[Evaluation]
    written: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """As evaluation.json holds it."""
        return {"format": FORMAT, "evaluations": [found.to_json() for found in self.evaluations]}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
