"""Calibration error against torchmetrics' values and against hand-made bins; Brier score and log loss."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import metrics
from sklearn.tree import DecisionTreeClassifier

from sparring.metrics.calibration import (
    brier_scores,
    calibrated_error,
    calibration_error,
    calibration_rows,
    log_losses,
)

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def told(seed: int, count: int, classes: int, *, honest: bool = True) -> tuple[Labels, Floats]:
    """Probabilities, and labels that come as often as these say; or, not honest, half as sure as these say."""
    draw = np.random.default_rng(seed)
    probabilities = draw.dirichlet(np.full(classes, 0.5), size=count)
    shares = probabilities if honest else (probabilities + 1 / classes) / 2
    labels = (draw.random((count, 1)) > shares.cumsum(1)).sum(1).clip(0, classes - 1)
    return labels.astype(np.int64), probabilities


# torchmetrics 1.9: multiclass_calibration_error(n_bins=bins, norm="l1"), which counts in float32.
TORCHMETRICS_ECE = {
    (0, 200, 2, 15): 0.15793991088867188,
    (1, 500, 10, 15): 0.13632406294345856,
    (2, 333, 4, 7): 0.18525806069374084,
    (3, 40, 3, 30): 0.32564327120780945,
}


@pytest.mark.parametrize(("seed", "count", "classes", "bins"), TORCHMETRICS_ECE)
def test_it_is_that_of_torchmetrics(seed: int, count: int, classes: int, bins: int) -> None:
    labels, probabilities = told(seed, count, classes, honest=False)
    expected = TORCHMETRICS_ECE[seed, count, classes, bins]
    assert calibration_error(labels, probabilities, bins=bins) == pytest.approx(expected, rel=1e-6)


def test_it_is_the_gap_of_each_bin_by_its_share() -> None:
    """Eight at 0.9 of which six are right, two at 0.6 of which none: 0.8 x 0.15 + 0.2 x 0.6."""
    confidence = np.repeat([0.9, 0.6], [8, 2])
    probabilities = np.stack([1 - confidence, confidence], 1)
    labels = np.array([1] * 6 + [0] * 4)
    assert calibration_error(labels, probabilities) == pytest.approx(0.24)
    # Both in one bin, the gaps add up before the size is taken: 6 right of 10 at a mean of 0.84.
    assert calibration_error(labels, probabilities, bins=1) == pytest.approx(0.24)
    labels[-2:] = 1
    assert calibration_error(labels, probabilities) == pytest.approx(0.8 * 0.15 + 0.2 * 0.4)
    assert calibration_error(labels, probabilities, bins=1) == pytest.approx(0.84 - 0.8)


def test_a_bin_holds_its_upper_edge() -> None:
    """Guo et al.: ((m - 1) / M, m / M]. At 0.5 and 0.51 of two bins, one right: apart 0.5 and 0.51, together 0."""
    probabilities = np.array([[0.5, 0.3, 0.2], [0.51, 0.3, 0.19]])
    assert calibration_error(np.array([0, 1]), probabilities, bins=2) == pytest.approx((0.5 + 0.51) / 2)


def test_adaptive_bins_are_equally_full_and_keep_equal_confidences_together() -> None:
    labels, probabilities = told(0, 600, 4, honest=False)
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    order = np.argsort(confidence)
    by_hand = sum(abs((right[part] - confidence[part]).sum()) for part in np.array_split(order, 15)) / 600
    assert calibration_error(labels, probabilities, adaptive=True) == pytest.approx(by_hand, abs=2e-3)
    shuffled = np.random.default_rng(1).permutation(600)
    coarse = probabilities.round(1) + 0.0
    one = calibration_error(labels, coarse, adaptive=True)
    assert calibration_error(labels[shuffled], coarse[shuffled], adaptive=True) == pytest.approx(one, rel=1e-12)


def test_the_floor_is_what_honest_probabilities_show() -> None:
    """Few examples never look calibrated; the floor says how little that means."""
    honest = [told(seed, 200, 3) for seed in range(100)]
    shown = np.mean([calibration_error(labels, p) for labels, p in honest])
    floor = np.mean([calibrated_error(p, seed=seed) for seed, (_, p) in enumerate(honest)])
    assert shown > 0.03
    assert floor == pytest.approx(shown, rel=0.05)


def test_the_interval_covers_what_is_true() -> None:
    """Of honest probabilities the true error is 0: the interval reaches below the floor; of others it stays above 0."""
    honest = [calibration_rows(*told(seed, 300, 3), seed=seed)[0] for seed in range(10)]
    others = [calibration_rows(*told(seed, 300, 3, honest=False), seed=seed)[0] for seed in range(10)]
    floors = [calibrated_error(told(seed, 300, 3)[1], seed=seed) for seed in range(10)]
    assert sum(row.low < floor for row, floor in zip(honest, floors, strict=True)) == 10
    # Half as sure as said: the confidence of 3 classes is off by (mean confidence - 1/3) / 2.
    true = np.mean([(told(seed, 300, 3, honest=False)[1].max(1).mean() - 1 / 3) / 2 for seed in range(10)])
    assert sum(row.low < true < row.high for row in others) >= 8


def test_brier_and_log_loss_are_those_of_scikit_learn() -> None:
    labels, two = told(3, 150, 2)
    assert brier_scores(labels, two).mean() == pytest.approx(metrics.brier_score_loss(labels, two[:, 1]))
    labels, four = told(4, 150, 4)
    assert brier_scores(labels, four).mean() == pytest.approx(((four - np.eye(4)[labels]) ** 2).sum(1).mean())
    assert log_losses(labels, four).mean() == pytest.approx(metrics.log_loss(labels, four))
    sure = np.array([[0.0, 1.0], [0.0, 1.0]])
    assert log_losses(np.array([0, 1]), sure).mean() == pytest.approx(metrics.log_loss([0, 1], sure))


def test_rows_say_what_blind_answers_have() -> None:
    labels = np.repeat([0, 1], [75, 25])
    blind = np.tile([0.75, 0.25], (100, 1))
    ece, adaptive, brier, log_loss = calibration_rows(labels, blind, seed=0)
    assert [row.name for row in (ece, adaptive, brier, log_loss)] == ["ece", "ece_adaptive", "brier", "log_loss"]
    assert ece.value == adaptive.value == 0
    assert brier.value == pytest.approx(0.1875) and brier.note.endswith("have 0.188")
    assert log_loss.value == pytest.approx(0.5623, abs=1e-4) and log_loss.note.endswith("have 0.562")
    assert {row.better for row in (ece, adaptive, brier, log_loss)} == {"lower"}


@pytest.mark.parametrize(("counts", "gini"), [((50, 50), 0.5), ((90, 10), 0.18), ((30, 30, 30), 2 / 3)])
def test_of_the_shares_as_the_answer_the_brier_score_is_the_gini_impurity(counts: tuple[int, ...], gini: float) -> None:
    """1 - sum p^2, as a decision tree that may not split reports it; of two classes half, for it counts one of them."""
    labels = np.repeat(np.arange(len(counts)), counts)
    root = DecisionTreeClassifier(max_depth=1, max_features=1).fit(np.zeros((len(labels), 1)), labels)
    assert root.tree_.impurity[0] == pytest.approx(gini)
    shares = np.tile(np.array(counts) / sum(counts), (len(labels), 1))
    found = next(row for row in calibration_rows(labels, shares, seed=0) if row.name == "brier")
    assert found.value * (2 if len(counts) == 2 else 1) == pytest.approx(gini)
    assert float(found.note.split()[-1]) == pytest.approx(found.value, abs=5e-4)
