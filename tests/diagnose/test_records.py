"""Columns as series, measures beside their floors, and what is read of a run folder."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.helpers import DATA, gan, healthy
from sparring.diagnose import Records
from sparring.diagnose.records import Series


def series(*values: float) -> Series:
    return Series(tuple(map(float, range(1, len(values) + 1))), values)


def test_a_column_is_read_where_it_holds_a_finite_number() -> None:
    rows = [{"kimg": 1, "a": 2.0}, {"kimg": 2, "a": None}, {"kimg": 3}, {"kimg": 4, "a": math.nan}, {"kimg": 5, "a": 7}]
    assert Records(rows).series("a") == Series((1.0, 5.0), (2.0, 7.0))
    assert Records(rows).series("b") == Series()
    assert Records([{"kimg": 1, "a": "text"}, {"kimg": 2, "a": True}]).series("a") == Series()


def test_parts_of_a_series() -> None:
    found = series(5, 3, 4, 2)
    assert (found.last, found.best, found.median()) == (2, 2, 3.5)
    assert found.tail(2).values == (4, 2) and found.before(2).values == (5, 3)
    assert found.within(3.0).kimg == (3.0, 4.0)
    assert found.tail(9) == found and len(found.before(9)) == 0


def test_above_and_below_ask_for_enough_values() -> None:
    assert series(1, 5, 6).all_above(4, 2) and not series(1, 5, 6).all_above(4, 3)
    assert not series(5).all_above(4, 2), "one value does not persist"
    assert series(6, 1, 2).all_below(3, 2) and not series(1, 2).all_below(2, 2)


def test_since_is_the_start_of_the_stretch_that_reaches_to_the_end() -> None:
    assert series(9, 1, 9, 9).since_above(5) == 3.0
    assert series(9, 9).since_above(5) == 1.0
    assert series(1, 9, 1).since_below(5) == 3.0


def test_gain_is_the_share_by_which_the_newest_are_better() -> None:
    assert series(10, 8, 4, 6).gain(2) == pytest.approx(0.5)
    assert series(10, 8, 9, 9).gain(2) < 0
    assert series(10, 8).gain(2) == math.inf, "nothing to compare with: nothing is stalled"


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.floats(-1e6, 1e6), st.integers(1, 10))
def test_all_above_agrees_with_its_meaning(values: list[float], limit: float, count: int) -> None:
    newest = values[-count:]
    assert series(*values).all_above(limit, count) == (len(values) >= count and all(v > limit for v in newest))


def test_the_distance_is_that_of_the_best_extractor_there_is() -> None:
    own = {"fd_y": 3.0, "fd_y_floor": 1.0}
    row = {key: value for key, value in healthy(1.0).items() if not key.startswith("fd_")}
    named = [Records([{**row, **extra}]).distance for extra in ({}, own, {**own, "fd_x": 1, "fd_x_floor": 1})]
    assert [found and found.name for found in named] == [None, "fd_y", "fd_x"]
    both = Records([{**row, **own, "fd_conv": 4.0, "fd_conv_floor": 2.0, "FID": 9, "FID_floor": 1}]).distance
    assert both is not None and both.name == "fd_conv" and both.relative.values == (2.0,)


def test_a_floor_of_nothing_gives_no_multiples() -> None:
    found = Records([{"kimg": 1, "copies": 0.1, "copies_floor": 0.0}]).measured("copies")
    assert found is not None and len(found.relative) == 0


def test_columns_at_milestones() -> None:
    rows = [{"kimg": 1.0, "x": 1.0}, {"kimg": 2.0, "x": 2.0, "fd_conv": 3.0, "fd_conv_floor": 1.0}]
    assert Records(rows).at_milestones("x") == Series((2.0,), (2.0,))


def test_until_leaves_out_what_came_later() -> None:
    events = [{"kimg": 1.5, "kind": "best"}, {"kimg": 4.0, "kind": "best"}]
    cut = gan(events=events).until(3)
    assert cut.kimg == 2.0 and list(cut.events) == events[:1] and cut.data == DATA


def test_early_grows_with_the_pictures() -> None:
    early = [Records([], data={"spec": {"height": side}}).early_kimg for side in (4, 8, 16, 64)]
    assert early == [2.0, 2.0, 4.0, 16.0] and Records([]).early_kimg == 2.0
    assert Records([], data={"spec": {"columns": ["x", "y"]}}).early_kimg == 125.0
