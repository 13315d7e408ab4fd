"""`--sweep SETTING`: short runs with several values of one setting, then the run with the best of them."""

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparring.diagnose.records import Records
from sparring.errors import CollapsedError, DivergedError, InterruptedRunError, UsageError, did_you_mean
from sparring.job.listeners import Listeners
from sparring.job.options import TrainOptions
from sparring.job.parts import known_settings
from sparring.job.together import refuse_several
from sparring.job.train import open_and_plan, start
from sparring.recipe import Recipe
from sparring.registry import Setting
from sparring.runfolder import RunFolder
from sparring.runfolder.atomic import machine_errors, replace_file
from sparring.runfolder.places import make_numbered

GAMMA = "gamma"
FACTORS = (1 / 16, 1 / 4, 1.0, 4.0, 16.0)
"""What the value that the recipe chose is multiplied by."""
SHARE = 0.5
"""Of the run's budget, for each trial. After a tenth the order of five values says next to nothing of the last one, and
after a quarter not much: docs/questions/gamma.md."""
RECORD = "sweep.json"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One short run.

    Args:
        settings: what was set, as `--set` takes it.
        distance: the least Frechet distance that it measured; None: it measured none, collapsed or diverged.
        ended: how it ended, in a word.
    """

    settings: tuple[str, ...]
    distance: float | None
    ended: str
    run: str


def start_swept(options: TrainOptions, sweep: str, listeners: Listeners | None = None) -> Path:
    """Try five values of a setting for half of the budget each, and train with the best; returns that run's folder.

    With `--minutes` the trials are a part of the time.

    Args:
        sweep: `gamma` for all penalties of the recipe that have one, or a positive number of it, as `generator.lr`.

    Raises:
        UsageError: nothing of this name, or nothing that can be multiplied. CollapsedError, DivergedError: every
            trial failed. Otherwise as `start`.
    """
    refuse_several("--sweep")
    listeners = listeners or Listeners()
    _, plan = open_and_plan(options, listeners)
    recipe = plan.recipe
    paths = swept_paths(recipe, sweep)
    run, trial = _shared(options, recipe)
    place = make_numbered(Path("runs"), f"sweep-{recipe.name}")
    trials = []
    for number, factor in enumerate(FACTORS):
        chosen = tuple(f"{path}={value * factor:.4g}" for path, value in paths.items())
        listeners.note(f"trial {number + 1} of {len(FACTORS)}: {', '.join(chosen)}")
        asked = dataclasses.replace(trial, settings=(*trial.settings, *chosen), out=place / f"trial-{number}")
        trials.append(_tried(asked, chosen, listeners))
        listeners.note(f"trial {number + 1}: {_told(trials[-1])}")
    best = _best(trials)
    _write(place, sweep, trials, best)
    listeners.note(f"best: {', '.join(best.settings)}; all trials: {place / RECORD}")
    return start(dataclasses.replace(run, settings=(*run.settings, *best.settings)), listeners)


def swept_paths(recipe: Recipe, sweep: str) -> dict[str, float]:
    """The settings that a sweep multiplies, with the values that the recipe chose.

    Raises:
        UsageError: see `start_swept`.
    """
    known = {
        f"{group}.{name}": _number(_chosen(recipe, group, setting))
        for group, members in known_settings(recipe).items()
        for name, setting in members.items()
    }
    numbers = {path: value for path, value in known.items() if value is not None and value > 0}
    if sweep == GAMMA:
        gammas = {f"{part.name}.{GAMMA}" for part in recipe.penalties} & set(numbers)
        if not gammas:
            raise UsageError(f"--sweep gamma: recipe '{recipe.name}' has no penalty with a gamma above 0.")
        return {path: numbers[path] for path in sorted(gammas)}
    if sweep not in numbers:
        raise UsageError(
            f"--sweep {sweep}: recipe '{recipe.name}' has no number above 0 of this name. "
            f"{did_you_mean(sweep, [GAMMA, *numbers])}"
        )
    return {sweep: numbers[sweep]}


def _chosen(recipe: Recipe, group: str, setting: Setting) -> Any:
    if group in recipe.players:
        player = recipe.players[group]
        own = {field.name: getattr(player, field.name) for field in dataclasses.fields(player)}
        return own.get(setting.name, player.model.settings.get(setting.name, setting.default))
    parts = {"loss": recipe.loss, "objective": recipe.objective, "augment": recipe.augment}
    part = parts.get(group) or next(part for part in recipe.penalties if part.name == group)
    return part.settings.get(setting.name, setting.default)


def _number(value: Any) -> float | None:
    return value if isinstance(value, float) else None


def _shared(options: TrainOptions, recipe: Recipe) -> tuple[TrainOptions, TrainOptions]:
    """The options of the run and of a trial: half of its budget."""
    if options.minutes is not None:
        minutes = options.minutes / (1 + SHARE * len(FACTORS))
        return dataclasses.replace(options, minutes=minutes), dataclasses.replace(options, minutes=SHARE * minutes)
    return options, dataclasses.replace(options, kimg=SHARE * recipe.kimg)


def _tried(options: TrainOptions, settings: tuple[str, ...], listeners: Listeners) -> Trial:
    assert options.out is not None
    ended = "well"
    try:
        start(options, Listeners(data=listeners.data))
    except InterruptedRunError as error:
        raise InterruptedRunError(
            f"stopped in a trial of the sweep ({options.out}); nothing is chosen yet. Start it again, or train with "
            "a value of your own.",
            signal_number=error.exit_code - 128,
        ) from error
    except (CollapsedError, DivergedError) as error:
        ended = "collapsed" if isinstance(error, CollapsedError) else "diverged"
    judged = Records.read(RunFolder.open(options.out)).judged
    found = judged.best if len(judged) and ended == "well" else None
    return Trial(settings=settings, distance=found, ended=ended, run=options.out.name)


def _best(trials: Sequence[Trial]) -> Trial:
    best = min(trials, key=lambda trial: math.inf if trial.distance is None else trial.distance)
    if best.distance is not None:
        return best
    told = "; ".join(f"{', '.join(trial.settings)} {trial.ended}" for trial in trials)
    kind = DivergedError if all(trial.ended == "diverged" for trial in trials) else CollapsedError
    raise kind(f"no trial of the sweep can be gone on with: {told}. Give more --kimg or --minutes, or lower rates.")


def _told(trial: Trial) -> str:
    return trial.ended if trial.distance is None else f"distance {trial.distance:.4g}"


def _write(place: Path, sweep: str, trials: Sequence[Trial], best: Trial) -> None:
    record = {"sweep": sweep, "trials": [dataclasses.asdict(trial) for trial in trials], "best": best.run}
    with machine_errors(place):
        replace_file(place / RECORD, (json.dumps(record, indent=2) + "\n").encode())
