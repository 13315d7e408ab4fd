"""Rates of training steps on a device, the sides taking turns, at one batch or over a doubling series of them."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from sparring.engine.precision import wait

TURNS, WARM = 3, 3
GAIN = 1.03
Step = Callable[[], int]
"""Trains once, and tells on how many pictures."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is measured, and for how long.

    Args:
        seconds: of each turn of a side.
        side: of dcgan's pictures.
        most: largest batch of a series.
        examples: pictures to train classifiers on.
        cifar: a folder, or None; cifar_seconds: of training on it.
        only: the sections that are wanted.
        until: when all ends, by `time.monotonic`.
    """

    device: torch.device
    seconds: float
    side: int
    most: int
    examples: int
    cifar: Path | None
    cifar_seconds: float
    only: tuple[str, ...]
    until: float

    @property
    def left(self) -> float:
        """Seconds until all has to end."""
        return self.until - time.monotonic()


def rate(step: Step, device: torch.device, seconds: float) -> float:
    """Pictures a second over some seconds, at least one step, what is still to do on the device included."""
    wait(device)
    started, pictures = time.perf_counter(), 0
    while pictures == 0 or time.perf_counter() - started < seconds:
        pictures += step()
    wait(device)
    return pictures / (time.perf_counter() - started)


def rates(sides: Mapping[str, Step], settings: Settings) -> dict[str, float]:
    """The median rate of each side; they take turns, after steps that choose kernels.

    On a CPU, where figures say nothing, there is one turn.
    """
    found: dict[str, list[float]] = {name: [] for name in sides}
    on_gpu = settings.device.type == "cuda"
    for step in sides.values():
        for _ in range(WARM if on_gpu else 1):
            step()
    for _ in range(TURNS if on_gpu else 1):
        for name, step in sides.items():
            found[name].append(rate(step, settings.device, settings.seconds))
    return {name: statistics.median(values) for name, values in found.items()}


def best_batch(make: Callable[[int], Step], settings: Settings, *, first: int) -> dict[str, Any]:
    """The doubling series of one side, and the best of it; ends early where memory or time does."""
    series: dict[str, float] = {}
    batch, ended = first, "the largest batch asked for"
    while batch <= settings.most:
        if settings.left < 10 * settings.seconds:
            ended = "out of time"
            break
        try:
            series[str(batch)] = rates({"": make(batch)}, settings)[""]
        except torch.OutOfMemoryError:
            ended = f"out of memory at {batch}"
            break
        finally:
            free(settings.device)
        values = list(series.values())
        if len(values) > 1 and values[-1] < GAIN * values[-2]:
            ended = f"a doubling to {batch} gained less than {GAIN - 1:.0%}"
            break
        batch *= 2
    if not series:
        return {"ended": ended}
    best = max(series, key=lambda name: series[name])
    return {"batch": int(best), "pictures_per_s": series[best], "series": series, "ended": ended}


def free(device: torch.device) -> None:
    """Give back what nobody holds any more, so that what comes next has all of the memory."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
