"""Data sets that are made, not read: points of a plane whose modes are known, so that collapse is seen in seconds.

The ring is that of unrolled GANs (Metz et al., arXiv:1611.02163, appendix A: 8 on a circle of radius 2, sd 0.02), the
grid that of PacGAN (Lin et al., arXiv:1712.04086, section 4.1: 25, two apart, variance 0.0025), the swiss roll that of
scikit-learn's `make_swiss_roll` seen from its side, with noise of 0.25 (as in arXiv:1704.00028). Each is divided by a
number, so that coordinates lie about in [-1, 1]. `moons` and `spirals` have two classes: the one is scikit-learn's
`make_moons`, the other the two interleaved spirals of Lang and Witbrock 1988 ("Learning to tell two spirals apart"),
three turns each.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]
COUNT = 10_000
LABELLED = 2_000


@dataclass(frozen=True, kw_only=True)
class Modes:
    """Gaussians of equal weight that a data set is a mixture of: centres float32 [K, 2], one sd for all."""

    centres: Points
    sd: float


@dataclass(frozen=True, kw_only=True)
class PointSet:
    """A data set that a word stands for.

    Args:
        summary: one line: what it holds, how much, from where.
        make: points float32 [N, 2], the same each time.
        modes: None where it is no mixture.
        classes: point n is of class n % K; none: they have no classes.
    """

    name: str
    summary: str
    make: Callable[[], Points]
    modes: Modes | None = None
    classes: tuple[str, ...] = ()


def mixture(modes: Modes, *, count: int = COUNT, seed: int = 0) -> Points:
    """Points float32 [N, 2] of a mixture of Gaussians, each as often as the others but for chance."""
    draw = np.random.Generator(np.random.Philox(key=seed))
    chosen = modes.centres[draw.integers(0, len(modes.centres), count)]
    return np.asarray(chosen + modes.sd * draw.standard_normal((count, 2)), np.float32)


def swiss_roll(*, count: int = COUNT, seed: int = 0, noise: float = 0.25) -> Points:
    """Points float32 [N, 2] of a spiral, t (cos t, sin t) / 14 with t uniform in [1.5 pi, 4.5 pi]."""
    draw = np.random.Generator(np.random.Philox(key=seed))
    t = math.pi * draw.uniform(1.5, 4.5, count)
    spiral = t[:, None] * np.stack([np.cos(t), np.sin(t)], 1)
    return np.asarray((spiral + noise * draw.standard_normal((count, 2))) / 14, np.float32)


def moons(*, count: int = LABELLED, seed: int = 0, noise: float = 0.2) -> Points:
    """Points float32 [N, 2] on two half circles that reach into each other, the upper one and the lower in turn."""
    draw = np.random.Generator(np.random.Philox(key=seed))
    t = math.pi * draw.uniform(0, 1, count)
    lower = np.arange(count) % 2 == 1
    x = np.where(lower, 1 - np.cos(t), np.cos(t))
    y = np.where(lower, 0.5 - np.sin(t), np.sin(t))
    return np.asarray(np.stack([x, y], 1) + noise * draw.standard_normal((count, 2)), np.float32)


def spirals(*, count: int = LABELLED, seed: int = 0, noise: float = 0.02, turns: float = 3.0) -> Points:
    """Points float32 [N, 2] on two arms from the middle out to radius 1, one the other turned by half, in turn.

    The radius grows with the angle; points lie about as densely on the outer turns as on the inner ones.
    """
    draw = np.random.Generator(np.random.Philox(key=seed))
    radius = np.sqrt(draw.uniform(0.01, 1, count))
    angle = 2 * math.pi * turns * radius + math.pi * (np.arange(count) % 2)
    arms = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return np.asarray(arms + noise * draw.standard_normal((count, 2)), np.float32)


def _ring(count: int = 8) -> Modes:
    angles = 2 * math.pi * np.arange(count) / count
    circle = np.stack([np.cos(angles), np.sin(angles)], 1)
    return Modes(centres=circle.astype(np.float32), sd=0.02 / 2)


def _grid(side: int = 5) -> Modes:
    line = np.linspace(-1, 1, side, dtype=np.float32)
    return Modes(centres=np.stack(np.meshgrid(line, line), -1).reshape(-1, 2), sd=0.05 / 4)


def _mixture_set(name: str, what: str, modes: Modes) -> PointSet:
    summary = f"{COUNT:,} points of {what}; made, no download"
    return PointSet(name=name, summary=summary, make=partial(mixture, modes), modes=modes)


_ALL = (
    _mixture_set("ring", "8 Gaussians on a circle of radius 1, sd 0.01 (arXiv:1611.02163)", _ring()),
    _mixture_set("grid", "25 Gaussians 0.5 apart on a square, sd 0.0125 (arXiv:1712.04086)", _grid()),
    PointSet(
        name="swiss-roll",
        summary=f"{COUNT:,} points of a spiral in a plane, noise 0.25 / 14 (arXiv:1704.00028); made, no download",
        make=swiss_roll,
    ),
    PointSet(
        name="moons",
        summary=f"{LABELLED:,} points on two half circles, a class each, noise 0.2 (make_moons); made, no download",
        make=moons,
        classes=("upper", "lower"),
    ),
    PointSet(
        name="spirals",
        summary=f"{LABELLED:,} points on two spirals of three turns, a class each (Lang, Witbrock 1988); no download",
        make=spirals,
        classes=("first", "second"),
    ),
)
SETS: Mapping[str, PointSet] = {made.name: made for made in _ALL}
