"""What `--set classifier.compiled=true` gains, and after how long it has paid for its compiling.

    python -m benchmarks.compiling [resnet20 quick ...] [--size 32] [--rounds 15]

The same recipe, interpreted and compiled, takes turns in one process, on colour pictures of ten classes in batches of
128. Compiling is the time of the first rounds less that of as many later ones; torch keeps what it compiled on the
disk, so a second run on the same machine compiles faster: the figure is of a cache that is empty. It has paid when the
seconds saved are as many. Figures are written after each network.
"""

import argparse
import dataclasses
import functools
import os
import statistics
import tempfile
from typing import Any

from benchmarks import record
from benchmarks.models import WARM, game_of, noise, recipe_of, timed
from benchmarks.plain_classifier import BATCH
from sparring.data import Part
from sparring.engine.allocator import reused_memory
from sparring.engine.game import play_round
from sparring.losses.classification import CLASSIFIER
from sparring.recipe import Recipe


def asked(name: str, size: int, *, compiled: bool) -> Recipe:
    """The recipe, compiled or not."""
    recipe = recipe_of(name, size)
    player = dataclasses.replace(recipe.players[CLASSIFIER], compiled=compiled)
    return dataclasses.replace(recipe, players={CLASSIFIER: player})


def measured(name: str, part: Part, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one network."""
    recipes = {side: asked(name, options.size, compiled=side == "compiled") for side in ("eager", "compiled")}
    games = {side: game_of(recipe, part, options.size) for side, recipe in recipes.items()}
    first = {side: sum(timed(functools.partial(play_round, game)) for _ in range(WARM)) for side, game in games.items()}
    seconds: dict[str, list[float]] = {side: [] for side in games}
    for _ in range(options.rounds):
        for side, game in games.items():
            seconds[side].append(timed(functools.partial(play_round, game)))
    eager, compiled = (statistics.median(seconds[side]) for side in ("eager", "compiled"))
    compiling = first["compiled"] - WARM * compiled
    return {
        "eager": BATCH / eager,
        "compiled": BATCH / compiled,
        "ratio": eager / compiled,
        "compiling_seconds": compiling,
        "paid_after_kimg": BATCH * compiling / (eager - compiled) / 1000 if compiled < eager else None,
        "precision": games["eager"].precision.name,
        "commit": record.commit(),
    }


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=["resnet20", "quick"])
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    part = noise(options.size)
    figures = record.before("compiling")
    rows = figures.setdefault(f"{options.size}x{options.size}", {})
    print(f"{'network':<12}{'eager':>8}{'compiled':>10} pictures/s  ratio  compiling    paid after")
    with tempfile.TemporaryDirectory() as empty, reused_memory():
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = empty
        for name in options.networks:
            row = rows[name] = measured(name, part, options)
            record.write("compiling", figures)
            paid = "never" if row["paid_after_kimg"] is None else f"{row['paid_after_kimg']:,.0f} kimg"
            print(
                f"{name:<12}{row['eager']:>8.0f}{row['compiled']:>10.0f}{row['ratio']:>18.2f}"
                f"{row['compiling_seconds']:>10.0f} s{paid:>14}",
                flush=True,
            )
    print(record.RESULTS / "compiling.json")


if __name__ == "__main__":
    main()
