"""How well scores and maps part faulty from normal pictures, and faulty points from normal ones."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sparring.errors import DataError
from sparring.metrics.base import Floats
from sparring.metrics.intervals import Counts, Measure, bootstrap, draws, measure, percentiles
from sparring.metrics.ranking import Ranked, ranking

Flags = npt.NDArray[np.bool_]
MOST_FALSE = 0.3
"""Share of normal points taken for faulty up to which regions' overlap is averaged."""
STEPS = 300


def picture_rows(kinds: Sequence[str], scores: Floats, *, good: str, seed: int = 0) -> list[Measure]:
    """ROC-AUC of scores, and average precision: of all faulty pictures, and ROC-AUC of each kind against good ones.

    Args:
        kinds: what is wrong with each picture, or `good`.

    Raises:
        DataError: no good ones, or no others.
    """
    told = np.array(kinds)
    faulty = (told != good).astype(np.int64)
    auc, precision = ranking(faulty, scores, seed=seed)
    rows = [
        measure("image_auroc", auc.value, _interval(auc), auc.count, "faulty above good pictures; chance: 0.5"),
        measure("image_ap", precision.value, _interval(precision), precision.count, precision.note),
    ]
    for kind in sorted(set(kinds) - {good}):
        chosen = (told == kind) | (told == good)
        found = ranking(faulty[chosen], scores[chosen], seed=seed)[0]
        count = f"{int((told == kind).sum())} of them, {int((told == good).sum())} good"
        rows.append(measure(f"image_auroc: {kind}", found.value, _interval(found), found.count, count))
    return rows


def point_rows(maps: npt.NDArray[np.floating], masks: Flags, *, seed: int = 0) -> list[Measure]:
    """ROC-AUC over the points of all pictures together, and the overlap with regions (PRO).

    Intervals are of pictures drawn anew: points of one picture are not independent.

    Args:
        maps: [N, H, W], higher where it is faulty.
        masks: bool [N, H, W], true where it is.

    Raises:
        DataError: other shapes, or no faulty point, or no other.
    """
    if maps.shape != masks.shape or masks.all() or not masks.any():
        raise DataError(f"maps {maps.shape} and masks {masks.shape}: expected one shape, faulty points and others.")
    count, points = len(maps), maps[0].size
    ranked = Ranked(masks.ravel(), maps.ravel().astype(np.float64))

    def statistic(counts: Counts) -> Floats:
        return np.array([ranked(np.repeat(counts, points))[0]])

    found = bootstrap({"auc": statistic}, count, seed=seed, times=draws(count * points, 1))["auc"][:, 0]
    value = statistic(np.ones(count, np.int64))[0]
    note = f"faulty above normal points, {masks.mean():.2%} of all are faulty; chance: 0.5"
    overlap = region_overlap(maps, masks)
    return [
        measure("pixel_auroc", value, percentiles(found), count, note),
        measure("pro", overlap, None, count, "mean share of each faulty region that is found, false alarms to 30 %"),
    ]


def region_overlap(maps: npt.NDArray[np.floating], masks: Flags) -> float:
    """Per-region overlap: each connected faulty region counts the same, however large, averaged over thresholds at
    which up to 30 % of the normal points are taken for faulty; 0 to 1, chance 0.15.

    Source: Bergmann et al., IJCV 2021 (129: 1038), section 5.2.
    """
    from scipy.ndimage import label

    normal = np.sort(maps[~masks])
    regions = []
    for heat, mask in zip(maps, masks, strict=True):
        numbered, count = label(mask, np.ones((3, 3)))
        regions += [np.sort(heat[numbered == number]) for number in range(1, count + 1)]
    false = np.linspace(0, MOST_FALSE, STEPS + 1)
    # The threshold above which a share of the normal points lies.
    cuts = normal[np.minimum(len(normal) - 1, ((1 - false) * len(normal)).astype(np.int64))]
    shares = np.stack([1 - np.searchsorted(region, cuts, side="right") / len(region) for region in regions])
    return float(np.trapezoid(shares.mean(0), false) / MOST_FALSE)


def _interval(row: Measure) -> tuple[float, float] | None:
    return None if row.low is None or row.high is None else (row.low, row.high)
