"""The measures of samples in a loop: their floors, their columns, and what each kind of bad generator does to them."""

import numpy as np
import pytest

from sparring.metrics.base import Features, Labels, Pictures
from sparring.metrics.samples import Reals, SampleMeasures

CLASSES, SHARES = 4, [0.25] * 4


class Means:
    """An extractor that takes the four values of a 2x2 picture for features, and their largest for the class."""

    name = "means"
    sha256 = "0" * 64

    def __call__(self, pictures: Pictures) -> Features:
        vectors = pictures.reshape(len(pictures), -1).astype(np.float64)
        return Features(vectors=vectors, probabilities=vectors / vectors.sum(1, keepdims=True))


def pictures(labels: Labels, *, seed: int) -> Pictures:
    """2x2 pictures: one value is high, and says the class."""
    draw = np.random.default_rng(seed)
    made = draw.integers(20, 60, (len(labels), 4))
    made[np.arange(len(labels)), labels] += 150
    return made.reshape(-1, 2, 2, 1).astype(np.uint8)


def drawn(count: int, *, seed: int) -> tuple[Pictures, Labels]:
    labels = np.random.default_rng(seed).integers(0, CLASSES, count)
    return pictures(labels, seed=seed + 1), labels


def measures(*, count: int = 400, conditional: bool = True, shares: list[float] | None = SHARES) -> SampleMeasures:
    train, train_labels = drawn(3_000, seed=0)
    held, held_labels = drawn(600, seed=2)
    reals = Reals(train=train, held=held, train_labels=train_labels, held_labels=held_labels)
    return SampleMeasures(Means(), reals, count=count, shares=shares, conditional=conditional, seed=0)


def test_a_perfect_generator_is_at_its_floors() -> None:
    judge = measures()
    found = judge(*drawn(judge.count, seed=4))
    assert judge.count == 400
    for name in ("precision", "recall", "coverage", "diversity", "class_least", "class_agreement"):
        assert found[name] == pytest.approx(found[f"{name}_floor"], abs=0.2), name
    assert found["fd_means"] < 3 * found["fd_means_floor"] + 30
    assert found["copies"] < 0.1 and found["duplicates"] < 0.1 and found["class_kl"] < 0.05


def test_every_value_has_a_column_with_a_meaning() -> None:
    judge = measures()
    found = judge(*drawn(judge.count, seed=4))
    assert found.keys() == judge.columns.keys()
    assert all(meaning and "\n" not in meaning for meaning in judge.columns.values())
    assert "no FID" in judge.columns["fd_means"] and "000000000000" in judge.columns["fd_means"]


def test_a_collapsed_generator_is_seen() -> None:
    judge = measures()
    labels = np.arange(judge.count) % CLASSES
    found = judge(np.repeat(pictures(np.array([2]), seed=5), judge.count, axis=0), labels)
    assert found["diversity"] == 0 and found["duplicates"] == 1 and found["class_least"] == 0
    assert found["class_kl"] == pytest.approx(np.log(4), rel=0.05) and found["class_agreement"] == 0.25
    assert found["coverage"] < 0.2 < found["coverage_floor"]


def test_copies_of_training_pictures_are_seen() -> None:
    judge = measures()
    train, labels = drawn(3_000, seed=0)
    found = judge(train[: judge.count], labels[: judge.count])
    assert found["copies"] == 1 and found["copies_floor"] < 0.05


def test_without_classes_there_are_no_columns_of_classes() -> None:
    judge = measures(conditional=False, shares=None)
    assert not any(name.startswith("class_") for name in judge.columns)
    made, _ = drawn(judge.count, seed=4)
    assert judge(made, None).keys() == judge.columns.keys()


def test_an_unconditional_generator_is_not_asked_for_agreement() -> None:
    judge = measures(conditional=False)
    assert "class_kl" in judge.columns and "class_agreement" not in judge.columns


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_handful_of_reals_gives_numbers(count: int) -> None:
    judge = measures(count=count)
    found = judge(*drawn(judge.count, seed=4))
    assert judge.count == count and np.isfinite(list(found.values())).all()
