"""A run from outside: a new one, one that goes on, or one like another."""

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sparring.data import Data
from sparring.engine.distributed import agreed, by_first, first_then_others
from sparring.engine.precision import Precision, choose_device, choose_precision
from sparring.errors import DataError, UsageError
from sparring.job.aims import Fitted
from sparring.job.begin_with import begin_with
from sparring.job.listeners import Listeners, OnData
from sparring.job.measure import with_budget
from sparring.job.options import TrainOptions, check_number
from sparring.job.parts import without_weights
from sparring.job.plan import Plan, check_options, make_plan, plan_of, refuse_uneven_shares, whole_batches
from sparring.job.play import Job, add_timing, play
from sparring.job.records import (
    data_record,
    device_kind,
    environment,
    read_environment,
    read_hashes,
    read_recipe,
    read_spec,
)
from sparring.job.reopen import open_again, open_choice
from sparring.job.tasks import TASKS
from sparring.job.together import refuse_other_data, together
from sparring.metrics.kept import silent
from sparring.recipe import Recipe
from sparring.report import build_report
from sparring.report.page import NAME as REPORT
from sparring.runfolder import Checkpoint, RunFolder
from sparring.runfolder.folder import METRICS
from sparring.runfolder.places import refuse_filled

__all__ = ["Listeners", "OnData", "resume", "start", "start_like"]

_SILENT = Listeners()


def start(options: TrainOptions, listeners: Listeners = _SILENT, *, profile: bool = False) -> Path:
    """Train a new run; returns its folder.

    Args:
        profile: look where the time goes, and write it beside the run.

    Raises:
        UsageError, DataError, MachineError: before anything was written, or with everything kept.
        DivergedError: numbers stopped being finite; the last good checkpoint is kept.
        InterruptedRunError: a signal came; the run was saved.
    """
    with together(listeners) as listeners:
        data, plan = open_and_plan(options, listeners)
        fitted = _judge(data, plan.recipe, plan.precision, listeners)
        if options.minutes is not None:
            plan = with_budget(plan, data.report, minutes=options.minutes)
        return _begin(plan, data, fitted, listeners, out=options.out, command=options.command(), profile=profile)


def open_and_plan(options: TrainOptions, listeners: Listeners = _SILENT) -> tuple[Data, Plan]:
    """The data asked for, and the plan of a run on them before any `--minutes` is turned into a budget.

    Raises:
        as `start`, before anything was written.
    """
    agreed(lambda: check_options(options))
    agreed(lambda: _refuse_filled(options.out))
    data = first_then_others(lambda: open_choice(options.data_choice(), options.seed, listeners.data))
    refuse_other_data(data)
    train = data.parts["train"]
    plan = agreed(lambda: make_plan(options, data.spec, examples=train.examples, labelled=len(train.labelled)))
    # Processors of different kinds may choose differently.
    recipe, name = by_first(lambda: (plan.recipe, plan.precision.name))
    return data, dataclasses.replace(plan, recipe=recipe, precision=Precision(name, plan.precision.device))


def start_like(
    path: str | Path,
    *,
    out: Path | None = None,
    seed: int | None = None,
    device: str | None = None,
    listeners: Listeners = _SILENT,
    profile: bool = False,
) -> Path:
    """Train a new run from another run's recipe and data, with the same budget.

    Args:
        seed: None: that of the other run.
        device: None: the fastest there is.

    Raises:
        as `start`.
    """
    with together(listeners) as listeners:
        agreed(lambda: check_number("seed", seed))
        agreed(lambda: _refuse_filled(out))
        other = agreed(lambda: RunFolder.open(path))
        recipe = agreed(lambda: read_recipe(other))
        recipe = recipe if seed is None else dataclasses.replace(recipe, seed=seed)
        precision = agreed(lambda: choose_precision(recipe.precision, choose_device(device)))
        data = first_then_others(lambda: open_again(other, recipe, listeners.data, doing="Go on"))
        refuse_other_data(data)
        agreed(lambda: _refuse_other_classes(other, data))
        plan = agreed(lambda: plan_of(recipe, data.spec, examples=data.parts["train"].examples, precision=precision))
        command = f"sparring train --like {other.path}" + (f" --seed {seed}" if seed is not None else "")
        fitted = _judge(data, plan.recipe, precision, listeners)
        return _begin(plan, data, fitted, listeners, out=out, command=command, profile=profile)


def resume(
    path: str | Path,
    *,
    kimg: float | None = None,
    minutes: float | None = None,
    device: str | None = None,
    listeners: Listeners = _SILENT,
    profile: bool = False,
) -> Path:
    """Go on with a run exactly where its last checkpoint is.

    Args:
        kimg: a new end for a run that is finished, or to be longer.
        minutes: the same by the clock: so much more, at the speed measured now.
        device: where to compute; None: on the kind of device on which the run began.

    Raises:
        as `start`; UsageError also for a finished run without a new end.
    """
    with together(listeners) as listeners, ExitStack() as held:
        agreed(lambda: _check_end(kimg, minutes))
        folder = agreed(lambda: RunFolder.open(path))
        by_first(lambda: held.enter_context(_locked(folder)))
        return _go_on(folder, kimg, minutes, device, listeners, profile=profile)


def _check_end(kimg: float | None, minutes: float | None) -> None:
    if kimg is not None and minutes is not None:
        raise UsageError("--kimg and --minutes both say when to end: give one of them.")
    check_number("kimg", kimg)
    check_number("minutes", minutes)


def _go_on(
    folder: RunFolder,
    kimg: float | None,
    minutes: float | None,
    device: str | None,
    listeners: Listeners,
    *,
    profile: bool,
) -> Path:
    recipe = agreed(lambda: read_recipe(folder))
    checkpoint = agreed(lambda: folder.load_checkpoint("last"))
    spent = checkpoint.images >= round(recipe.kimg * 1000) or checkpoint.state["recorder"]["ended"]
    if kimg is None and minutes is None and spent:
        return by_first(lambda: _finish(folder, recipe, checkpoint.images, listeners))
    precision = agreed(lambda: _precision_again(folder, recipe, device))
    data = first_then_others(lambda: open_again(folder, recipe, listeners.data, doing="Go on"))
    refuse_other_data(data)
    agreed(lambda: _refuse_other_classes(folder, data))
    agreed(lambda: refuse_uneven_shares(recipe))
    if minutes is not None:
        plan = agreed(lambda: plan_of(recipe, data.spec, examples=data.parts["train"].examples, precision=precision))
        kimg = checkpoint.images / 1000 + with_budget(plan, data.report, minutes=minutes).recipe.kimg
    if kimg is not None:
        recipe = agreed(lambda: _longer(folder, recipe, checkpoint, kimg))
    fitted = _judge(data, recipe, precision, listeners)
    job = agreed(lambda: _taken_up(checkpoint, recipe, data, fitted, precision, listeners))

    def go_back() -> None:
        listeners.folder(folder.path)
        for note in [*checkpoint.notes, *_differences(folder, data, precision), *_other_judge(folder, fitted)]:
            listeners.note(note)
        folder.cut_back(checkpoint)
        folder.write_json("recipe.json", recipe.to_json())

    by_first(go_back)
    job.profile = profile
    return play(job, folder, checkpoint=checkpoint)


def _taken_up(
    checkpoint: Checkpoint, recipe: Recipe, data: Data, fitted: Fitted, precision: Precision, listeners: Listeners
) -> Job:
    job = Job(
        recipe=without_weights(recipe),
        data=data,
        fitted=fitted,
        precision=precision,
        listeners=listeners,
    )
    job.take_up(checkpoint)
    return job


def _judge(data: Data, recipe: Recipe, precision: Precision, listeners: Listeners) -> Fitted:
    """Rank 0's; the other processes judge nothing."""
    fitted = [Fitted(judged_by="")]

    def fit() -> None:
        fitted[0] = TASKS[recipe.task].fit(data, recipe, precision.device, listeners.data or silent)

    by_first(fit)
    return fitted[0]


def _begin(
    plan: Plan, data: Data, fitted: Fitted, listeners: Listeners, *, out: Path | None, command: str, profile: bool
) -> Path:
    """Everything that can fail before training comes before the folder is made."""
    job = agreed(
        lambda: Job(
            recipe=plan.recipe,
            data=data,
            fitted=fitted,
            precision=plan.precision,
            listeners=listeners,
            profile=profile,
        )
    )
    earlier = plan.recipe.begin_with
    begun = [] if earlier is None else [agreed(lambda: begin_with(job.game, earlier))]
    with ExitStack() as held:

        def create() -> Path:
            folder = RunFolder.create(out, name=f"{data.name}-{plan.recipe.name}")
            held.enter_context(_locked(folder))
            _write_facts(folder, plan, data, fitted, listeners, command=command)
            for note in begun:
                listeners.note(note)
            return folder.path

        return play(job, RunFolder(by_first(create)))


def _write_facts(
    folder: RunFolder, plan: Plan, data: Data, fitted: Fitted, listeners: Listeners, *, command: str
) -> None:
    listeners.folder(folder.path)
    listeners.plan(plan, data)
    folder.write_json("recipe.json", plan.recipe.to_json())
    folder.write_text("command.txt", command + "\n")
    folder.write_json("environment.json", environment(plan.precision))
    folder.write_json("data.json", data_record(data))
    folder.write_json("judge.json", fitted.record())
    add_timing(folder, fitting=fitted.seconds)
    if fitted.extractor is not None:
        listeners.judge(fitted.extractor, fitted.seconds)


@contextmanager
def _locked(folder: RunFolder) -> Iterator[None]:
    folder.lock()
    try:
        yield
    finally:
        folder.unlock()


def _refuse_filled(out: Path | None) -> None:
    """Say so before hours of packing, not after."""
    if out is not None and out.is_dir():
        refuse_filled(out)


def _finish(folder: RunFolder, recipe: Recipe, images: int, listeners: Listeners) -> Path:
    """A run that was killed after its last round gets its report; one that has it needs a later end."""
    report, metrics = folder.path / REPORT, folder.path / METRICS
    if not report.exists() or report.stat().st_mtime < metrics.stat().st_mtime:
        listeners.folder(folder.path)
        build_report(folder)
        return folder.path
    raise UsageError(
        f"{folder.path}: finished at {images / 1000:g} kimg. To go on, give a later end: "
        f"sparring train --resume {folder.path} --kimg {2 * recipe.kimg:g}"
    )


def _longer(folder: RunFolder, recipe: Recipe, checkpoint: Checkpoint, kimg: float) -> Recipe:
    """The recipe with another end; rows stay as far apart as they were."""
    kimg = whole_batches(kimg, recipe.batch)
    if round(kimg * 1000) <= checkpoint.images:
        raise UsageError(
            f"--kimg {kimg:g}: {folder.path} is at {checkpoint.images / 1000:g} kimg already. Give a later end."
        )
    return dataclasses.replace(recipe, kimg=kimg)


def _precision_again(folder: RunFolder, recipe: Recipe, device: str | None) -> Precision:
    kind = device or device_kind(folder)
    try:
        return choose_precision(recipe.precision, choose_device(kind))
    except UsageError as error:
        if device is not None:
            raise
        raise UsageError(
            f"{folder.path} began on {kind}, which this machine does not have. Give --device cpu to go on without; "
            "results will not be the same to the bit."
        ) from error


def _refuse_other_classes(folder: RunFolder, data: Data) -> None:
    before = read_spec(folder).classes
    if before != data.spec.classes:
        raise DataError(
            f"{data.report.source}: {folder.path.name} was begun with the classes {', '.join(before) or 'none'}, now "
            f"there are {', '.join(data.spec.classes) or 'none'}. Put the data back as they were, or start a new run."
        )


def _other_judge(folder: RunFolder, fitted: Fitted) -> list[str]:
    """A judge is made again, to the same bytes, on the same kind of machine alone."""
    if not (folder.path / "judge.json").exists() or folder.read_json("judge.json") == fitted.record():
        return []
    return ["the judge is not the one that the run began with: distances before and after don't compare"]


def _differences(folder: RunFolder, data: Data, precision: Precision) -> list[str]:
    """Why going on will not give the very bytes of a run that was never stopped."""
    before, now = {"processes": 1, **read_environment(folder)}, environment(precision)
    notes = [
        f"{name} was {before.get(name)} when the run began and is {now[name]}: results will not be the same to the bit"
        for name in ("torch", "device", "cpu_capability", "threads", "platform", "processes")
        if before.get(name) != now[name]
    ]
    hashes = read_hashes(folder)
    changed = [name for name, part in data.report.parts.items() if hashes.get(name) != part.hash]
    if changed:
        notes.append(
            f"the pictures of the {' and '.join(changed)} part have changed since the run began: results will differ"
        )
    return notes
