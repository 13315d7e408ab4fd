"""Rates over time, at the points that can be worked out by hand."""

import itertools
import math

import pytest

from sparring.engine.schedule import Schedule


@pytest.mark.parametrize(
    ("schedule", "examples", "factor"),
    [
        (Schedule(), 0, 1.0),
        (Schedule(), 10**9, 1.0),
        (Schedule(warmup=100), 0, 0.0),
        (Schedule(warmup=100), 25, 0.25),
        (Schedule(warmup=100), 100, 1.0),
        (Schedule(shape="linear", end=1000), 0, 1.0),
        (Schedule(shape="linear", end=1000), 250, 0.75),
        (Schedule(shape="linear", end=1000), 1000, 0.0),
        (Schedule(shape="linear", end=1000), 5000, 0.0),
        (Schedule(shape="linear", end=1000, final=0.1), 1000, 0.1),
        (Schedule(shape="linear", end=1000, final=0.1), 500, 0.55),
        (Schedule(shape="linear", warmup=200, end=1000), 100, 0.5),
        (Schedule(shape="linear", warmup=200, end=1000), 200, 1.0),
        (Schedule(shape="linear", warmup=200, end=1000), 600, 0.5),
        (Schedule(shape="cosine", end=1000), 0, 1.0),
        (Schedule(shape="cosine", end=1000), 250, (1 + math.cos(math.pi / 4)) / 2),
        (Schedule(shape="cosine", end=1000), 500, 0.5),
        (Schedule(shape="cosine", end=1000), 1500, 0.0),
        (Schedule(shape="linear", warmup=10, end=10), 10, 1.0),
    ],
)
def test_factor(schedule: Schedule, examples: int, factor: float) -> None:
    assert schedule.factor(examples) == pytest.approx(factor, abs=1e-12)


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_a_fall_never_rises(shape: str) -> None:
    schedule = Schedule(shape=shape, warmup=100, end=1000)  # type: ignore[arg-type]
    factors = [schedule.factor(examples) for examples in range(100, 1200)]
    assert all(later <= earlier for earlier, later in itertools.pairwise(factors))
