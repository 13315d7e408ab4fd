"""The features that references.json was made from: drawn from fixed seeds, so that only results need storing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
STORED = Path(__file__).with_name("references.json")
SUBSETS, SIZE, SEED = 20, 50, 2020
K = 5


def stored(name: str) -> Any:
    """What the named reference gave, by case."""
    return json.loads(STORED.read_text(encoding="utf-8"))["values"][name]


def drawn(seed: int, count: int, size: int, shift: float = 0.0) -> Floats:
    """Correlated normal features [count, size]."""
    draw = np.random.default_rng(seed)
    mixed: Floats = draw.normal(size=(count, size)) @ draw.normal(size=(size, size)) + shift
    return mixed


def cases() -> dict[str, tuple[Floats, Floats]]:
    """Samples and reals, by case."""
    shared = drawn(0, 700, 12)
    return {
        "alike": (shared[:300], shared[300:]),
        "shifted": (drawn(1, 300, 12, shift=1.0), drawn(2, 250, 12)),
        "far from 0": (shared[:300] + 1000.0, shared[300:] + 1000.5),
        "fewer than axes": (drawn(3, 60, 96), drawn(4, 70, 96, shift=0.3)),
        "collapsed": (np.repeat(shared[:1], 200, 0), shared[300:]),
        "repeating": (np.repeat(shared[:100], 3, 0), np.repeat(shared[300:450], 2, 0)),
        "one dimension": (drawn(5, 100, 1), drawn(6, 120, 1)),
    }


def logits() -> Floats:
    """A classifier's logits [503, 10], sorted by class as samples often are."""
    draw = np.random.default_rng(7)
    classes = np.sort(draw.integers(0, 10, 503))
    found: Floats = draw.normal(size=(503, 10)) + 4 * np.eye(10)[classes]
    return found
