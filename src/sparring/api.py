"""The verbs, from Python."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sparring.data import DataReport, inspect_data
from sparring.job import train as job
from sparring.job.compare import Comparison
from sparring.job.compare import compare as compare_runs
from sparring.job.evaluate import evaluate as evaluate_run
from sparring.job.evaluate_anomaly import AnomalyEvaluation, evaluate_anomaly
from sparring.job.evaluate_classifier import ClassifierEvaluation, evaluate_classifier
from sparring.job.evaluate_rebuilding import BOUND, RebuildEvaluation, evaluate_rebuilding
from sparring.job.evaluation import Evaluations
from sparring.job.opened import task_of
from sparring.job.options import TrainOptions
from sparring.job.run import Run
from sparring.job.sweep import start_swept
from sparring.recipe import Task


def train(
    data: str | Path,
    *,
    task: Task | None = None,
    recipe: str | None = None,
    minutes: float | None = None,
    kimg: float | None = None,
    size: int | None = None,
    fit: Literal["crop", "pad", "halves"] = "crop",
    channels: int | None = None,
    batch: int | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    settings: Sequence[str] = (),
    device: str = "auto",
    precision: str = "auto",
    labels: int | None = None,
    unconditional: bool = False,
    until_converged: bool = False,
    begin_with: str | Path | None = None,
    stream: bool = False,
    sweep: str | None = None,
) -> Run:
    """Train a new run on `data`, a path or a name, and open it.

    Args:
        task: "generate", "classify", "rebuild" or "anomaly"; None: the recipe's.
        recipe: None: the usual one of the task.
        minutes, kimg: when to end: by the clock, or by thousands of pictures seen.
        begin_with: a run whose weights it begins with, wherever names and shapes agree.
        settings: what `--set` takes, such as "generator.width=96".
        others: as `sparring train --help` tells; None means chosen from the data, and said why in recipe.json.

    Raises:
        sparring.errors.SparringError: with a message that names what arrived, what was expected, and what to do.
    """
    options = TrainOptions(
        data=str(data),
        task=task,
        recipe=recipe,
        minutes=minutes,
        kimg=kimg,
        size=size,
        fit=fit,
        channels=channels,
        batch=batch,
        seed=seed,
        out=None if out is None else Path(out),
        settings=tuple(settings),
        device=device,
        precision=precision,
        labels=labels,
        unconditional=unconditional,
        until_converged=until_converged,
        begin_with=None if begin_with is None else Path(begin_with),
        stream=stream,
    )
    return Run(job.start(options) if sweep is None else start_swept(options, sweep))


def resume(path: str | Path, *, kimg: float | None = None, minutes: float | None = None) -> Run:
    """Go on with a run exactly where it stopped; a finished one needs a later end."""
    return Run(job.resume(path, kimg=kimg, minutes=minutes))


def load(
    path: str | Path,
    *,
    device: str | None = None,
    checkpoint: Literal["best", "last"] = "best",
    precision: str = "fp32",
) -> Run:
    """Open a run to read its records and to sample from it.

    Args:
        precision: what samples are computed in: fp32, or `bf16`, which is twice as fast or more where the machine has
            it and moves pixels by a few levels of 255; "auto": the faster.

    Raises:
        UsageError: no run, or no such device or precision.
    """
    return Run(path, device=device, checkpoint=checkpoint, precision=precision)


def check(data: str | Path, *, size: int | None = None) -> DataReport:
    """What would be read from `data` and how; nothing is written."""
    return inspect_data(str(data), size=size)


def evaluate(
    path: str | Path,
    *,
    against: str | Path | None = None,
    extractor: str | None = None,
    weights: str | Path | None = None,
    sha256: str | None = None,
    count: int = 10_000,
    seeds: int = 3,
    checkpoint: Literal["best", "last", "both"] = "best",
    cas: bool = False,
    robust: bool = False,
    bound: int = BOUND,
    device: str | None = None,
) -> Evaluations | ClassifierEvaluation | RebuildEvaluation | AnomalyEvaluation:
    """Measure a run, each number beside what real pictures would get; evaluation.json in its folder is written anew.

    Of a run that classifies only `against`, `checkpoint` (best or last), `robust` and `device` count; of one that
    rebuilds `against`, `extractor`, `count`, `seeds`, `checkpoint` (best or last), `bound` and `device`; of one that
    finds anomalies `against`, `checkpoint` (best or last) and `device`.

    Args:
        others: as `sparring evaluate --help` tells.

    Raises:
        sparring.errors.SparringError: with a message that names what arrived, what was expected, and what to do.
    """
    task = task_of(path)
    if task == "rebuild":
        return evaluate_rebuilding(
            Run(path, device=device, checkpoint="last" if checkpoint == "last" else "best"),
            against=None if against is None else str(against),
            count=count,
            seeds=seeds,
            bound=bound,
            extractor=extractor,
        )
    if task == "anomaly":
        run = Run(path, device=device, checkpoint="last" if checkpoint == "last" else "best")
        return evaluate_anomaly(run, against=None if against is None else str(against))
    if task == "classify":
        run = Run(path, device=device, checkpoint="last" if checkpoint == "last" else "best")
        return evaluate_classifier(run, against=None if against is None else str(against), robust=robust)
    return evaluate_run(
        path,
        against=None if against is None else str(against),
        extractor=extractor,
        weights=weights,
        sha256=sha256,
        count=count,
        seeds=seeds,
        checkpoint=checkpoint,
        cas=cas,
        robust=robust,
        device=device,
    )


def compare(
    *paths: str | Path,
    out: str | Path | None = None,
    seed: int = 0,
    checkpoint: Literal["best", "last"] = "best",
    device: str | None = None,
) -> Comparison:
    """Runs beside each other: pictures of the same noise, what differs in their recipes, and what they measured."""
    return compare_runs(paths, out=out, seed=seed, checkpoint=checkpoint, device=device)
