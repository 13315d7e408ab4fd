"""The kernel distance against torch-fidelity, torchmetrics and clean-fid on the same subsets, and what it must do."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from reference_inputs import SEED, SIZE, SUBSETS, cases, drawn, stored

from sparring.errors import DataError
from sparring.metrics.kernel import kernel_distance, kernel_distances

Rows = npt.NDArray[np.int64]


def subsets(count_a: int, count_b: int) -> tuple[Rows, Rows]:
    """Those that torch-fidelity draws."""
    draw = np.random.RandomState(SEED)
    pairs = [
        (draw.choice(count_a, SIZE, replace=False), draw.choice(count_b, SIZE, replace=False)) for _ in range(SUBSETS)
    ]
    return np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])


@pytest.mark.parametrize("name", cases())
def test_it_is_what_torch_fidelity_gives(name: str) -> None:
    a, b = cases()[name]
    found = kernel_distances(a, b, *subsets(len(a), len(b)))
    expected = stored("torch-fidelity KID")[name]
    assert found.mean() == pytest.approx(expected["mean"], rel=1e-6)
    assert found.std() == pytest.approx(expected["std"], rel=1e-6)


@pytest.mark.parametrize("reference", ["torchmetrics KID", "clean-fid KID"])
def test_one_subset_is_what_other_references_give(reference: str) -> None:
    first = np.arange(SIZE)[None]
    for name, (a, b) in cases().items():
        expected = stored(reference)[name]
        assert kernel_distances(a, b, first, first)[0] == pytest.approx(expected, rel=1e-6), name


def test_it_is_unbiased() -> None:
    """Over every pair of subsets of a tiny population its mean is the population's, whatever the size of subsets."""
    a, b = drawn(0, 6, 2), drawn(1, 6, 2, shift=0.5)
    whole = kernel_distances(a, b, np.arange(6)[None], np.arange(6)[None])[0]
    for size in (2, 3):
        rows = np.array(list(itertools.combinations(range(6), size)))
        left, right = np.repeat(rows, len(rows), 0), np.tile(rows, (len(rows), 1))
        assert kernel_distances(a, b, left, right).mean() == pytest.approx(whole)


def test_alike_sets_are_near_0_and_others_far() -> None:
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=(2, 2000, 8))
    alike, shifted = kernel_distance(a, b, size=500), kernel_distance(a, b + 1, size=500)
    assert abs(alike.mean) < 3 * alike.sd
    assert shifted.mean > 20 * shifted.sd
    assert (alike.subsets, alike.size) == (100, 500)


def test_a_seed_makes_it_repeatable() -> None:
    a, b = drawn(0, 200, 4), drawn(1, 200, 4)
    assert kernel_distance(a, b, size=50, seed=3) == kernel_distance(a, b, size=50, seed=3)
    assert kernel_distance(a, b, size=50, seed=3) != kernel_distance(a, b, size=50, seed=4)


def test_small_sets_have_smaller_subsets_that_still_differ() -> None:
    found = kernel_distance(drawn(0, 90, 4), drawn(1, 61, 4))
    assert found.size == 30
    assert found.sd > 0


def test_repeated_pictures_give_a_number() -> None:
    one, other = np.zeros((5, 3)), np.ones((5, 3))
    assert kernel_distance(one, one, size=5).mean == 0
    assert kernel_distance(one, other, size=5).mean == pytest.approx(1 + 2**3 - 2)


def test_one_picture_is_refused() -> None:
    with pytest.raises(DataError, match="1 and 5 pictures"):
        kernel_distance(np.zeros((1, 3)), np.zeros((5, 3)))
