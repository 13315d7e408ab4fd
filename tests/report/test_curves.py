"""Axes of the curves: what spans powers of ten is drawn so that its small values are seen."""

import pytest

from sparring.report.curves import draw
from sparring.report.groups import panels


@pytest.mark.parametrize(("last", "logarithmic"), [(1e-6, True), (0.5, False)])
def test_gradients_that_vanish_are_on_a_logarithmic_axis(last: float, logarithmic: bool) -> None:
    rows = [{"kimg": float(n), "grad_norm_first": last, "grad_norm_head": 1.0 + n} for n in range(3)]
    (panel,) = panels(rows)
    assert ("(log axis)" in draw(panel, key="a")) == logarithmic
