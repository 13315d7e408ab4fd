"""A memory of places, against brute force and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from sparring.metrics.memory import Memory, coreset, places_of, positions, remember

CPU = torch.device("cpu")


def features(count: int, size: int, seed: int = 0) -> Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_coreset_is_the_greedy_one() -> None:
    z_PD = features(200, 8)
    found = coreset(z_PD, 20).tolist()
    points = z_PD.numpy()
    kept = [found[0]]
    while len(kept) < 20:
        distances = np.linalg.norm(points[:, None] - points[kept][None], axis=2).min(1)
        kept.append(int(distances.argmax()))
    assert found == kept


def test_no_point_is_far_from_the_coreset() -> None:
    """Twelve tight heaps: with twelve points each heap has one, and the projection does not change that."""
    centres = 50 * features(12, 200, seed=1)
    z_PD = (centres[:, None] + 0.1 * features(12 * 30, 200, seed=2).view(12, 30, 200)).flatten(0, 1)
    found = coreset(z_PD, 12)
    assert sorted((found // 30).tolist()) == list(range(12))


def test_more_than_there_are_is_all() -> None:
    assert sorted(coreset(features(7, 3), 20).tolist()) == list(range(7))


def test_a_place_is_the_mean_of_those_around_it() -> None:
    maps = torch.arange(16.0).view(1, 1, 4, 4)
    found = places_of([maps, maps[..., ::2, ::2]], (4, 4))
    assert found.shape == (1, 16, 2)
    assert found[0, 5, 0] == maps[0, 0, :3, :3].mean()
    assert found[0, 0, 0] == maps[0, 0, :2, :2].mean(), "at a border of those that are there"


def layers(x_BCHW: Tensor) -> list[Tensor]:
    return [x_BCHW, x_BCHW.square()]


def test_distances_are_those_of_the_nearest_neighbour() -> None:
    draw = torch.Generator().manual_seed(0)
    known, new = (torch.rand(count, 2, 5, 6, generator=draw) for count in (9, 4))
    memory = remember(layers, [known[:4], known[4:]], len(known), (5, 6), count=10_000)
    assert len(memory.kept_MD) == 9 * 30, "few enough to keep all"

    def scaled(x_BCHW: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        z_NPD = (places_of(layers(x_BCHW), (5, 6)) - memory.mean_D) / memory.scale_D
        where = positions((5, 6)).expand(len(x_BCHW), -1, -1)
        return torch.cat([z_NPD, where], 2).flatten(0, 1).numpy()

    nearest = NearestNeighbors(n_neighbors=1).fit(scaled(known))
    expected = nearest.kneighbors(scaled(new))[0].reshape(4, 5, 6)
    np.testing.assert_allclose(memory.distances(layers(new)).numpy(), expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(memory.distances(layers(known)).numpy(), 0, atol=2e-2)


def test_it_is_the_same_from_its_tensors_and_for_the_seed() -> None:
    x = torch.rand(6, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    first, second = (remember(layers, [x], 6, (4, 4), count=20) for _ in range(2))
    again = Memory.of(first.tensors(), CPU)
    assert torch.equal(first.kept_MD, second.kept_MD)
    assert torch.equal(again.distances(layers(x)), first.distances(layers(x)))
    assert again.size == (4, 4)


def test_an_odd_place_is_the_farthest() -> None:
    draw = torch.Generator().manual_seed(0)
    known = torch.rand(20, 1, 8, 8, generator=draw) * 0.2
    odd = known[:1].clone()
    odd[0, 0, 4:6, 1:3] = 1.0
    found = remember(layers, [known], 20, (8, 8), count=400).distances(layers(odd))[0]
    row, column = divmod(int(found.argmax()), 8)
    assert row in (4, 5) and column in (1, 2)
    assert found.max() > 3 * found.median()


def test_a_feature_that_never_changes_does_no_harm() -> None:
    known = torch.zeros(4, 1, 4, 4)
    found = remember(layers, [known], 4, (4, 4), count=64).distances(layers(known + 1))
    assert torch.isfinite(found).all() and found.min() == pytest.approx(found.max().item())
