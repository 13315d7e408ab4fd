"""`--folds K`: a run for each fold of the data, and what they come to together."""

import dataclasses
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sparring.errors import UsageError
from sparring.job.evaluate_classifier import evaluate_classifier
from sparring.job.listeners import Listeners
from sparring.job.options import TrainOptions
from sparring.job.run import Run
from sparring.job.together import refuse_several
from sparring.job.train import open_and_plan, start
from sparring.runfolder import machine_errors, replace_file
from sparring.runfolder.places import make_given, make_numbered

RECORD = "folds.json"
MEASURES = ("accuracy", "f1_macro", "log_loss")
MOST_FOLDS = 100


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A measure over the folds: its mean, and its standard deviation divided by n - 1."""

    measure: str
    mean: float
    sd: float
    values: Sequence[float]


def cross_validate(options: TrainOptions, folds: int, listeners: Listeners | None = None) -> tuple[Path, list[Spread]]:
    """Train a classifier on all folds but one, test it on that one, for each of them; `--minutes` are of all together.

    The last weights are taken: nothing is chosen by the fold that is tested.

    Returns:
        The folder of the runs, with folds.json, and the measures.

    Raises:
        UsageError: fewer than 2 folds, or a recipe that does not classify. Otherwise as `start`.
    """
    refuse_several("--folds")
    if not 2 <= folds <= MOST_FOLDS:
        raise UsageError(f"--folds {folds}: expected 2 to {MOST_FOLDS}.")
    if options.labels is not None:
        raise UsageError(f"--folds {folds} cuts labelled examples anew; it does not go with --labels.")
    listeners = listeners or Listeners()
    data, plan = open_and_plan(options, listeners)
    if plan.recipe.task != "classify":
        raise UsageError(
            f"--folds {folds}: cross-validation is for classifiers, and recipe '{plan.recipe.name}' is there to "
            f"{plan.recipe.task}. Give --task classify."
        )
    place = make_numbered(Path("runs"), f"{data.name}-{plan.recipe.name}-folds") if options.out is None else None
    place = (place or make_given(Path(str(options.out)))).absolute()
    minutes = None if options.minutes is None else options.minutes / folds
    found: dict[str, list[float]] = {name: [] for name in MEASURES}
    for fold in range(folds):
        listeners.note(f"fold {fold + 1} of {folds}")
        asked = dataclasses.replace(options, minutes=minutes, fold=fold, folds=folds, out=place / f"fold-{fold}")
        run = Run(start(asked, listeners), device=options.device, checkpoint="last")
        rows = {row.name: row.value for row in evaluate_classifier(run, part="validation").judged.rows}
        for name in MEASURES:
            found[name].append(rows[name])
    spreads = [
        Spread(measure=name, mean=statistics.mean(values), sd=statistics.stdev(values), values=values)
        for name, values in found.items()
    ]
    record = {"folds": folds, "measures": [dataclasses.asdict(spread) for spread in spreads]}
    with machine_errors(place):
        replace_file(place / RECORD, (json.dumps(record, indent=2) + "\n").encode())
    return place, spreads
