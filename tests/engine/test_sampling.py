"""Samples as functions of (seed, number)."""

import math

import numpy as np
import pytest
import torch
from small_games import gan_game, gan_recipe

from sparring.engine import sampling
from sparring.engine.precision import Precision
from sparring.models.gan.base import Generator

CPU = torch.device("cpu")


def trained_like(classes: int = 0) -> Generator:
    module = gan_game(gan_recipe("gan", classes=classes), classes=classes).players[1].module
    assert isinstance(module, Generator)
    return module.eval()


def test_a_row_of_noise_depends_on_seed_stream_and_number_alone() -> None:
    many = sampling.noise(20, 8, seed=3)
    assert torch.equal(sampling.noise(5, 8, seed=3), many[:5])
    assert not torch.equal(sampling.noise(20, 8, seed=4), many)
    assert not torch.equal(sampling.noise(20, 8, seed=3, stream="judge"), many)
    assert sampling.noise(0, 8, seed=3).shape == (0, 8)
    assert len({tuple(row.tolist()) for row in many}) == 20


def test_drawn_labels_follow_the_shares_and_depend_on_the_number_alone() -> None:
    many = sampling.drawn_labels(3000, [0.2, 0.0, 0.7, 0.1], seed=0)
    assert (sampling.drawn_labels(10, [0.2, 0.0, 0.7, 0.1], seed=0) == many[:10]).all()
    assert (np.bincount(many, minlength=4) / 3000).tolist() == pytest.approx([0.2, 0.0, 0.7, 0.1], abs=0.03)
    assert 1 not in many
    assert (sampling.drawn_labels(50, [0.0, 0.0, 1.0], seed=0) == 2).all()
    scaled = sampling.drawn_labels(50, [2.0, 0.0, 7.0, 1.0], seed=0)
    assert (scaled == many[:50]).all(), "only the ratio of the shares counts"


@pytest.mark.parametrize("count", [1, 7, 300])
def test_a_picture_does_not_depend_on_how_many_are_asked_for(count: int) -> None:
    module, precision = trained_like(classes=3), Precision("fp32", CPU)
    labels = np.arange(600) % 3
    z_NZ = sampling.noise(600, module.z_dim, seed=0)
    whole = sampling.generate(module, z_NZ, labels, precision)
    part = sampling.generate(module, z_NZ[:count], labels[:count], precision)
    assert whole.shape == (600, 8, 8, 1)
    assert whole.dtype == np.uint8
    # Sums of another batch may be rounded the other way: a grey level at most.
    assert np.abs(part.astype(int) - whole[:count]).max() <= 1


def test_a_module_that_trains_is_no_source_of_samples() -> None:
    module = trained_like().train()
    with pytest.raises(AssertionError, match="evaluation mode"):
        sampling.generate(module, sampling.noise(2, module.z_dim, seed=0), None, Precision("fp32", CPU))


def test_truncation_pulls_towards_the_mean() -> None:
    z_NZ = sampling.noise(4, 8, seed=0)
    assert torch.equal(sampling.truncate(z_NZ, 1.0), z_NZ)
    torch.testing.assert_close(sampling.truncate(z_NZ, 0.5).norm(dim=1), z_NZ.norm(dim=1) / 2)


def test_a_great_circle_by_hand() -> None:
    """A quarter of the unit circle in thirds: 0, 30, 60 and 90 degrees."""
    path = sampling.slerp(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 4)
    expected = [[math.cos(math.radians(a)), math.sin(math.radians(a))] for a in (0, 30, 60, 90)]
    torch.testing.assert_close(path, torch.tensor(expected))


def test_a_great_circle_goes_from_end_to_end_and_keeps_the_length() -> None:
    start, end = sampling.noise(2, 128, seed=1)
    path = sampling.slerp(start, end, 9)
    torch.testing.assert_close(path[0], start)
    torch.testing.assert_close(path[-1], end, rtol=1e-4, atol=1e-4)
    lengths = path.norm(dim=1)
    assert lengths.min() > 0.9 * min(start.norm(), end.norm()), "a straight line would cut through the empty middle"
    assert (start + end).norm() / 2 < 0.8 * start.norm()


@pytest.mark.parametrize("end", [[1.0, 2.0], [2.0, 4.0]])
def test_a_great_circle_between_the_same_directions_is_a_line(end: list[float]) -> None:
    start = torch.tensor([1.0, 2.0])
    path = sampling.slerp(start, torch.tensor(end), 3)
    torch.testing.assert_close(path, torch.stack([start, (start + torch.tensor(end)) / 2, torch.tensor(end)]))


def test_a_great_circle_between_opposite_ends_is_finite() -> None:
    start = torch.tensor([1.0, 0.0])
    assert torch.isfinite(sampling.slerp(start, -start, 5)).all()
