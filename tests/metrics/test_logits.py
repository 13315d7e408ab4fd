"""Ranks against scikit-learn's, r_v against its meaning, and histograms on one axis."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from sparring.metrics.logits import histogram, overfit, ranked_right


@pytest.mark.parametrize("ties", [False, True])
def test_ranks_are_scikit_learns_area(ties: bool) -> None:
    draw = np.random.default_rng(0)
    real, fake = draw.normal(0.5, 1, 300), draw.normal(0, 1, 200)
    if ties:
        real, fake = real.round(), fake.round()
    expected = roc_auc_score(np.r_[np.ones(300), np.zeros(200)], np.r_[real, fake])
    assert ranked_right(real, fake) == pytest.approx(expected, rel=1e-12)


def test_ranks_at_the_ends() -> None:
    assert ranked_right(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1
    assert ranked_right(np.array([0.0]), np.array([1.0])) == 0
    assert ranked_right(np.ones(5), np.ones(7)) == 0.5
    assert ranked_right(np.array([np.nan]), np.ones(3)) == 0.5
    assert ranked_right(np.array([2.0, np.nan]), np.array([1.0, np.inf])) == 1


def test_overfitting_is_the_formula_whatever_scale_and_offset() -> None:
    draw = np.random.default_rng(0)
    train, held, fake = draw.normal(2, 1, 200), draw.normal(1, 1, 100), draw.normal(-2, 1, 150)
    expected = (train.mean() - held.mean()) / (train.mean() - fake.mean())
    assert overfit(train, held, fake) == pytest.approx(expected)
    assert overfit(7 * train - 30, 7 * held - 30, 7 * fake - 30) == pytest.approx(expected)


def test_none_and_full_overfitting() -> None:
    train, fake = np.array([3.0, 5.0]), np.array([-1.0, 1.0])
    assert overfit(train, train, fake) == 0
    assert overfit(train, fake, fake) == 1


@pytest.mark.parametrize("fake", [np.full(4, 1.0), np.full(4, 2.0), np.full(4, np.nan)])
def test_a_discriminator_that_tells_nothing_overfits_nothing(fake: np.ndarray) -> None:
    assert overfit(np.full(3, 1.0), np.full(3, 0.5), fake) == 0


def test_histograms_share_one_axis() -> None:
    draw = np.random.default_rng(0)
    sets = {"train": draw.normal(2, 1, 500), "held_out": draw.normal(1, 1, 100), "fake": draw.normal(-2, 1, 500)}
    found = histogram(sets, bins=20)
    assert list(found) == ["edges", "train", "held_out", "fake"]
    assert len(found["edges"]) == 21
    middles = (np.array(found["edges"][1:]) + found["edges"][:-1]) / 2
    for name, values in sets.items():
        assert sum(found[name]) == pytest.approx(1)
        assert middles @ np.array(found[name]) == pytest.approx(values.mean(), abs=0.05)


def test_one_logit_far_off_does_not_squeeze_the_rest() -> None:
    draw = np.random.default_rng(0)
    found = histogram({"train": np.r_[draw.normal(size=999), 1e9], "fake": draw.normal(size=1000)})
    assert found["edges"][-1] < 4
    assert sum(found["train"]) == pytest.approx(1)
    assert max(found["fake"]) < 0.2


def test_equal_and_infinite_logits_have_a_histogram() -> None:
    found = histogram({"train": np.full(5, 3.0), "fake": np.array([np.nan, np.inf])}, bins=4)
    assert found["edges"] == pytest.approx([2.5, 2.75, 3, 3.25, 3.5])
    assert found["train"] == [0, 0, 1, 0]
    assert found["fake"] == [0, 0, 0, 0]
