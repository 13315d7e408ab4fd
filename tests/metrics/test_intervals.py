"""Wilson's interval and the bootstrap against closed forms."""

import numpy as np
import pytest

from sparring.metrics.intervals import (
    LEAST_DRAWS,
    MOST_DRAWS,
    bootstrap,
    draws,
    percentiles,
    proportion,
    reflected,
    wilson,
)


@pytest.mark.parametrize(("hits", "count"), [(0, 1), (0, 10), (10, 10), (3, 7), (846, 1000)])
def test_wilson_is_the_closed_form(hits: int, count: int) -> None:
    z2 = 1.959963984540054**2
    middle = (hits + z2 / 2) / (count + z2)
    half = np.sqrt(z2 * (hits * (count - hits) / count + z2 / 4)) / (count + z2)
    assert wilson(hits, count) == (pytest.approx(middle - half, abs=1e-12), pytest.approx(middle + half, abs=1e-12))


def test_a_share_of_nothing_has_no_interval() -> None:
    row = proportion("precision", 0, 0, "never")
    assert (row.value, row.low, row.high, row.count) == (0.0, None, None, 0)


def test_the_bootstrap_of_a_mean_has_its_standard_error() -> None:
    values = np.random.default_rng(0).exponential(size=400)
    found = bootstrap({"mean": lambda counts: np.array([counts @ values / 400])}, 400, seed=1, times=1000)["mean"][:, 0]
    assert found.mean() == pytest.approx(values.mean(), abs=0.01)
    assert found.std() == pytest.approx(values.std() / 20, rel=0.1)
    low, high = percentiles(found) or (0.0, 0.0)
    assert (low, high) == (pytest.approx(np.quantile(found, 0.025)), pytest.approx(np.quantile(found, 0.975)))
    assert reflected(found, 2.0) == (pytest.approx(4 - high), pytest.approx(4 - low))
    assert reflected(found, 0.1)[0] == 0.0  # type: ignore[index]


def test_all_statistics_see_the_same_draws_and_each_draw_is_of_all_examples() -> None:
    seen = bootstrap({"a": lambda counts: counts * 1.0, "b": lambda counts: counts * 2.0}, 7, seed=3, times=20)
    np.testing.assert_array_equal(2 * seen["a"], seen["b"])
    np.testing.assert_array_equal(seen["a"].sum(1), 7)
    again = bootstrap({"a": lambda counts: counts * 1.0}, 7, seed=3, times=20)
    np.testing.assert_array_equal(seen["a"], again["a"])
    assert len(np.unique(seen["a"], axis=0)) > 10


def test_a_measure_that_most_draws_do_not_allow_has_no_interval() -> None:
    assert percentiles(np.array([np.nan, np.nan, 1.0])) is None
    assert percentiles(np.array([np.nan, 1.0, 1.0])) == (1.0, 1.0)
    assert reflected(np.full(3, np.nan), 1.0) is None


def test_large_tables_are_drawn_less_often() -> None:
    assert draws(1_000, 10) == MOST_DRAWS
    assert draws(60_000, 10) == 333
    assert draws(50_000, 1_000) == LEAST_DRAWS
