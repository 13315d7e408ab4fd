"""Frechet distance of two sets of features, each taken for a normal distribution."""

import numpy as np

from sparring.metrics.base import Floats


def frechet_distance(a: Floats, b: Floats) -> float:
    """|mu_a - mu_b|^2 + Tr(S_a + S_b - 2 (S_a S_b)^(1/2)) of features [N, d] and [M, d], at least 0.

    Source: Dowson and Landau 1982; as a measure of generators Heusel et al., arXiv:1706.08500, eq. 6.
    """
    mean_gap = a.mean(0) - b.mean(0)
    cov_a, cov_b = _covariance(a), _covariance(b)
    # Tr (S_a S_b)^(1/2) by the root of S_a alone: symmetric, so that eigenvalues stay real at any rank.
    values, vectors = np.linalg.eigh(cov_a)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(0)).sum()
    return max(0.0, float(mean_gap @ mean_gap + np.trace(cov_a) + np.trace(cov_b) - 2 * cross))


def _covariance(features: Floats) -> Floats:
    size = features.shape[1]
    # One picture, as small data may hold out, is a point without spread.
    return np.cov(features.T).reshape(size, size) if len(features) > 1 else np.zeros((size, size))
