"""`mlp` beside scikit-learn's MLPClassifier, the same layers on the same pictures: speed, and what it names right.

    python -m benchmarks.fully_connected mnist.npz [--epochs 10] [--seed 0]

Both have two hidden layers of 512 units, Adam at 0.001 and batches of 128, and one thread each where OMP_NUM_THREADS is
1. They take turns in one process, an epoch each; ours as `sparring train` plays its recipe (its rate falls along a
cosine, a fifth of the units is left out), the other as it is but for its batches, on float32 values from 0 to 1 that
are shuffled before each epoch. Seconds are medians of epochs, without evaluation; accuracy is of the test part, after
each of them. The limit is the rate of a large matrix product in the same precision; its share is of the products that
the two networks need, three for each layer but the first, which needs two.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks import record
from benchmarks.classifier_speed import our_accuracy, our_game
from sparring.data import Data, Part, open_data
from sparring.engine.allocator import reused_memory
from sparring.engine.game import Game, play_round
from sparring.engine.precision import Precision
from sparring.job.profile import product_rate

WIDTH, BATCH, RATE = 512, 128, 1e-3


def our_epochs(game: Game, train: Part, test: Part) -> Iterator[tuple[float, float]]:
    """Seconds of each epoch, and the share of the test part that is right after it."""
    while True:
        started, end = time.perf_counter(), game.images + len(train)
        while game.images < end:
            play_round(game)
        seconds = time.perf_counter() - started
        yield seconds, our_accuracy(game, test)


def their_epochs(train: Part, test: Part, seed: int) -> Iterator[tuple[float, float]]:
    """The same of MLPClassifier, whose `partial_fit` is one epoch."""
    values, asked = (np.asarray(part.x).reshape(len(part), -1).astype(np.float32) / 255 for part in (train, test))
    assert train.y is not None
    rng = np.random.default_rng(seed)
    network = MLPClassifier((WIDTH, WIDTH), batch_size=BATCH, learning_rate_init=RATE, random_state=seed)
    classes = np.unique(train.y)
    while True:
        started, order = time.perf_counter(), rng.permutation(len(train))
        network.partial_fit(values[order], train.y[order], classes=classes)
        seconds = time.perf_counter() - started
        yield seconds, float((network.predict(asked) == test.y).mean())


def needed_flops(data: Data) -> float:
    """Floating-point operations of an epoch's matrix products."""
    train = data.parts["train"]
    first, others = train.x[0].size * WIDTH, WIDTH * WIDTH + WIDTH * len(data.spec.classes)
    return float(2 * len(train) * (2 * first + 3 * others))


def measured(data: Data, epochs: int, seed: int) -> dict[str, Any]:
    """Both sides."""
    train, test = data.parts["train"], data.parts["test"]
    game = our_game(data, "mlp", epochs * len(train) / 1000, seed=seed)
    assert game.batch == BATCH, "the recipe's batch is that of the comparison"
    sides = {"mlp": our_epochs(game, train, test), "MLPClassifier": their_epochs(train, test, seed)}
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    right: dict[str, list[float]] = {side: [] for side in sides}
    with reused_memory():
        for epoch in range(epochs):
            for side, played in sides.items():
                taken, accuracy = next(played)
                seconds[side].append(taken)
                right[side].append(accuracy)
            told = "   ".join(f"{side} {seconds[side][-1]:.1f} s {100 * right[side][-1]:.2f} %" for side in sides)
            print(f"epoch {epoch + 1:>3}   {told}", flush=True)
    flops = needed_flops(data)
    precisions = {"mlp": game.precision, "MLPClassifier": Precision("fp32", game.precision.device)}
    return {
        side: {
            "seconds": statistics.median(seconds[side]),
            "pictures_per_second": len(train) / statistics.median(seconds[side]),
            "precision": precisions[side].name,
            "share_of_limit": flops / statistics.median(seconds[side]) / product_rate(precisions[side]),
            "accuracy": right[side],
            "tested": len(test),
        }
        for side in sides
    }


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found = measured(open_data(str(options.data)), options.epochs, options.seed)
    ratio = found["MLPClassifier"]["seconds"] / found["mlp"]["seconds"]
    print(f"{'':<15}{'pictures/s':>12}{'of the limit':>14}{'right':>9}")
    for side, row in found.items():
        share, right = f"{row['share_of_limit']:.0%}", f"{100 * row['accuracy'][-1]:.2f} %"
        print(f"{side:<15}{row['pictures_per_second']:>12,.0f}{share:>14}{right:>9}")
    print(f"mlp trains {ratio:.2f} times as fast")
    print(record.write("fully_connected", {options.data.stem: {str(options.seed): {**found, "ratio": ratio}}}))


if __name__ == "__main__":
    main()
