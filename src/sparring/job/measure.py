"""How fast a plan trains on this machine, what it takes, and how much fits into a time: measured on random pictures."""

import dataclasses
import statistics
import sys
import time
from bisect import bisect_right

import numpy as np
import numpy.typing as npt
import torch

from sparring.data import Data, DataReport, Part, TableSpec
from sparring.data.spec import OpenedSpec
from sparring.engine.allocator import reused_memory
from sparring.engine.distributed import by_first, greatest
from sparring.engine.game import Game, play_round
from sparring.engine.precision import wait
from sparring.engine.record import looks
from sparring.engine.whole import in_one_piece
from sparring.job.build import build_game
from sparring.job.plan import Plan
from sparring.job.tasks import TASKS
from sparring.losses.base import penalties
from sparring.metrics.samples import KNOWN
from sparring.recipe import Recipe
from sparring.recipes.base import judged_samples, log_interval

if sys.platform != "win32":
    import resource

REPORT_SECONDS = 3.0
LONGEST_CYCLE = 16
SAVING = 0.03
"""Share of the time that checkpoints may take, see `engine.record`."""
_LONGEST_BUDGET = 1 << 40


def measured(plan: Plan, report: DataReport, *, seconds: float = 2.0) -> Plan:
    """The plan with its speed, the time of a look, and memory; nothing of the run itself is touched.

    Args:
        report: how many pictures the parts have.
        seconds: how long to play at least.
    """
    data = _random_data(plan, report)
    # The caller's own random numbers stay as they are.
    with torch.random.fork_rng(), reused_memory():
        game = build_game(plan.recipe, plan.spec, data.parts, plan.precision)
        speed = _speed(game, rounds=cycle(plan.recipe), seconds=seconds)
        with in_one_piece(game) as seen:
            look, row = by_first(lambda: _look_seconds(seen, data, plan))
    plan = dataclasses.replace(
        plan, images_per_second=speed, look_seconds=look, row_seconds=row, memory=_peak_memory(plan.precision.device)
    )
    return dataclasses.replace(plan, seconds=_duration(plan, round(plan.recipe.kimg * 1000)))


def with_budget(plan: Plan, report: DataReport, *, minutes: float) -> Plan:
    """The plan with `--minutes` turned into a budget of examples, once, by what was measured."""
    if plan.images_per_second is None:
        plan = measured(plan, report, seconds=min(10.0, max(2.0, minutes)))
    batch = plan.recipe.batch
    rounds = bisect_right(range(1, _LONGEST_BUDGET // batch), 60 * minutes, key=lambda n: _duration(plan, n * batch))
    kimg = max(1, rounds) * batch / 1000
    reason = f"{kimg:g}: {minutes:g} minutes at the {plan.images_per_second:.0f} images/s measured on this machine"
    recipe = dataclasses.replace(
        plan.recipe,
        kimg=kimg,
        log_kimg=log_interval(kimg, batch),
        judged=judged_samples(kimg, plan.recipe.task),
        reasons={**plan.recipe.reasons, "kimg": reason},
    )
    return dataclasses.replace(plan, recipe=recipe, seconds=_duration(plan, max(1, rounds) * batch))


def _duration(plan: Plan, images: int) -> float:
    """Seconds until the report is written: rounds, looks at the milestones, checkpoints."""
    assert plan.images_per_second is not None
    playing = images / plan.images_per_second
    rows = images / 1000 / log_interval(images / 1000, plan.recipe.batch)
    looking = looks(images) * plan.look_seconds + rows * plan.row_seconds
    return (playing + looking) * (1 + SAVING) + REPORT_SECONDS


def _speed(game: Game, *, rounds: int, seconds: float) -> float:
    """Examples a second, over whole cycles of `rounds`, so that what is done now and then is counted as often."""
    # The first rounds choose and compile kernels: they are many times slower.
    _play_for(game, rounds=rounds, seconds=seconds / 2)
    images = game.images
    took = _play_for(game, rounds=rounds, seconds=seconds)
    # The median: a moment in which another program has the cores says nothing of the minutes to come.
    return (game.images - images) / len(took) / statistics.median(took)


def _play_for(game: Game, *, rounds: int, seconds: float) -> list[float]:
    """Seconds of each cycle, of as many as it takes to play so long."""
    took: list[float] = []
    while sum(took) < seconds:
        started = time.perf_counter()
        for _ in range(rounds):
            play_round(game)
        wait(game.precision.device)
        took.append(greatest(time.perf_counter() - started))
    return took


def cycle(recipe: Recipe) -> int:
    """Rounds after which every penalty was due."""
    every = [
        int(part.settings.get("every", penalties[part.name].settings["every"].default))
        for part in recipe.penalties
        if "every" in penalties[part.name].settings
    ]
    return min(LONGEST_CYCLE, max(every, default=1))


def _look_seconds(game: Game, data: Data, plan: Plan) -> tuple[float, float]:
    """Of a milestone, and of a row."""
    aim = TASKS[plan.recipe.task]
    observers = aim.observers(data, plan.recipe, aim.stand_in(data, plan.recipe, plan.precision.device))
    drawer = aim.drawer(None, data, plan.recipe)
    drawer(game)  # the first loads what it draws with
    started = time.perf_counter()
    drawer(game)
    drawn = time.perf_counter()
    for observer in observers:
        observer.observe(game)
    judged = time.perf_counter() - drawn
    return (judged, drawn - started) if drawer.every_row else (judged + drawn - started, 0.0)


def _random_data(plan: Plan, report: DataReport) -> Data:
    """As many random pictures as a judge and a few batches read at most; a tenth of the rest is held out."""
    held = report.parts["validation"].pictures if "validation" in report.parts else max(1, plan.examples // 10)
    counts = {"train": min(plan.examples, max(KNOWN, 4 * plan.recipe.batch)), "validation": min(held, 1_000)}
    parts = {name: _random_part(plan, count) for name, count in counts.items()}
    labels = {name: part.y for name, part in parts.items() if part.y is not None}
    return Data(name=report.name, spec=plan.spec, parts=parts, report=report, classes=plan.spec.classes, labels=labels)


def _random_part(plan: Plan, count: int) -> Part:
    spec, draw = plan.spec, np.random.default_rng(count)
    if isinstance(spec, TableSpec):
        drawn = draw.standard_normal((count, len(spec.columns)), np.float32)
        return Part(x=drawn, y=_random_labels(spec, count))
    depth = () if spec.depth is None else (spec.depth,)
    few = draw.integers(0, 256, (64, *depth, spec.height, spec.width, spec.channels), np.uint8)
    rows = np.arange(count) % len(few)
    source = few.repeat(spec.source_channels, axis=-1)[..., : spec.source_channels] if spec.source_channels else None
    return Part(x=few[rows], y=_random_labels(spec, count), source=None if source is None else source[rows])


def _random_labels(spec: OpenedSpec, count: int) -> npt.NDArray[np.int64] | None:
    return np.arange(count, dtype=np.int64) % len(spec.classes) if spec.classes else None


def _peak_memory(device: torch.device) -> int | None:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if sys.platform == "win32":
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    peak: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * unit
