"""The worked example of the course, every probability by hand, and what holds for any table."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from sparring.baselines.joint import JointTable, joint_table
from sparring.errors import UsageError

X = [(0, 0), (0, 0), (0, 1), (0, 1), (0, 1), (1, 0), (1, 1), (1, 1), (1, 1), (1, 1)]
Y = [1, 1, 1, 0, 1, 0, 0, 0, 0, 1]
WORKED = JointTable(("a", "b"), "y", tuple(((str(a), str(b)), str(y)) for (a, b), y in zip(X, Y, strict=True)))

BY_HAND = {
    # x: P(x), P(x, 0), P(x, 1), P(x|0), P(x|1), P(0|x), P(1|x)
    ("0", "0"): (Fraction(1, 5), Fraction(0), Fraction(1, 5), Fraction(0), Fraction(2, 5), Fraction(0), Fraction(1)),
    ("0", "1"): (
        Fraction(3, 10),
        Fraction(1, 10),
        Fraction(1, 5),
        Fraction(1, 5),
        Fraction(2, 5),
        Fraction(1, 3),
        Fraction(2, 3),
    ),
    ("1", "0"): (Fraction(1, 10), Fraction(1, 10), Fraction(0), Fraction(1, 5), Fraction(0), Fraction(1), Fraction(0)),
    ("1", "1"): (
        Fraction(2, 5),
        Fraction(3, 10),
        Fraction(1, 10),
        Fraction(3, 5),
        Fraction(1, 5),
        Fraction(3, 4),
        Fraction(1, 4),
    ),
}


@pytest.mark.parametrize("x", BY_HAND)
def test_worked_example(x: tuple[str, str]) -> None:
    """All 28 probabilities."""
    assert BY_HAND[x] == (
        WORKED.p_x(x),
        *(WORKED.p_xy(x, y) for y in "01"),
        *(WORKED.p_x_given_y(x, y) for y in "01"),
        *(WORKED.p_y_given_x(y, x) for y in "01"),
    )


def test_prior_prediction_and_bayes_rule() -> None:
    assert [WORKED.p_y(y) for y in "01"] == [Fraction(1, 2), Fraction(1, 2)]
    assert [WORKED.predict(x) for x in WORKED.x_values] == [("1",), ("1",), ("0",), ("0",)]
    for x in WORKED.x_values:
        for y in WORKED.y_values:
            assert WORKED.p_y_given_x(y, x) == WORKED.p_x_given_y(x, y) * WORKED.p_y(y) / WORKED.p_x(x)


def test_equal_classes_are_both_named() -> None:
    assert JointTable(("a",), "y", ((("r",), "no"), (("r",), "yes"))).predict(("r",)) == ("no", "yes")


def test_intervals_part_the_unit_interval() -> None:
    ends = [(low, high) for low, high, _, _ in WORKED.intervals]
    assert ends[0][0] == 0
    assert ends[-1][1] == 1
    assert all(high == low for (_, high), (low, _) in pairwise(ends))


def test_samples_come_as_often_as_they_should() -> None:
    drawn = WORKED.sample(20_000, seed=1)
    assert drawn == WORKED.sample(20_000, seed=1)
    for low, high, x, y in WORKED.intervals:
        numbers = np.array([u for u, *found in drawn if found == [x, y]])
        assert low <= numbers.min()
        assert numbers.max() < high
        assert len(numbers) / 20_000 == pytest.approx(float(high - low), abs=0.01)


def test_what_was_never_seen() -> None:
    assert WORKED.p_x(("2", "0")) == 0
    with pytest.raises(UsageError, match="none of the 10 rows has a=2, b=0"):
        WORKED.predict(("2", "0"))
    with pytest.raises(UsageError, match="never is '7'"):
        WORKED.p_x_given_y(("0", "0"), "7")


def test_columns_by_name() -> None:
    names, columns = ["colour", "size", "kind"], [["r", "b"], ["1", "2"], ["k", "m"]]
    assert joint_table(names, columns, target=None, inputs=None).rows == ((("r", "1"), "k"), (("b", "2"), "m"))
    assert joint_table(names, columns, target="size", inputs=["kind"]).rows == ((("k",), "1"), (("m",), "2"))
    with pytest.raises(UsageError, match="no column 'sise'"):
        joint_table(names, columns, target="sise", inputs=None)
    with pytest.raises(UsageError, match="'size' is y"):
        joint_table(names, columns, target="size", inputs=["size"])
