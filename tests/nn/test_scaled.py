"""Standardised inputs against scikit-learn, with columns that are constant or far off."""

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler

from sparring.nn.scaled import Scaled


def test_it_is_scikit_learns_scaler() -> None:
    rows = np.random.default_rng(0).normal([0.01, 4_000.0, -3.0], [0.002, 700.0, 1.0], (500, 3)).astype(np.float32)
    rows = np.concatenate([rows, np.full((500, 1), 7, np.float32)], 1)
    layer = Scaled(4)
    layer.fit(torch.from_numpy(rows))
    reference = StandardScaler().fit(rows.astype(np.float64))
    np.testing.assert_allclose(layer(torch.from_numpy(rows)).numpy(), reference.transform(rows), atol=1e-4)
    assert set(layer.state_dict()) == {"mean", "sd"}, "they travel with the weights"
