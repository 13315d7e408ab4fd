"""Bins against SciPy's tests, and a digit that is left out."""

import numpy as np
import numpy.typing as npt
import pytest
from reference_inputs import Floats, drawn
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency
from sklearn.datasets import load_digits

from sparring.metrics.bins import Bins


def digits() -> tuple[Floats, npt.NDArray[np.int64]]:
    order = np.random.default_rng(0).permutation(1797)
    data = load_digits()
    return data.data[order], data.target[order]


def test_tests_and_divergence_are_scipys() -> None:
    """The two-sample z-test is the chi-square test of a table of two by two."""
    reals, fakes = drawn(0, 400, 4), drawn(0, 700, 4)[400:] * 0.7
    bins = Bins(reals, bins=8)
    found = bins.measure(fakes)
    made, real = found.fake_shares * 300, found.real_shares * 400
    tables = [np.array([[r, 400 - r], [m, 300 - m]]) for r, m in zip(real, made, strict=True)]
    expected = [chi2_contingency(table, correction=False).pvalue for table in tables]
    assert found.p == pytest.approx(expected, rel=1e-6)
    assert found.differing == pytest.approx(np.mean(np.array(expected) < 0.05))
    assert found.divergence == pytest.approx(jensenshannon(found.real_shares, found.fake_shares) ** 2, rel=1e-6)


def test_shares_are_those_of_the_nearest_mean() -> None:
    reals, fakes = drawn(0, 400, 4), drawn(2, 150, 4)
    bins = Bins(reals, bins=6)
    clusters = bins._clusters.predict(reals)
    means = np.stack([reals[clusters == c].mean(0) for c in range(6)])
    nearest = np.linalg.norm(fakes[:, None] - means, axis=2).argmin(1)
    assert bins.measure(fakes).fake_shares == pytest.approx(np.bincount(nearest, minlength=6) / 150)


def test_reals_differ_by_chance_alone() -> None:
    pictures, _ = digits()
    found = Bins(pictures[:1200], bins=40).measure(pictures[1200:])
    assert found.differing <= 0.15
    assert found.divergence < 0.05


def test_a_digit_left_out_is_named() -> None:
    """The bins that miss are those whose example is the digit."""
    pictures, labels = digits()
    train, held = slice(0, 1200), slice(1200, None)
    bins = Bins(pictures[train], bins=40)
    kept = pictures[held][labels[held] != 3]
    found = bins.measure(kept)
    of_bins = labels[train][bins.examples]
    threes = np.flatnonzero(of_bins == 3)
    lost = found.real_shares[threes].sum()
    assert set(found.missing) <= set(threes)
    assert found.real_shares[found.missing].sum() > 0.7 * lost
    lack = (found.real_shares - found.fake_shares)[found.missing]
    assert (np.diff(lack) <= 0).all()


def test_few_or_repeated_reals_have_fewer_bins() -> None:
    assert Bins(drawn(0, 100, 3)).count == 5
    assert Bins(drawn(0, 7, 3)).count == 1
    assert Bins(np.repeat(drawn(0, 2, 3), 50, 0)).count == 2


def test_one_picture_only_never_differs() -> None:
    found = Bins(np.zeros((50, 3))).measure(drawn(0, 20, 3))
    assert (found.differing, found.divergence, len(found.missing)) == (0, 0, 0)


def test_a_collapse_differs_in_most_bins() -> None:
    reals = drawn(0, 1000, 3)
    found = Bins(reals, bins=10).measure(np.repeat(reals[:1], 500, 0))
    assert found.differing == 1
    assert len(found.missing) == 9
    assert found.divergence < np.log(2)
