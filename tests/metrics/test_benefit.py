"""Differences between ways of training, against scikit-learn and SciPy, and how often their interval is right."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, recall_score

from sparring.metrics.base import Labels
from sparring.metrics.benefit import Scores, gains, measures_of, scored


def test_scores_are_scikit_learns() -> None:
    draw = np.random.default_rng(0)
    labels, said = draw.integers(0, 4, 200), draw.integers(0, 4, (3, 200))
    found = scored(said, labels, 4, [2, 0], times=5)
    assert measures_of(["c", "a"]) == ["recall: c", "f1: c", "recall: a", "f1: a", "f1_macro", "accuracy"]
    for seen, answer in zip(found.seen, said, strict=True):
        recall = recall_score(labels, answer, average=None)
        f1 = f1_score(labels, answer, average=None)
        wanted = [recall[2], f1[2], recall[0], f1[0], f1_score(labels, answer, average="macro")]
        np.testing.assert_allclose(seen, [*wanted, accuracy_score(labels, answer)])
    assert found.drawn.shape == (5, 3, 6)


def test_equal_draws_pair_the_ways() -> None:
    """The same answers twice differ by nothing in any draw."""
    labels, said = np.array([0, 1, 1, 0, 1] * 8), np.array([[0, 1, 0, 0, 1] * 8] * 2)
    one, two = (scored(said, labels, 2, [1], times=20) for _ in range(2))
    assert (one.drawn == two.drawn).all()
    assert one.drawn[:, :, 0].std() > 0


def test_of_seeds_alone_the_interval_is_students() -> None:
    """Where test examples add nothing, it is the paired t-test's."""
    first, second = np.array([[0.7], [0.8], [0.75], [0.9]]), np.array([[0.6], [0.75], [0.7], [0.7]])
    drawn = np.zeros((10, 4, 1))
    (gain,) = gains(Scores(first, drawn), Scores(second, drawn), ["m"], [100], margin=0.02)
    wanted = stats.ttest_rel(first[:, 0], second[:, 0]).confidence_interval(0.95)
    assert gain.low == pytest.approx(wanted.low) and gain.high == pytest.approx(wanted.high)
    assert gain.freedom == pytest.approx(3)


@pytest.mark.parametrize(
    ("shift", "tested", "finding"),
    [(0.1, 100, "helps"), (-0.1, 100, "harms"), (0.0, 100, "no"), (0.0, 40, "unknown"), (0.01, 100, "unknown")],
)
def test_findings(shift: float, tested: int, finding: str) -> None:
    """An interval of about +-0.015; 1 of 40 examples is more than the margin of 0.02."""
    wobble = np.array([[-0.009], [0.009], [-0.009], [0.018], [-0.009]])
    drawn = np.random.default_rng(1).normal(0, 0.005, (2000, 5, 1))
    (gain,) = gains(Scores(wobble + shift, drawn), Scores(0 * wobble, 0 * drawn), ["m"], [tested], margin=0.02)
    assert gain.finding == finding


def answers(draw: np.random.Generator, hard_N: Labels, skills_S: Labels, labels_N: Labels) -> Labels:
    """Each example is hard to some degree, each seed has a skill, and the rest is chance."""
    right = draw.normal(size=(len(skills_S), len(labels_N))) + skills_S[:, None] > hard_N
    return np.where(right, labels_N, 1 - labels_N)


@pytest.mark.parametrize("gap", [0.0, 0.4])
def test_the_interval_holds_the_truth_as_often_as_it_says(gap: float) -> None:
    """Worlds whose true difference of recall is known: over all examples and all seeds there could be."""
    draw = np.random.default_rng(2)
    seeds, count, worlds = 4, 80, 200
    total = np.sqrt(1 + 1 + 0.3**2)  # chance, difficulty and skill are normal
    truth = stats.norm.cdf((0.5 + gap) / total) - stats.norm.cdf(0.5 / total)
    labels = np.repeat([0, 1], count)
    inside = []
    for _ in range(worlds):
        hard = draw.normal(size=2 * count)
        ways = [
            scored(answers(draw, hard, middle + 0.3 * draw.normal(size=seeds), labels), labels, 2, [1], times=60)
            for middle in (0.5 + gap, 0.5)
        ]
        gain = gains(ways[0], ways[1], measures_of(["b"]), [count, count, 2 * count, 2 * count], margin=0.02)[0]
        inside.append(gain.low <= truth <= gain.high)
    assert np.mean(inside) >= 0.93
