"""Measures of classifiers against scikit-learn, and what is said where a class is missing."""

import numpy as np
import numpy.typing as npt
import pytest
from sklearn import metrics

from sparring.errors import DataError
from sparring.metrics.intervals import Measure
from sparring.metrics.supervised import Classification, classification

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def answers(seed: int, count: int = 300, classes: int = 5, skill: float = 1.5) -> tuple[Labels, Floats]:
    """Labels of uneven shares and probabilities that know something of them."""
    draw = np.random.default_rng(seed)
    labels = draw.choice(classes, size=count, p=draw.dirichlet(np.full(classes, 3.0)))
    logits = draw.normal(size=(count, classes)) + skill * np.eye(classes)[labels]
    odds = np.exp(logits)
    return labels.astype(np.int64), odds / odds.sum(1, keepdims=True)


def judged(labels: Labels, given: Floats | Labels, classes: int, seed: int = 0) -> Classification:
    return classification(labels, given, classes=[f"c{k}" for k in range(classes)], seed=seed)


def rows(found: Classification) -> dict[str, Measure]:
    return {row.name: row for row in (*found.rows, *found.class_rows)}


@pytest.mark.parametrize("seed", range(3))
def test_values_are_those_of_scikit_learn(seed: int) -> None:
    labels, probabilities = answers(seed)
    found, predicted = rows(judged(labels, probabilities, 5)), probabilities.argmax(1)
    curves = {"y_true": np.eye(5)[labels], "y_score": probabilities, "average": "macro"}
    expected = {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "precision_macro": metrics.precision_score(labels, predicted, average="macro", zero_division=0),
        "recall_macro": metrics.recall_score(labels, predicted, average="macro", zero_division=0),
        "f1_macro": metrics.f1_score(labels, predicted, average="macro", zero_division=0),
        "f1_micro": metrics.f1_score(labels, predicted, average="micro"),
        "top_3": metrics.top_k_accuracy_score(labels, probabilities, k=3),
        "roc_auc": metrics.roc_auc_score(labels, probabilities, multi_class="ovr"),
        "average_precision": metrics.average_precision_score(**curves),
        "log_loss": metrics.log_loss(labels, probabilities),
    }
    each = metrics.precision_recall_fscore_support(labels, predicted, zero_division=0)
    for at, name in enumerate(("precision", "recall", "f1")):
        expected |= {f"{name}: c{k}": each[at][k] for k in range(5)}
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, rel=1e-12), name


def test_the_matrix_has_labels_as_rows() -> None:
    labels, probabilities = answers(0)
    matrix = judged(labels, probabilities, 5).matrix
    np.testing.assert_array_equal(matrix, metrics.confusion_matrix(labels, probabilities.argmax(1)))
    assert matrix[0].sum() == (labels == 0).sum()


def test_two_classes_have_rows_of_the_second() -> None:
    labels, probabilities = answers(1, classes=2)
    found, predicted = rows(judged(labels, probabilities, 2)), probabilities.argmax(1)
    assert found["precision"].value == pytest.approx(metrics.precision_score(labels, predicted))
    assert found["recall"].value == pytest.approx(metrics.recall_score(labels, predicted))
    assert found["f1"].value == pytest.approx(metrics.f1_score(labels, predicted))
    assert found["roc_auc"].value == pytest.approx(metrics.roc_auc_score(labels, probabilities[:, 1]))
    assert found["brier"].value == pytest.approx(metrics.brier_score_loss(labels, probabilities[:, 1]))
    assert "'c1'" in found["recall"].note


def test_accuracy_is_told_beside_what_blind_answers_have() -> None:
    """100 right negatives, 10 right positives, 10 wrong each way: 'always negative' is as accurate."""
    labels = np.repeat([0, 0, 1, 1], [100, 10, 10, 10])
    predicted = np.repeat([0, 1, 0, 1], [100, 10, 10, 10])
    found = classification(labels, predicted, classes=["negative", "positive"])
    table = rows(found)
    np.testing.assert_array_equal(found.matrix, [[100, 10], [10, 10]])
    assert table["accuracy"].value == pytest.approx(0.846, abs=5e-4)
    assert table["accuracy"].note == "always answering 'negative' has 0.846"
    assert [table[name].value for name in ("precision", "recall", "f1")] == [0.5, 0.5, 0.5]
    assert table["f1_macro"].value == pytest.approx((100 / 110 + 0.5) / 2)
    assert "roc_auc" not in table


def test_a_row_says_of_how_many_examples_it_is() -> None:
    labels = np.repeat([0, 0, 1, 1], [100, 10, 10, 10])
    table = rows(classification(labels, np.repeat([0, 1, 0, 1], [100, 10, 10, 10]), classes=["no", "yes"]))
    assert (table["accuracy"].count, table["precision"].count, table["recall: no"].count) == (130, 20, 110)
    # Wilson's interval of 10 in 20, from its closed form.
    z2 = 1.959963984540054**2
    half = np.sqrt(z2 * (10 * 10 / 20 + z2 / 4)) / (20 + z2)
    assert (table["precision"].low, table["precision"].high) == (pytest.approx(0.5 - half), pytest.approx(0.5 + half))


def test_intervals_hold_the_value_and_shrink_with_n() -> None:
    few, many = (rows(judged(*answers(2, count=count, classes=3), 3)) for count in (100, 1600))
    for name in ("accuracy", "f1_macro", "recall_macro", "roc_auc", "average_precision", "brier", "log_loss", "f1: c1"):
        widths = []
        for row in (few[name], many[name]):
            assert row.low is not None and row.high is not None
            assert row.low < row.value < row.high, name
            widths.append(row.high - row.low)
        # Sixteen times the examples: a quarter of the width, give or take.
        assert 2 < widths[0] / widths[1] < 8, name


def test_an_interval_is_as_wide_as_the_measure_varies() -> None:
    """The spread of AUC and log loss over fresh data is what one bootstrap says."""
    fresh = [answers_of_one_world(seed) for seed in range(120)]
    auc = [metrics.roc_auc_score(labels, p, multi_class="ovr") for labels, p in fresh]
    loss = [metrics.log_loss(labels, p) for labels, p in fresh]
    table = rows(judged(*answers_of_one_world(1000), 3))
    for name, values in (("roc_auc", auc), ("log_loss", loss)):
        low, high = table[name].low, table[name].high
        assert low is not None and high is not None
        assert (high - low) / (2 * 1.96) == pytest.approx(np.std(values), rel=0.35), name


def answers_of_one_world(seed: int, count: int = 150) -> tuple[Labels, Floats]:
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 3, count)
    odds = np.exp(draw.normal(size=(count, 3)) + 1.5 * np.eye(3)[labels])
    return labels, odds / odds.sum(1, keepdims=True)


def test_the_same_seed_gives_the_same_table() -> None:
    labels, probabilities = answers(3, count=60, classes=3)
    one, again, other = (judged(labels, probabilities, 3, seed=seed) for seed in (7, 7, 8))
    assert one.rows == again.rows and one.class_rows == again.class_rows
    assert rows(one)["roc_auc"].low != rows(other)["roc_auc"].low
    assert rows(one)["roc_auc"].value == rows(other)["roc_auc"].value


def test_classes_without_examples_are_left_out_and_named() -> None:
    labels, probabilities = answers(4, classes=4)
    here = labels < 2
    found = judged(labels[here], probabilities[here], 4)
    present = [metrics.roc_auc_score(labels[here] == k, probabilities[here, k]) for k in (0, 1)]
    assert rows(found)["roc_auc"].value == pytest.approx(np.mean(present))
    assert found.notes == ("roc_auc and average_precision leave out classes without examples: c2, c3",)
    assert rows(found)["recall: c3"].note == "no example: counts as 0"


def test_one_class_alone_has_no_ranking() -> None:
    _, probabilities = answers(5, classes=2)
    found = judged(np.zeros(len(probabilities), np.int64), probabilities, 2)
    assert "roc_auc" not in rows(found) and "average_precision" not in rows(found)
    assert found.notes == ("roc_auc and average_precision need examples of two classes",)


def test_a_class_never_answered_counts_as_zero() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2])
    found = rows(judged(labels, np.array([0, 0, 1, 1, 1, 1]), 3))
    assert found["precision: c2"].value == 0 and found["precision: c2"].note == "never answered: counts as 0"
    assert found["precision: c2"].low is None
    expected = metrics.precision_score(labels, [0, 0, 1, 1, 1, 1], average="macro", zero_division=0)
    assert found["precision_macro"].value == pytest.approx(expected)


def test_one_example_is_enough_for_a_table() -> None:
    table = rows(judged(np.array([1]), np.array([[0.3, 0.7]]), 2))
    assert table["accuracy"].value == 1 and table["accuracy"].low == pytest.approx(0.2065, abs=1e-4)


@pytest.mark.parametrize(
    ("labels", "given", "message"),
    [
        ([0, 1], [[0.5, 0.5]], r"labels \(2,\) and answers to \(1,\): expected \[N\] each"),
        ([0, 3], [[0.5, 0.5], [0.5, 0.5]], "labels from 0 to 3: expected 0 to 1"),
        ([0, -1], [0, 1], "labels from -1 to 0: expected 0 to 1"),
        ([0, 1], [0, 2], "answers from 0 to 2: expected 0 to 1"),
        ([0, 1], [[0.2, 0.3, 0.5], [0.2, 0.3, 0.5]], r"probabilities \(2, 3\): expected \[N, 2\]"),
    ],
)
def test_what_does_not_fit_is_refused(labels: list[int], given: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        classification(np.array(labels), np.array(given), classes=["a", "b"])
