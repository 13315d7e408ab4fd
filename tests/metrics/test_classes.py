"""The classifier score against torch-fidelity, divergences against SciPy, and PacGAN's protocol in small."""

from statistics import NormalDist

import numpy as np
import pytest
from reference_inputs import Floats, logits, stored
from scipy.special import softmax
from scipy.stats import entropy

from sparring.errors import DataError
from sparring.metrics.classes import agreement, class_kl, classifier_score, least_share, mode_count


def test_the_score_is_what_torch_fidelity_gives() -> None:
    found = classifier_score(softmax(logits(), axis=1), seed=None)
    assert (found.mean, found.sd) == pytest.approx(tuple(stored("torch-fidelity ISC").values()), rel=1e-6)


def test_samples_sorted_by_class_are_shuffled_first() -> None:
    """Each split of sorted samples would hold one class, and the score be far too low."""
    answers = softmax(logits(), axis=1)
    shuffled = np.random.default_rng(1).permutation(answers)
    assert classifier_score(answers).mean == pytest.approx(classifier_score(shuffled, seed=None).mean, rel=0.05)
    assert classifier_score(answers, seed=None).mean < 0.5 * classifier_score(answers).mean


def test_the_score_of_sure_answers_is_the_number_of_classes() -> None:
    """And of equal answers 1, also where probabilities are exactly 0."""
    sure: Floats = np.tile(np.eye(4), (10, 1))
    assert classifier_score(sure, splits=1) == pytest.approx((4.0, 0.0))
    assert classifier_score(np.tile(np.eye(4)[:1], (40, 1))) == (1.0, 0.0)
    assert classifier_score(sure[:3]) == (1.0, 0.0)


def test_divergence_and_least_share() -> None:
    labels, wanted = np.repeat([0, 1, 2], [50, 30, 20]), [0.25, 0.5, 0.25]
    assert class_kl(labels, wanted) == pytest.approx(entropy([0.5, 0.3, 0.2], wanted))
    assert least_share(labels, wanted) == pytest.approx(0.6)
    assert class_kl(labels, [0.5, 0.3, 0.2]) == pytest.approx(0, abs=1e-12)
    assert least_share(labels, [0.5, 0.3, 0.2]) == pytest.approx(1)


def test_a_class_that_is_missing_or_alone() -> None:
    alone = np.full(30, 2)
    assert class_kl(alone, np.full(5, 0.2)) == pytest.approx(np.log(5))
    assert least_share(alone, np.full(5, 0.2)) == 0
    assert least_share(alone, [0, 0, 1]) == 1
    assert class_kl(alone, [0, 0, 1]) == 0
    assert class_kl(alone, [0.5, 0.5, 0]) == np.inf


def test_the_modes_of_pacgan() -> None:
    """26,000 of 1,000 equal modes find all of them, with a divergence near (modes - 1) / (2 N)."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 1000, 26_000)
    assert mode_count(labels, 1000) == 1000
    assert class_kl(labels, np.full(1000, 1e-3)) == pytest.approx(999 / 52_000, rel=0.1)
    assert mode_count(labels[labels < 99], 1000) == 99
    assert class_kl(labels[labels < 100], np.full(1000, 1e-3)) == pytest.approx(np.log(10), rel=0.02)


def test_labels_outside_of_the_classes_are_refused() -> None:
    for labels in (np.array([0, 3]), np.array([-1, 0]), np.zeros(0, np.int64)):
        with pytest.raises(DataError, match="from 0 to 2"):
            mode_count(labels, 3)
        with pytest.raises(DataError, match="from 0 to 2"):
            class_kl(labels, [0.2, 0.3, 0.5])


def test_agreement_of_all_and_of_each_class() -> None:
    asked = np.repeat([0, 3], [40, 10])
    taken = asked.copy()
    taken[:4] = 3
    found = agreement(taken, asked)
    assert found.overall.value == pytest.approx(46 / 50)
    assert {c: (m.value, m.count) for c, m in found.classes.items()} == {0: (0.9, 40), 3: (1.0, 10)}
    # Wilson 1927, eq. 4, at 1.96 standard deviations.
    z, n, p = NormalDist().inv_cdf(0.975), 40, 0.9
    middle, reach = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    expected = ((middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n))
    assert (found.classes[0].low, found.classes[0].high) == pytest.approx(expected, rel=1e-6)
