"""`resnet20` against the plain loop of `benchmarks.plain_classifier` on CIFAR-10: speed, and time to 80 % accuracy.

    python -m benchmarks.classifier_speed cifar10/ [--plain-epochs 5 6 8] [--kimg 150 200 300]
                                          [--recipes quick resnet20]

Speed is of training steps with their data, median of many steps, both in this process, in turn. Time to 80 % is that of
the shortest cycle, of those given, whose last weights name 80 % of the test pictures right: the plain loop's in epochs,
ours of the recipe given and of resnet20 in thousands of pictures. A cycle that is not enough is shown as well; seconds
are of training alone on both sides, without evaluation. What was measured before is read from the results.
"""

import argparse
import dataclasses
import itertools
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import record
from benchmarks.plain_classifier import BATCH, PlainTraining
from sparring.data import Data, Part, open_data
from sparring.engine.allocator import reused_memory
from sparring.engine.game import Game, play_round
from sparring.engine.precision import choose_device, choose_precision
from sparring.job.build import build_game
from sparring.metrics.accuracy import logits_of
from sparring.recipe import DataChoice, Facts, Recipe
from sparring.recipes.base import recipes

WANTED = 0.80
STEPS = 40


def our_game(data: Data, name: str, kimg: float, *, seed: int = 0) -> Game:
    """The recipe as `sparring train` plays it on pictures, with its budget."""

    train, spec = data.parts["train"], data.spec
    assert train.y is not None
    height, width, channels = train.x.shape[1:]
    facts = Facts(
        channels=channels,
        height=height,
        width=width,
        classes=len(spec.classes),
        examples=len(train),
        labelled=len(train),
        device="cpu",
    )
    recipe: Recipe = recipes.build(name, DataChoice(source="pictures"), facts)
    recipe = dataclasses.replace(recipe, kimg=kimg, seed=seed)
    return build_game(recipe, spec, data.parts, choose_precision(None, choose_device("cpu")))


def speeds(data: Data) -> dict[str, float]:
    """Pictures a second of both sides, medians of steps taken in turn."""
    train = data.parts["train"]
    assert train.y is not None
    game = our_game(data, "resnet20", 1_000.0)
    plain = PlainTraining(np.asarray(train.x), train.y, epochs=10).steps()
    found: dict[str, list[float]] = {"ours": [], "plain": []}
    with reused_memory():
        for step in range(STEPS + 5):
            started = time.perf_counter()
            play_round(game)
            ours, plain_seconds = time.perf_counter() - started, next(plain)
            if step >= 5:
                found["ours"].append(game.batch / ours)
                found["plain"].append(BATCH / plain_seconds)
    return {side: statistics.median(values) for side, values in found.items()}


def plain_run(data: Data, epochs: int) -> dict[str, float]:
    """Seconds of a cycle and the accuracy after it."""
    train, test = data.parts["train"], data.parts["test"]
    assert train.y is not None and test.y is not None
    training = PlainTraining(np.asarray(train.x), train.y, epochs=epochs)
    seconds = sum(training.steps())
    return {"epochs": epochs, "seconds": seconds, "accuracy": training.accuracy(np.asarray(test.x), test.y)}


def our_accuracy(game: Game, test: Part) -> float:
    """The share of a part that is named right, by the averaged weights."""
    said = logits_of(game.players[0].averaged(), np.asarray(test.x), game.precision).argmax(1).numpy()
    return float((said == test.y).mean())


def our_run(data: Data, name: str, kimg: float) -> dict[str, float]:
    """The same of a recipe."""
    test = data.parts["test"]
    game = our_game(data, name, kimg)
    started = time.perf_counter()
    with reused_memory():
        while game.images < kimg * 1000:
            play_round(game)
        seconds = time.perf_counter() - started
        accuracy = our_accuracy(game, test)
    return {"kimg": kimg, "seconds": seconds, "accuracy": accuracy}


def first_that_reaches(runs: list[dict[str, float]]) -> float | None:
    """Seconds of the shortest cycle that is enough."""
    return min((run["seconds"] for run in runs if run["accuracy"] >= WANTED), default=None)


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--plain-epochs", type=int, nargs="*", default=[4, 5, 6, 8])
    parser.add_argument("--kimg", type=float, nargs="*", default=[150.0, 200.0, 300.0])
    parser.add_argument("--recipes", nargs="*", default=["quick", "resnet20"])
    options = parser.parse_args()
    data = open_data(str(options.data), size=32)
    path = record.RESULTS / "classifier_speed.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["figures"] if path.exists() else {}
    found["images_per_second"] = speeds(data)
    ratio = found["images_per_second"]["ours"] / found["images_per_second"]["plain"]
    print(f"resnet20: {found['images_per_second']}  ratio {ratio:.2f}", flush=True)
    todo = [("plain", n) for n in options.plain_epochs] + list(itertools.product(options.recipes, options.kimg))
    for name, length in todo:
        rows = found.setdefault("runs", {}).setdefault(name, [])
        if first_that_reaches(rows) is not None:
            continue
        rows.append(plain_run(data, int(length)) if name == "plain" else our_run(data, name, length))
        print(name, rows[-1], flush=True)
        record.write("classifier_speed", found)
    plain = first_that_reaches(found["runs"]["plain"])
    for name in options.recipes:
        seconds = first_that_reaches(found["runs"][name])
        if seconds is None or plain is None:
            print(f"{name}: {WANTED:.0%} was not reached by every side; give longer cycles")
        else:
            print(
                f"{name}: {WANTED:.0%} in {seconds:.0f} s, the plain loop in {plain:.0f} s: {plain / seconds:.2f} times"
            )
    print(record.write("classifier_speed", found))


if __name__ == "__main__":
    main()
