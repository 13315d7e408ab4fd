"""The classification accuracy score on digits: samples as good as reals, mislabelled, collapsed, and too plain."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from sparring.errors import DataError
from sparring.metrics.base import Labels, Pictures
from sparring.metrics.intervals import wilson
from sparring.metrics.synthetic import Labelled, Predict, classification_scores

TAUGHT: list[int] = []


def fit(pictures: Pictures, labels: Labels) -> Predict:
    """The nearest neighbour of pixels."""
    assert (labels >= 0).all()
    TAUGHT.append(len(labels))
    flat = pictures.reshape(len(pictures), -1).astype(float)
    nearest = KNeighborsClassifier(1).fit(flat, labels)

    def predict(asked: Pictures) -> Labels:
        found: Labels = nearest.predict(asked.reshape(len(asked), -1).astype(float))
        return found

    return predict


def parts() -> tuple[Labelled, Labelled, Labelled]:
    """Three parts of the digits, the first of them in the place of samples."""
    data, order = load_digits(), np.random.default_rng(0).permutation(1797)
    pictures = (data.images[order, ..., None] * 15).astype(np.uint8)
    labels = data.target[order]
    return tuple(Labelled(pictures[rows], labels[rows]) for rows in (slice(600), slice(600, 1300), slice(1300, None)))


def test_reals_in_the_place_of_samples_reach_the_floor() -> None:
    TAUGHT.clear()
    made, train, held = parts()
    found = classification_scores(fit, made, train, held)
    assert found.on_samples.value == pytest.approx(found.floor.value, abs=0.02)
    assert found.on_reals.value == pytest.approx(found.floor.value, abs=0.02)
    assert found.floor.value > 0.95
    assert (found.trained, TAUGHT) == (600, [600, 600])
    assert (found.on_samples.count, found.on_reals.count, found.floor.count) == (497, 600, 497)


def test_intervals_are_wilsons() -> None:
    found = classification_scores(fit, *parts()).floor
    assert (found.low, found.high) == wilson(round(found.value * found.count), found.count)


def test_a_collapse_within_classes_is_seen_by_training_on_samples_alone() -> None:
    made, train, held = parts()
    one_each = np.array([np.flatnonzero(made.labels == c)[0] for c in range(10)])
    collapsed = Labelled(np.repeat(made.pictures[one_each], 60, 0), np.repeat(np.arange(10), 60))
    found = classification_scores(fit, collapsed, train, held)
    assert found.on_reals.value >= found.floor.value
    assert found.on_samples.value < found.floor.value - 0.2


def test_shuffled_labels_are_seen_both_ways() -> None:
    made, train, held = parts()
    found = classification_scores(fit, made._replace(labels=np.roll(made.labels, 7)), train, held)
    assert found.on_samples.value < 0.3
    assert found.on_reals.value < 0.3


def test_unknown_classes_are_left_out() -> None:
    made, train, held = parts()
    unknown = np.where(np.arange(700) < 300, -1, train.labels)
    found = classification_scores(fit, made, train._replace(labels=unknown), held)
    assert found.trained == 400
    with pytest.raises(DataError, match="got none"):
        classification_scores(fit, made, train, held._replace(labels=np.full(497, -1)))


@pytest.mark.parametrize("labels", [np.zeros(600, np.int64), np.full(600, -1)])
def test_one_class_or_none_is_refused(labels: Labels) -> None:
    made, train, held = parts()
    with pytest.raises(DataError, match="2 classes or more"):
        classification_scores(fit, made._replace(labels=labels), train, held)
