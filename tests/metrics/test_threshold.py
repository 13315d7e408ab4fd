"""Thresholds against a search through every one of them."""

import numpy as np
import numpy.typing as npt
import pytest

from sparring.errors import DataError, UsageError
from sparring.metrics.threshold import at_threshold, for_precision, for_recall

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def scored(seed: int, count: int = 120, decimals: int = 6) -> tuple[Labels, Floats]:
    draw = np.random.default_rng(seed)
    labels = (draw.random(count) < 0.25).astype(np.int64)
    return labels, (draw.normal(size=count) + 1.5 * labels).round(decimals)


def every_threshold(labels: Labels, scores: Floats) -> list[tuple[float, float]]:
    """(precision, recall) of each, counted."""
    found = []
    for value in np.unique(scores):
        flagged = scores >= value
        found.append((labels[flagged].mean(), labels[flagged].sum() / labels.sum()))
    return found


@pytest.mark.parametrize("decimals", [0, 1, 6])
@pytest.mark.parametrize("wanted", [0.01, 0.5, 0.8, 0.95, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_no_other_threshold_is_better(seed: int, wanted: float, decimals: int) -> None:
    labels, scores = scored(seed, decimals=decimals)
    all_of_them = every_threshold(labels, scores)
    chosen = for_recall(labels, scores, wanted)
    assert chosen.recall >= wanted
    assert chosen.precision == pytest.approx(max(p for p, r in all_of_them if r >= wanted))
    reachable = [r for p, r in all_of_them if p >= wanted]
    if reachable:
        assert for_precision(labels, scores, wanted).recall == pytest.approx(max(reachable))
    else:
        with pytest.raises(UsageError, match="can't be reached"):
            for_precision(labels, scores, wanted)


@pytest.mark.parametrize("seed", range(3))
def test_the_threshold_does_what_it_says(seed: int) -> None:
    labels, scores = scored(seed)
    for chosen in (for_recall(labels, scores, 0.9), for_precision(labels, scores, 0.6)):
        said = at_threshold(scores, chosen.value)
        hits = (said & labels).sum()
        assert chosen.precision == pytest.approx(hits / said.sum())
        assert chosen.recall == pytest.approx(hits / labels.sum())
        assert (chosen.count, chosen.positives) == (120, labels.sum())


def test_a_share_that_is_met_exactly_counts() -> None:
    """19 of 20 is 0.95."""
    labels = np.repeat([1, 0, 1], [19, 5, 1])
    chosen = for_recall(labels, np.arange(25.0)[::-1], 0.95)
    assert (chosen.recall, chosen.precision, chosen.value) == (0.95, 1.0, 6.0)


def test_of_equal_ones_the_generous_threshold_is_taken() -> None:
    """At precision 1, flag every example that keeps it; at recall 1, nothing more than needed."""
    labels = np.array([1, 1, 1, 0])
    assert for_precision(labels, np.array([4.0, 3.0, 2.0, 1.0]), 1.0).value == 2.0
    assert for_recall(labels, np.array([4.0, 3.0, 2.0, 1.0]), 0.3).recall == 1.0


def test_an_unreachable_precision_says_what_can_be_reached() -> None:
    labels, scores = np.array([0, 1, 0, 0, 1]), np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    with pytest.raises(
        UsageError, match=r"precision of 0\.9 .* best on 5 examples is 0\.500 \(scores from 4 upwards, re"
    ):
        for_precision(labels, scores, 0.9)


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01, 95.0, float("nan")])
def test_a_share_is_a_share(share: float) -> None:
    labels, scores = scored(0)
    with pytest.raises(UsageError, match="expected a share above 0 and at most 1"):
        for_recall(labels, scores, share)
    with pytest.raises(UsageError, match="expected a share above 0 and at most 1"):
        for_precision(labels, scores, share)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match="all 4 labels are of one class"):
        for_recall(np.zeros(4, np.int64), np.arange(4.0), 0.9)
    with pytest.raises(DataError, match="expected 0 or 1 and a number"):
        for_recall(np.array([0, 2]), np.arange(2.0), 0.9)
    with pytest.raises(DataError, match="1 of 2 scores are not finite"):
        for_precision(np.array([0, 1]), np.array([0.0, np.inf]), 0.9)
