"""What a classifier is worth on examples that it never saw: the table that a file of predictions gets, and more."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparring.data import Data, TableSpec, open_data
from sparring.data.draws import drawn_rows
from sparring.errors import DataError, UsageError
from sparring.job.evaluation import RECORD
from sparring.job.prediction_files import Predictions
from sparring.job.predictions import Judged, judge_predictions
from sparring.job.reopen import own_data, unseen
from sparring.job.run import Run
from sparring.metrics.intervals import records
from sparring.metrics.kept import Progress, silent
from sparring.metrics.robust import Robustness, robustness
from sparring.metrics.robust_rows import rows_robustness
from sparring.runfolder import RunFolder

MOST_CHANGED = 2_000
"""Examples that --robust changes, at most."""


@dataclass(frozen=True, kw_only=True)
class ClassifierEvaluation:
    """One checkpoint of a classifier, judged.

    Args:
        judged: the measures, those of each class, and the confusion matrix.
        robustness: where that was asked for.
        conditions: what the numbers hold for, in lines for people.
        written: the record of it.
    """

    judged: Judged
    conditions: Sequence[str]
    robustness: Robustness | None = None
    written: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """As evaluation.json holds it."""
        judged = self.judged
        rows = records([*judged.rows, *judged.threshold_rows, *judged.class_rows])
        found = {name: value for name, value in asdict(judged).items() if not name.endswith("rows")}
        steady = None if self.robustness is None else asdict(self.robustness)
        told = {**found, "rows": rows, "conditions": list(self.conditions), "robustness": steady}
        return {"format": 1, "evaluations": [told]}


def evaluate_classifier(
    run: Run,
    *,
    against: str | None = None,
    part: str | None = None,
    min_recall: float | None = None,
    min_precision: float | None = None,
    ten_crop: bool = False,
    robust: bool = False,
    on_progress: Progress = silent,
) -> ClassifierEvaluation:
    """Judge a run that classifies and write evaluation.json into its folder.

    Args:
        against: other labelled data of the same classes; None: the run's own.
        part: of its own data; None: test, or validation where there is none.
        min_recall, min_precision: of two classes: the threshold that reaches one of them is chosen on the validation
            part, and reported on the test part.
        ten_crop: average over ten views of each picture, see `metrics.crops`.
        robust: also how accuracy stands up to shifted, turned, lit, blurred and covered pictures, or to noisy rows.

    Raises:
        UsageError, DataError, MachineError: what was asked can't be, the data are gone, or the disk refused.
    """
    folder = RunFolder.open(run.path)
    data, notes = own_data(folder, run.recipe, run.spec, on_progress)
    part = part or unseen(data)
    # A threshold is chosen on examples apart from those that it is reported on.
    apart = () if min_recall is None and min_precision is None else ("validation",)
    chosen = {name: _examples(data, name) for name in apart}
    if against is None:
        chosen[part] = _examples(data, part)
    else:
        part, chosen[part] = _others(run, against, on_progress)
    on_progress("classifying", 0, None)
    found = _answered(run, chosen, part, ten_crop)
    judged = judge_predictions(
        replace(found, notes=(*notes, *run.checkpoint.notes)),
        reported=part,
        min_recall=min_recall,
        min_precision=min_precision,
    )
    pictures, labels = chosen[part]
    steady = _robustness(run, pictures, labels) if robust else None
    result = ClassifierEvaluation(
        judged=judged, robustness=steady, conditions=_conditions(run, judged, against or data.name, ten_crop)
    )
    folder.write_json(RECORD, result.to_json())
    return replace(result, written=folder.path / RECORD)


Examples = tuple[npt.NDArray[Any], npt.NDArray[np.int64]]


def _examples(data: Data, part: str) -> Examples:
    found = data.parts[part]
    known = found.labelled
    if not len(known):
        raise DataError(f"{data.name}: no example of the part {part} has a label to be right about.")
    assert found.y is not None
    return np.asarray(found.x[known]), found.y[known]


def _others(run: Run, against: str, on_progress: Progress) -> tuple[str, Examples]:
    """Labelled examples of other data: its test part, or all of it where there is none."""
    choice, spec = run.recipe.data, run.spec
    if isinstance(spec, TableSpec):
        data = open_data(against, on_progress=on_progress)
    else:
        data = open_data(against, size=spec.height, fit=choice.fit, channels=spec.channels, on_progress=on_progress)
    order = _columns(run, data, against)
    classes = data.spec.classes or _only_class(against, spec.classes)
    unknown = [name for name in classes if name not in spec.classes]
    if unknown or not classes:
        told = f"'{unknown[0]}' is none of its classes" if unknown else "there are no labels"
        raise UsageError(f"--against {against}: {told}; {run.path.name} knows {', '.join(spec.classes[:8])}.")
    names = ["test"] if "test" in data.parts else list(data.parts)
    pieces = [_examples(data, name) if data.spec.classes else _all_of(data, name) for name in names]
    number = np.array([spec.classes.index(name) for name in classes], dtype=np.int64)
    x = np.concatenate([x[:, order] if order else x for x, _ in pieces])
    return ("test" if names == ["test"] else "all"), (x, number[np.concatenate([y for _, y in pieces])])


def _columns(run: Run, data: Data, against: str) -> list[int]:
    """Where the run's columns are in other rows; nothing for pictures.

    Raises:
        UsageError: rows for pictures, pictures for rows, or without one of the columns.
    """
    spec, other = run.spec, data.spec
    wanted = spec.columns if isinstance(spec, TableSpec) else ()
    there = other.columns if isinstance(other, TableSpec) else ()
    if bool(wanted) != bool(there) or not set(wanted) <= set(there):
        raise UsageError(f"--against {against}: {run.path.name} classifies {spec.form}, these are {other.form}.")
    return [there.index(name) for name in wanted]


def _only_class(against: str, classes: Sequence[str]) -> tuple[str, ...]:
    """The class of a folder whose name, or that of the only folder in it, is one of `classes`: a single folder is not
    read as a class, for most data that lie in one have none."""
    path = Path(against).expanduser()
    inside = [entry.name for entry in path.iterdir() if entry.is_dir()] if path.is_dir() else []
    names = [*inside, path.resolve().name] if len(inside) == 1 else [] if inside else [path.resolve().name]
    return tuple(name for name in names if name in classes)[:1]


def _all_of(data: Data, part: str) -> Examples:
    """All examples of a part, as the first of the classes."""
    x = np.asarray(data.parts[part].x)
    return x, np.zeros(len(x), np.int64)


def _answered(run: Run, chosen: Mapping[str, Examples], part: str, ten_crop: bool) -> Predictions:
    names = list(chosen)
    return Predictions(
        source=run.path.name,
        labels=np.concatenate([chosen[name][1] for name in names]),
        answers=np.concatenate([run.classify(chosen[name][0], ten_crop=ten_crop) for name in names]),
        classes=run.spec.classes,
        parts=np.concatenate([np.full(len(chosen[name][1]), name) for name in names]),
    )


def _robustness(run: Run, pictures: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> Robustness:
    rows = drawn_rows(len(labels), MOST_CHANGED, seed=0)
    if isinstance(run.spec, TableSpec):
        return rows_robustness(run.classify, pictures[rows], labels[rows])
    if not run.is_flat:
        raise UsageError(f"--robust changes flat pictures or rows, {run.path.name} was trained on {run.spec.form}.")
    return robustness(run.classify, pictures[rows], labels[rows])


def _conditions(run: Run, judged: Judged, against: str, ten_crop: bool) -> list[str]:
    ema = "averaged weights" if "classifier_ema" in run.checkpoint.tensors else "no average of the weights"
    crops = ", ten views of each picture" if ten_crop else ""
    caution = ["`best` was chosen by these same validation examples"] if judged.part == "validation" else []
    return [
        f"{run.path.name}: {run.checkpoint.images / 1000:g} kimg, {ema}{crops}",
        f"{judged.count:,} examples of {against}, part {judged.part}, {len(judged.classes)} classes; intervals: 95 %",
        *(f"note: {note}" for note in [*judged.notes, *caution]),
    ]
