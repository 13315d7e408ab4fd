"""Reals in the place of samples, whole and spoilt: what a measure's values mean."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from sparring.metrics.base import Extractor, Features, Labels, Pictures

Measured = Callable[[Features, Labels | None], Mapping[str, float]]
"""Measures of what stands in the place of samples, with its labels, int64 [N], if there are any."""
BLUR = 1 / 28
LEAST_BLUR = 0.7
BLOCK = 256
HALF = 0.5


class Stand(NamedTuple):
    """Pictures uint8 [N, H, W, C] that stand in the place of samples, and their labels int64 [N] or None."""

    pictures: Pictures
    labels: Labels | None


class Floors(NamedTuple):
    """What reals have in the place of samples.

    Args:
        of_each: pictures of each kind.
        values: by kind (`real`, `blurred`, `one_class_dropped`, `duplicated`), then by measure.
    """

    of_each: int
    values: Mapping[str, Mapping[str, float]]


def floors(
    extractor: Extractor, reals: Pictures, labels: Labels | None, measured: Measured, *, count: int, seed: int
) -> Floors:
    """Every measure of reals in the place of samples: as they are, blurred, without a class, and half of them doubles.

    Args:
        reals: uint8 [N, H, W, C], which the measure does not compare with: of one's own copies everything is a copy.
        labels: int64 [N], -1 unknown; None without classes, and then no class is dropped.
        count: pictures to take; fewer where there are not as many without the dropped class.
        seed: of which.
    """
    kinds = stands(reals, labels, count=count, seed=seed)
    values = {name: dict(measured(extractor(stand.pictures), stand.labels)) for name, stand in kinds.items()}
    return Floors(len(kinds["real"].pictures), values)


def stands(reals: Pictures, labels: Labels | None, *, count: int, seed: int) -> dict[str, Stand]:
    """Reals as they are and spoilt in three ways, as many of each; see `floors`. Rows [N, F] are not blurred."""
    order = np.random.Generator(np.random.Philox(key=seed)).permutation(len(reals))
    dropped = None if labels is None else _most_frequent(labels)
    rest = order if labels is None or dropped is None else order[without_class(labels[order], dropped)]
    count = min(count, len(rest))
    whole = _taken(reals, labels, order[:count])
    spoilt = {
        "real": whole,
        "duplicated": _taken(reals, labels, order[duplicated(count, HALF, seed=seed)]),
    }
    if reals.ndim == 4:
        spoilt["blurred"] = Stand(blurred(whole.pictures, blur_of(reals)), whole.labels)
    return spoilt if dropped is None else {**spoilt, "one_class_dropped": _taken(reals, labels, rest[:count])}


def blur_of(pictures: Pictures) -> float:
    """A blur that can just be seen: 1 / 28 of the shorter side, 0.7 pixels at least."""
    return max(LEAST_BLUR, BLUR * int(min(pictures.shape[1:3])))


def blurred(pictures: Pictures, sigma: float) -> Pictures:
    """Pictures uint8 [N, H, W, C] under a Gaussian of `sigma` pixels, edges repeated."""
    from scipy.ndimage import gaussian_filter

    parts = [pictures[i : i + BLOCK].astype(np.float32) for i in range(0, len(pictures), BLOCK)]
    soft = [gaussian_filter(part, (0, sigma, sigma, 0), mode="nearest").round().astype(np.uint8) for part in parts]
    return np.concatenate(soft) if soft else pictures.copy()


def without_class(labels: Labels, which: int) -> Labels:
    """Rows of labels int64 [N] that are not of the class `which`: int64, in order."""
    rows: Labels = np.flatnonzero(labels != which)
    return rows


def duplicated(count: int, share: float, *, seed: int = 0) -> Labels:
    """Rows of `count` pictures, `share` of them (0 to 1) repeating the others: int64 [count]; at least one is kept."""
    draw = np.random.Generator(np.random.Philox(key=seed))
    order = draw.permutation(count)
    kept = order[: max(1, count - round(share * count))]
    return np.concatenate([kept, draw.choice(kept, count - len(kept))])


def _most_frequent(labels: Labels) -> int | None:
    known = labels[labels >= 0]
    counts = np.bincount(known) if len(known) else np.zeros(0, np.int64)
    return int(counts.argmax()) if (counts > 0).sum() > 1 else None


def _taken(reals: Pictures, labels: Labels | None, rows: Labels) -> Stand:
    return Stand(np.asarray(reals[rows]), None if labels is None else labels[rows])
