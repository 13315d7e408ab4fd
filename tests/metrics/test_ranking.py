"""Resampled ROC-AUC and average precision against scikit-learn's, with weights and with ties."""

import numpy as np
import pytest
from sklearn import metrics

from sparring.errors import DataError
from sparring.metrics.ranking import Ranked, ranking


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("levels", [4, 1000])
def test_counts_are_sample_weights(seed: int, levels: int) -> None:
    draw = np.random.default_rng(seed)
    positive = draw.random(80) < 0.3
    scores = (draw.normal(size=80) + positive).round(0 if levels == 4 else 6)
    counts = draw.integers(0, 4, 80)
    auc, precision = Ranked(positive, scores)(counts)
    assert auc == pytest.approx(metrics.roc_auc_score(positive, scores, sample_weight=counts), rel=1e-12)
    assert precision == pytest.approx(
        metrics.average_precision_score(positive, scores, sample_weight=counts), rel=1e-12
    )


def test_equal_scores_rank_nothing() -> None:
    positive = np.array([True, False, False, False])
    assert Ranked(positive, np.zeros(4))(np.ones(4, np.int64)) == (0.5, 0.25)


def test_a_draw_without_one_class_has_no_value() -> None:
    ranked = Ranked(np.array([True, False, False]), np.array([3.0, 2.0, 1.0]))
    assert np.isnan(ranked(np.array([0, 2, 1]))).all()
    assert np.isnan(ranked(np.array([3, 0, 0]))).all()


def test_scores_of_any_scale_give_one_table() -> None:
    draw = np.random.default_rng(0)
    labels = (draw.random(200) < 0.2).astype(np.int64)
    scores = draw.normal(size=200) + labels
    auc, precision = ranking(labels, scores)
    assert (auc.name, precision.name) == ("roc_auc", "average_precision")
    assert precision.note == f"a random order has {labels.mean():.3f}"
    assert ranking(labels, np.exp(5 * scores)) == (auc, precision)


def test_one_class_alone_is_refused() -> None:
    with pytest.raises(DataError, match="all 3 labels are of one class"):
        ranking(np.ones(3, np.int64), np.arange(3.0))
    with pytest.raises(DataError, match="expected 0 or 1 and a number"):
        ranking(np.array([0, 1, 2]), np.arange(3.0))
