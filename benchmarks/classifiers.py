"""Recipes that classify, trained for the same time, beside the loop that everybody writes: what they name right.

    python -m benchmarks.classifiers cifar10/ quick quick,classifier.width=48 plain [--minutes 30] [--kimg 400]
                                     [--size 32] [--seeds 0] [--keep runs/classifiers]

A variant is a recipe with settings behind commas; `plain` is `benchmarks.plain_classifier`, for 32x32 colour pictures,
whose one cycle is made as many epochs as its speed, measured at the start, allows. All figures are of the test part and
of the checkpoint that `evaluate` takes, which the validation part chose; the plain loop's are of its last weights.
A run that is there already, in the folder given by --keep, is not trained again; figures are written after each run,
and those of other data, times and variants stay.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import record
from benchmarks.kept import trained
from benchmarks.plain_classifier import BATCH, PlainTraining
from sparring.data import open_data
from sparring.job.evaluate_classifier import evaluate_classifier
from sparring.metrics.intervals import Measure

PLAIN = "plain"
MEASURES = ("accuracy", "f1_macro", "log_loss")
WARM, TIMED = 5, 40


def ours(variant: str, seed: int, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One run of a recipe."""
    recipe, *settings = variant.split(",")
    budget = f"{options.kimg:g}-kimg" if options.kimg else f"{options.minutes:g}-minutes"
    out = folder / f"{options.data.stem}-{options.size}-{variant.replace(',', '-')}-{budget}-{seed}"
    kept = trained(
        options.data,
        out,
        recipe=recipe,
        minutes=None if options.kimg else options.minutes,
        kimg=options.kimg,
        settings=tuple(settings),
        seed=seed,
        size=options.size,
    )
    judged = evaluate_classifier(kept.run).judged
    rows = {row.name: row for row in judged.rows}
    return {
        **{name: with_interval(rows[name]) for name in MEASURES},
        "classes": {row.name: row.value for row in judged.class_rows},
        "matrix": judged.matrix,
        "n": judged.count,
        "kimg": kept.run.checkpoint.images / 1000,
        "seconds": kept.seconds,
        "parameters": sum(parameter.numel() for parameter in kept.run.classifier.parameters()),
        "ended": kept.ended,
    }


def with_interval(row: Measure) -> list[float]:
    """Value, and the ends of its interval where it has one."""
    return [value for value in (row.value, row.low, row.high) if value is not None]


def plain(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """One run of the plain loop, of as many epochs as the time allows at the speed of its first steps."""
    data = open_data(str(options.data), size=options.size)
    train, test = data.parts["train"], data.parts["test"]
    assert train.y is not None and test.y is not None
    first = PlainTraining(np.asarray(train.x), train.y, epochs=1, seed=seed).steps()
    seconds = list(itertools.islice(first, WARM, WARM + TIMED))
    rounds = len(train) // BATCH
    epochs = max(1, round(60 * options.minutes / (rounds * statistics.mean(seconds))))
    training = PlainTraining(np.asarray(train.x), train.y, epochs=epochs, seed=seed)
    started = time.perf_counter()
    for _ in training.steps():
        pass
    spent = time.perf_counter() - started
    return {
        "accuracy": [training.accuracy(np.asarray(test.x), test.y)],
        "n": len(test),
        "kimg": epochs * rounds * BATCH / 1000,
        "seconds": spent,
        "ended": "well",
    }


def main() -> None:
    """Train, judge, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("variants", nargs="+")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--kimg", type=float, default=None, help="instead of minutes")
    parser.add_argument("--size", type=int, default=None)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--keep", type=Path, default=None, help="keep the runs in this folder, and go on with them")
    options = parser.parse_args()
    budget = f"{options.kimg:g} kimg" if options.kimg else f"{options.minutes:g} minutes"
    name = f"{options.data.stem}, {options.size or 'own size'}, {budget}"
    path = None
    with tempfile.TemporaryDirectory() as scratch:
        for variant in options.variants:
            for seed in options.seeds:
                folder = options.keep or Path(scratch)
                found = plain(seed, options) if variant == PLAIN else ours(variant, seed, folder, options)
                settings = record.before("classifiers")
                settings.setdefault(name, {}).setdefault(variant, {})[str(seed)] = found | {"commit": record.commit()}
                path = record.write("classifiers", settings)
                told = "  ".join(
                    f"{measure} {' .. '.join(f'{value:.4f}' for value in found[measure])}"
                    for measure in MEASURES
                    if measure in found
                )
                after = f"{found['kimg']:g} kimg, {found['seconds']:.0f} s, ended {found['ended']}"
                print(f"{variant:<40} seed {seed}  {told}  {after}", flush=True)
    print(path)


if __name__ == "__main__":
    main()
