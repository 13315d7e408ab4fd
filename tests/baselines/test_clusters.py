"""Groups named by few labels: found where they are apart, named by most, and never left without a name."""

import numpy as np
import pytest

from sparring.baselines.clusters import ClusterThenLabel
from sparring.errors import UsageError

MIDDLES = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
TRUE = np.repeat([2, 0, 1], 40)
ROWS = MIDDLES.repeat(40, 0) + np.random.default_rng(0).normal(size=(120, 2))


def labelled(*rows: int) -> np.ndarray:
    y = np.full(len(ROWS), -1)
    y[list(rows)] = TRUE[list(rows)]
    return y


def test_one_label_a_group_names_all() -> None:
    found = ClusterThenLabel().fit(ROWS, labelled(3, 50, 100))
    np.testing.assert_array_equal(found.predict(ROWS), TRUE)
    np.testing.assert_array_equal(found.predict(np.array([[9.0, 1.0], [1.0, 9.0]])), [0, 1])


def test_most_labels_of_a_group_name_it() -> None:
    y = labelled(0, 1, 2, 50, 100)
    y[5] = 1
    np.testing.assert_array_equal(ClusterThenLabel(3).fit(ROWS, y).predict(ROWS), TRUE)


def test_a_group_without_a_label_takes_the_nearest_one() -> None:
    found = ClusterThenLabel(3).fit(ROWS, labelled(3, 50)).predict(ROWS)
    np.testing.assert_array_equal(found[:80], TRUE[:80])
    assert set(found[80:]) <= {0, 2} and len(set(found[80:])) == 1


def test_no_label_and_too_many_groups_are_refused() -> None:
    with pytest.raises(UsageError, match="with 0 labels"):
        ClusterThenLabel().fit(ROWS, labelled())
    with pytest.raises(UsageError, match="500 groups"):
        ClusterThenLabel(500).fit(ROWS, labelled(0))
