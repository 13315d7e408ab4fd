"""What benchmarks compute themselves, beside an independent computation."""

import numpy as np
from benchmarks.features import svm_answers, svm_weights
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
