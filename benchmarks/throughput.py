"""Training throughput of `dcgan` 3x64x64 with batches of 64 against the plain loop of `benchmarks.plain_dcgan`.

    python -m benchmarks.throughput [--rounds 30] [--precision bf16,fp32] [--threads 2]

Every side is a process of its own, because the settings of the memory allocator, which are a part of what is measured,
hold for a whole process. The processes take turns, one training step each, and wait in between: what else the machine
does meets all of them alike. Figures are medians over the rounds.

The machine's limit is the rate of a large matrix product in the same precision, measured in the same rounds. Its share
is the work that the mathematics needs (the convolutions of one step, without gradients that nobody uses), the same for
all sides, over the time and the limit of the side's own precision. It can pass 100 %: where torch multiplies matrices
by another library than it convolves with, the convolutions may be the faster ones.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import record
from benchmarks.plain_dcgan import PlainDCGAN, load_batch
from benchmarks.turns import Step, take_turns
from sparring.data import Part
from sparring.data.pool import usable_cores
from sparring.data.spec import ImageSpec
from sparring.engine.allocator import reused_memory
from sparring.engine.game import play_round
from sparring.engine.precision import Precision, PrecisionName, choose_precision
from sparring.engine.train import Window
from sparring.job.build import build_game
from sparring.recipe import DataChoice, Facts
from sparring.recipes.base import recipes

BATCH, SIDE, EXAMPLES, Z = 64, 64, 1024, 100
PRODUCT = 2048


# -- the sides ---------------------------------------------------------------------------------------------------------


def plain_step() -> Step:
    """One step of the plain loop on random pictures."""
    torch.manual_seed(0)
    model = PlainDCGAN()
    draw = np.random.default_rng(0)
    images = _images()

    def step() -> tuple[float, float]:
        real = load_batch(images, draw.integers(0, EXAMPLES, BATCH))
        return model.step(real, torch.randn(BATCH, Z, 1, 1))

    return step


def sparring_step(precision: Precision) -> Step:
    """One round of the recipe as `sparring train` plays it."""
    spec = ImageSpec(channels=3, height=SIDE, width=SIDE)
    facts = Facts(channels=3, height=SIDE, width=SIDE, classes=0, examples=EXAMPLES, labelled=0, device="cpu")
    recipe = recipes.build("dcgan", DataChoice(source="random"), facts)
    assert recipe.batch == BATCH, "the recipe's batch is that of the comparison"
    game = build_game(recipe, spec, {"train": Part(x=_images(), y=None)}, precision)
    window = Window()
    return lambda: window.add(play_round(game))


def product_step(precision: Precision) -> Step:
    """One large matrix product in the type of the passes."""
    dtype = torch.bfloat16 if precision.name == "bf16" else precision.weights
    left, right = (torch.randn(PRODUCT, PRODUCT, dtype=dtype) for _ in range(2))
    return lambda: left @ right


def _images() -> "np.typing.NDArray[np.uint8]":
    return np.random.default_rng(1).integers(0, 256, (EXAMPLES, SIDE, SIDE, 3), dtype=np.uint8)


@contextmanager
def side_step(side: str, threads: int) -> Iterator[Step]:
    """The step of `side`: `plain`, `sparring bf16`, `product bf16`, ..., in a process of its own."""
    torch.set_num_threads(threads)
    kind, _, name = side.partition(" ")
    if kind == "plain":
        yield plain_step()
        return
    precision = choose_precision(name, torch.device("cpu"))
    with reused_memory():
        yield sparring_step(precision) if kind == "sparring" else product_step(precision)


# -- the work ----------------------------------------------------------------------------------------------------------


def needed_flops(side: int = SIDE) -> float:
    """Floating-point operations of the convolutions of one step of DCGAN, without gradients that nobody uses."""
    model = PlainDCGAN(stages=side.bit_length() - 3)
    z, x = torch.zeros(BATCH, Z, 1, 1), torch.zeros(BATCH, 3, side, side)
    g, d = _forward_flops(model.net_g, z), _forward_flops(model.net_d, x)
    unused = _forward_flops(model.net_g[:1], z) + 2 * _forward_flops(model.net_d[:1], x)  # of z and of given pictures
    # G forward, backward to the input and to the weights; D thrice forward, thrice to the input, twice to the weights.
    return 3 * g + 8 * d - unused


def _forward_flops(net: nn.Module, inputs: torch.Tensor) -> float:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(inputs)
    return float(counter.get_total_flops())


# -- the report --------------------------------------------------------------------------------------------------------


def summarise(seconds: dict[str, list[float]], precisions: list[PrecisionName]) -> list[dict[str, Any]]:
    """One row a side: its step, its ratio to the plain loop, its share of the machine's limit."""
    flops = needed_flops()
    limit = {name: 2 * PRODUCT**3 / statistics.median(seconds[f"product {name}"]) for name in {*precisions, "fp32"}}
    plain = statistics.median(seconds["plain"])
    rows = []
    for side, name in [("plain", "fp32"), *((f"sparring {name}", name) for name in precisions)]:
        step = statistics.median(seconds[side])
        rows.append(
            {
                "side": side,
                "step_ms": 1000 * step,
                "fastest_ms": 1000 * min(seconds[side]),
                "images_per_s": BATCH / step,
                "ratio_to_plain": plain / step,
                "ratio_of_fastest": min(seconds["plain"]) / min(seconds[side]),
                "limit_gflops": limit[name] / 1e9,
                "share_of_limit": flops / step / limit[name],
            }
        )
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as text."""
    lines = [f"{'side':14}{'step':>10}{'fastest':>10}{'images/s':>10}{'ratio':>8}{'limit':>14}{'share':>8}"]
    lines += [
        f"{row['side']:14}{row['step_ms']:>7.0f} ms{row['fastest_ms']:>7.0f} ms{row['images_per_s']:>10.1f}"
        f"{row['ratio_to_plain']:>8.2f}{row['limit_gflops']:>7.0f} GFLOP/s{row['share_of_limit']:>7.0%}"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--precision", default="bf16,fp32")
    parser.add_argument("--threads", type=int, default=usable_cores())
    options = parser.parse_args()
    precisions = [choose_precision(name, torch.device("cpu")).name for name in options.precision.split(",")]
    load = os.getloadavg()[0] if sys.platform != "win32" else None
    sides = ["plain", *(f"sparring {name}" for name in precisions)]
    sides += [f"product {name}" for name in sorted({*precisions, "fp32"})]
    seconds = take_turns({side: (side_step, (side, options.threads)) for side in sides}, rounds=options.rounds)
    rows = summarise(seconds, precisions)
    print(f"dcgan 3x{SIDE}x{SIDE}, batch {BATCH}; {options.rounds} rounds, {options.threads} threads, load {load}")
    print(table(rows))
    figures = {"rounds": options.rounds, "threads": options.threads, "load": load, "rows": rows, "seconds": seconds}
    print(record.write("throughput", figures))


if __name__ == "__main__":
    main()
