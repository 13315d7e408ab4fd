"""Measures of anomaly maps, against scikit-learn and against a slow way of the same."""

import numpy as np
import pytest
from scipy.ndimage import label
from sklearn.metrics import average_precision_score, roc_auc_score

from sparring.errors import DataError
from sparring.metrics.localisation import picture_rows, point_rows, region_overlap


def made(seed: int = 0, shift: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    masks = np.zeros((8, 20, 20), bool)
    masks[0, 2:6, 3:9] = masks[1, 10:12, 10:12] = masks[1, 15:19, 1:3] = masks[3, :, 19] = True
    return (draw.normal(0, 1, masks.shape) + shift * masks).astype(np.float32), masks


def test_pictures() -> None:
    draw = np.random.default_rng(0)
    kinds = ["good"] * 20 + ["hole"] * 10 + ["stain"] * 5
    scores = draw.normal(0, 1, 35) + np.array([0.0] * 20 + [2.0] * 10 + [0.5] * 5)
    rows = {row.name: row for row in picture_rows(kinds, scores, good="good")}
    faulty = np.array(kinds) != "good"
    assert rows["image_auroc"].value == pytest.approx(roc_auc_score(faulty, scores))
    assert rows["image_ap"].value == pytest.approx(average_precision_score(faulty, scores))
    holes = np.array(kinds) != "stain"
    assert rows["image_auroc: hole"].value == pytest.approx(roc_auc_score(faulty[holes], scores[holes]))
    assert rows["image_auroc"].low < rows["image_auroc"].value < rows["image_auroc"].high
    with pytest.raises(DataError, match="of one class"):
        picture_rows(["good"] * 35, scores, good="good")


def test_points() -> None:
    maps, masks = made()
    rows = {row.name: row for row in point_rows(maps, masks)}
    assert rows["pixel_auroc"].value == pytest.approx(roc_auc_score(masks.ravel(), maps.ravel()))
    assert rows["pixel_auroc"].low < rows["pixel_auroc"].value < rows["pixel_auroc"].high
    assert rows["pixel_auroc"].count == 8, "pictures are drawn anew, not points"
    with pytest.raises(DataError, match="faulty points and others"):
        point_rows(maps, np.zeros_like(masks))


def slow_overlap(maps: np.ndarray, masks: np.ndarray) -> float:
    """At every threshold: the mean covered share of all regions, and the share of false points."""
    false, found = [0.0], [0.0]
    for cut in np.unique(maps)[::-1]:
        above = maps >= cut
        false.append(above[~masks].mean())
        shares = []
        for hot, mask in zip(above, masks, strict=True):
            numbered, count = label(mask, np.ones((3, 3)))
            shares += [hot[numbered == n].mean() for n in range(1, count + 1)]
        found.append(np.mean(shares))
        if false[-1] > 0.3:
            break
    grid = np.linspace(0, 0.3, 2001)
    return float(np.trapezoid(np.interp(grid, false, found), grid) / 0.3)


@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0])
def test_overlap_with_regions(shift: float) -> None:
    maps, masks = made(shift=shift)
    assert region_overlap(maps, masks) == pytest.approx(slow_overlap(maps, masks), abs=0.01)


def test_overlap_of_what_is_perfect_and_of_chance() -> None:
    maps, masks = made()
    assert region_overlap(masks.astype(np.float32), masks) == pytest.approx(1.0, abs=0.01)
    draw = np.random.default_rng(1)
    chance = [region_overlap(draw.normal(size=maps.shape), masks) for _ in range(30)]
    assert np.mean(chance) == pytest.approx(0.15, abs=0.03)
