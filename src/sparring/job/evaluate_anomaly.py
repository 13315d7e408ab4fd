"""What a detector is worth on pictures that are known to be good or faulty."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sparring.data.defects import MASKS, TEST, has_defects
from sparring.errors import DataError
from sparring.job.defects import Tested, tested
from sparring.job.detect import FALSE_ALARMS
from sparring.job.evaluation import RECORD
from sparring.job.run import Run
from sparring.metrics.false_alarms import cut_for
from sparring.metrics.intervals import Measure, proportion, records
from sparring.metrics.kept import Progress, silent
from sparring.runfolder import RunFolder


@dataclass(frozen=True, kw_only=True)
class AnomalyEvaluation:
    """One checkpoint of a detector, measured.

    Args:
        rows: of scores, of each kind of fault, and of maps where there are masks.
        conditions: what the numbers hold for, in lines for people.
        written: the record of it.
    """

    rows: Sequence[Measure]
    conditions: Sequence[str]
    written: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """As evaluation.json holds it."""
        return {"format": 1, "evaluations": [{"rows": records(self.rows), "conditions": list(self.conditions)}]}


def evaluate_anomaly(
    run: Run, *, against: str | None = None, by: str | None = None, on_progress: Progress = silent
) -> AnomalyEvaluation:
    """Measure a run that finds anomalies and write evaluation.json into its folder.

    Args:
        against: a folder laid out as MVTec AD is; None: the one that the run was trained on.
        by: the evidence; None: the run's default.

    Raises:
        UsageError, DataError, MachineError: what was asked can't be, the data are gone, or the disk refused.
    """
    root = Path(run.recipe.data.source if against is None else against).expanduser()
    if not root.is_dir() or not has_defects(root):
        option = "" if against is None else f"--against {against}: "
        raise DataError(
            f"{option}{root} has no pictures to test a detector with. Give a folder with {TEST}/good/ and "
            f"{TEST}/<defect>/, and perhaps {MASKS}/<defect>/<name>_mask.png: --against FOLDER."
        )
    on_progress("looking for anomalies", 0, None)
    finder = run.finder(by)
    found = tested(run, root, by=finder.by)
    cut = cut_for(finder.held_scores, FALSE_ALARMS)
    rows = [*found.rows(), *_at_threshold(found, cut.value)]
    notes = [*run.checkpoint.notes, *([] if cut.caution is None else [cut.caution])]
    conditions = [
        f"{run.path.name}: {run.checkpoint.images / 1000:g} kimg, by {finder.by}",
        f"{len(found.shown):,} pictures of {root.name}/{TEST}; intervals: 95 %",
        cut.told,
        *(f"note: {note}" for note in notes),
    ]
    result = AnomalyEvaluation(rows=rows, conditions=conditions)
    folder = RunFolder.open(run.path)
    folder.write_json(RECORD, result.to_json())
    return replace(result, written=folder.path / RECORD)


def _at_threshold(found: Tested, value: float) -> list[Measure]:
    """Shares of good and of faulty pictures above the threshold."""
    above = found.found.scores > value
    faulty = [kind != "good" for kind in found.kinds]
    alarms = [bool(is_above) for is_above, is_faulty in zip(above, faulty, strict=True) if not is_faulty]
    finds = [bool(is_above) for is_above, is_faulty in zip(above, faulty, strict=True) if is_faulty]
    return [
        proportion("found", sum(finds), len(finds), "share of faulty pictures above the threshold"),
        proportion("false_alarms", sum(alarms), len(alarms), "share of good pictures above it", better="lower"),
    ]
