"""Every network that classifies: training speed beside the plain loop, and what changing the pictures costs.

    python -m benchmarks.models [resnet20 vgg11 ...] [--size 32] [--seconds 15]

Both sides train the same network, the other one with torch's own convolutions, from the same weights, on colour
pictures of ten classes in batches of 128, in turn in one process: ours as `sparring train` plays its recipe, the other
by the loop of `benchmarks.plain_classifier` (fp32, Pillow, a DataLoader with two workers). Pictures a second are
medians. The cost of changing pictures is the time of dealing changed batches less that of dealing them unchanged, as a
share of ours of a step. Figures are written after each network; one whose figures are there, for the same size, is not
measured again.
"""

import argparse
import copy
import dataclasses
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor, nn

from benchmarks import record
from benchmarks.plain_classifier import BATCH, PlainTraining
from sparring.data import Part
from sparring.data.spec import ImageSpec
from sparring.engine.allocator import reused_memory
from sparring.engine.game import Game, play_round
from sparring.engine.precision import choose_device, choose_precision
from sparring.job.build import build_game
from sparring.models.classify.base import classifiers
from sparring.nn.convolution import Conv2d
from sparring.recipe import DataChoice, Facts, Recipe
from sparring.recipes.base import recipes, recipes_for

EXAMPLES, CLASSES = 4_096, 10
WARM, LEAST, MOST = 2, 4, 40
LARGE = ("preresnet1001", "resnet1202")
"""Too deep to wait for; measured where they are named."""


class FirstLogits(nn.Module):
    """What the plain loop can train: a network's logits alone, where it gives more while training."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Logits [B, K]."""
        found = self.network(x)
        logits: Tensor = found if isinstance(found, Tensor) else found[0]
        return logits


def with_torchs_convolutions(network: nn.Module) -> nn.Module:
    """The network with torch's own layers in the place of ours, which compute the same by other ways."""
    for part in network.modules():
        if isinstance(part, Conv2d):
            part.__class__ = nn.Conv2d  # type: ignore[assignment]
    return network


def networks() -> list[str]:
    """The recipes that classify pictures and are each of a network of their own."""
    return [name for name in recipes_for("classify") if name in classifiers and name not in ("timm", "volume", *LARGE)]


def recipe_of(name: str, size: int) -> Recipe:
    """The recipe as `sparring train` chooses it, of the batch that is compared."""
    facts = Facts(
        channels=3, height=size, width=size, classes=CLASSES, examples=EXAMPLES, labelled=EXAMPLES, device="cpu"
    )
    return dataclasses.replace(recipes.build(name, DataChoice(source="random"), facts), batch=BATCH, kimg=1_000.0)


def noise(size: int) -> Part:
    """Colour pictures of ten classes that nobody can tell apart."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (EXAMPLES, size, size, 3), np.uint8)
    return Part(x=x, y=rng.integers(0, CLASSES, EXAMPLES))


def game_of(recipe: Recipe, part: Part, size: int) -> Game:
    """The recipe's game on these pictures."""
    spec = ImageSpec(channels=3, height=size, width=size, classes=tuple("0123456789"))
    return build_game(recipe, spec, {"train": part}, choose_precision(None, choose_device("cpu")))


def games(name: str, part: Part, size: int) -> tuple[Game, Game]:
    """The recipe's, and the same whose pictures are not changed."""
    recipe = recipe_of(name, size)
    return game_of(recipe, part, size), game_of(dataclasses.replace(recipe, augment=None), part, size)


def timed(do: Callable[[], object]) -> float:
    """Seconds."""
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def measured(name: str, part: Part, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one network."""
    assert part.y is not None
    game, unchanged = games(name, part, options.size)
    network = with_torchs_convolutions(copy.deepcopy(game.players[0].module))
    seconds: dict[str, list[float]] = {"ours": [], "plain": [], "changed": [], "unchanged": []}
    training = PlainTraining(np.asarray(part.x), part.y, epochs=MOST, model=FirstLogits(network))
    plain = training.steps()
    deadline = time.perf_counter() + options.seconds
    for number in range(WARM + MOST):
        taken = {
            "ours": timed(lambda: play_round(game)),
            "plain": next(plain),
            "changed": timed(lambda at=number: game.deal("classifier", at)),  # type: ignore[misc]
            "unchanged": timed(lambda at=number: unchanged.deal("classifier", at)),  # type: ignore[misc]
        }
        if number >= WARM:
            for side, value in taken.items():
                seconds[side].append(value)
        if number >= WARM + LEAST and time.perf_counter() > deadline:
            break
    median = {side: statistics.median(values) for side, values in seconds.items()}
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "ours": BATCH / median["ours"],
        "plain": BATCH / median["plain"],
        "ratio": median["plain"] / median["ours"],
        "changing": (median["changed"] - median["unchanged"]) / median["ours"],
        "steps": len(seconds["ours"]),
        "precision": game.precision.name,
        "commit": record.commit(),
    }


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", help="all, but for the deepest, where none is named")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=15.0, help="for each network, at least 4 steps")
    options = parser.parse_args()
    part, size = noise(options.size), f"{options.size}x{options.size}"
    figures = record.before("models")
    print(f"{'network':<16}{'parameters':>12}{'ours':>10}{'plain':>10}  {'ratio':>6}  changing")
    with reused_memory():
        for name in options.networks or networks():
            rows = figures.setdefault(size, {})
            if name not in rows:
                rows[name] = measured(name, part, options)
                record.write("models", figures)
            row = rows[name]
            print(
                f"{name:<16}{row['parameters']:>12,}{row['ours']:>10.0f}{row['plain']:>10.0f}  {row['ratio']:>6.2f}  "
                f"{row['changing']:.1%}",
                flush=True,
            )
    print(record.RESULTS / "models.json")


if __name__ == "__main__":
    main()
