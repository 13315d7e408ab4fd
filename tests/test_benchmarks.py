"""What benchmarks compute themselves, beside an independent computation."""

import numpy as np
import pytest
from benchmarks.__main__ import summaries
from benchmarks.features import svm_answers, svm_weights
from benchmarks.growth import needed, power, slope, together
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC


def test_svm_is_that_of_scikit_learn() -> None:
    digits = load_digits()
    x = StandardScaler().fit_transform(digits.data).astype(np.float32)
    weight_FK = svm_weights(x, digits.target, 1e-3)
    theirs = LinearSVC(C=1e-3, dual=False, tol=1e-6).fit(x, digits.target)
    np.testing.assert_allclose(weight_FK[:-1].T, theirs.coef_, atol=2e-4)
    np.testing.assert_allclose(weight_FK[-1], theirs.intercept_, atol=2e-4)
    assert np.array_equal(svm_answers(x, weight_FK), theirs.predict(x))


def grows(figure: str, by: float, *, base: float = 0.0, numbers: tuple[int, ...] = (1_000, 10_000)) -> dict[str, dict]:
    return {str(number): {figure: base + by * number} for number in numbers}


def test_growth_is_told_by_its_power_and_its_slope() -> None:
    squares = {str(n): {"seconds": 3.0 * n**2} for n in (10, 100, 1_000)}
    assert power(squares, "seconds") == pytest.approx(2)
    assert slope(grows("seconds", 0.5, base=7.0), "seconds") == pytest.approx(0.5)
    lines = [{"seconds": 1.0, "peak_mib": 5.0}, {"seconds": 2.0, "peak_mib": 3.0}]
    assert together(lines) == {"seconds": 3.0, "peak_mib": 5.0}


def test_what_larger_sets_need_is_carried_on_in_proportion() -> None:
    packing = grows("seconds", 0.001, base=4.0)
    for number, figures in packing.items():
        figures["disk_bytes"] = 100.0 * int(number)
    cases = {
        "packing": packing,
        "opening": grows("seconds", 1e-6, base=0.1),
        "dealing": grows("peak_mib", 1e-4, base=200.0),
        "sizing": {"64": {"stored_bytes": 12_288.0, "packing_seconds": 0.003 + 4.0 / 400, "seconds": 0.02}},
    }
    need = needed(1_000_000, cases)
    assert need.disk == pytest.approx(1_000_000 * (12_288 + 36))
    assert need.memory == pytest.approx((200 + 100) * 2**20)
    assert need.packing == pytest.approx(3_000 / 3600)
    assert need.opening == pytest.approx(1.1)
    assert need.epoch == pytest.approx(20_000 / 3600)


def test_every_benchmark_says_in_a_line_what_it_measures() -> None:
    found = summaries()
    assert {"growth", "throughput", "diagnose"} <= found.keys()
    assert not {"record", "kept", "growth_cases"} & found.keys()
    assert all(20 < len(summary) < 200 for summary in found.values())
