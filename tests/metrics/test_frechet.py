"""The Frechet distance against torch-fidelity, torchmetrics and clean-fid, also of fewer pictures than axes."""

import numpy as np
import pytest
from reference_inputs import Floats, cases, drawn, stored

from sparring.metrics.frechet import frechet_distance


@pytest.mark.parametrize("reference", ["torch-fidelity FID", "torchmetrics FID", "clean-fid FID"])
def test_it_is_what_the_references_give(reference: str) -> None:
    for name, expected in stored(reference).items():
        assert frechet_distance(*cases()[name]) == pytest.approx(expected, rel=1e-6), name


def by_singular_values(a: Floats, b: Floats) -> float:
    """Tr (S_a S_b)^(1/2) is the sum of the singular values of the centred features' product: nothing is squared."""
    x, y = a - a.mean(0), b - b.mean(0)
    cross = np.linalg.svd(x @ y.T, compute_uv=False).sum() / np.sqrt((len(a) - 1) * (len(b) - 1))
    gap = a.mean(0) - b.mean(0)
    return float(gap @ gap + a.var(0, ddof=1).sum() + b.var(0, ddof=1).sum() - 2 * cross)


@pytest.mark.parametrize(("count", "size"), [(10, 300), (100, 300), (2, 50), (299, 300)])
def test_fewer_pictures_than_axes(count: int, size: int) -> None:
    a, b = drawn(1, count, size), drawn(2, count + 5, size, shift=0.2)
    assert frechet_distance(a, b) == pytest.approx(by_singular_values(a, b), rel=1e-6)
