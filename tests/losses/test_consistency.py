"""Consistency: nothing for a D that flips and shifts do not touch, the squared difference for another."""

import dataclasses

import pytest
import torch
from quadratic import Quadratic, play, seen
from torch import Tensor

from sparring.losses.base import Seen
from sparring.losses.consistency import Consistency, flipped
from sparring.models.gan.base import Discriminator


class Sum(Discriminator):
    """The sum of all points."""

    def __init__(self) -> None:
        super().__init__(heads="none", classes=0, features=1)

    def features(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW.flatten(1)

    def score(self, h_BF: Tensor) -> Tensor:
        return h_BF.sum(1)


def test_half_of_the_pictures_are_flipped_and_none_otherwise_changed() -> None:
    x_BCHW = torch.randn(400, 2, 3, 5)
    torch.manual_seed(0)
    flipped_BCHW = flipped(x_BCHW)
    mirrored = (flipped_BCHW == x_BCHW.flip(3)).flatten(1).all(1)
    kept = (flipped_BCHW == x_BCHW).flatten(1).all(1)
    assert (mirrored ^ kept).all()
    assert 0.4 < mirrored.double().mean() < 0.6


@pytest.mark.parametrize("fakes", [False, True])
def test_the_squared_difference_of_what_d_says(fakes: bool) -> None:
    discriminator = Quadratic()
    played = play(discriminator)
    shown: list[Seen] = []

    def see(x_BCHW: Tensor, label_B: Tensor | None) -> Seen:
        shown.append(seen(discriminator, x_BCHW, label_B))
        return shown[-1]

    value_B = Consistency(fakes=fakes, every=2)(dataclasses.replace(played, see=see))
    pairs = list(zip([played.reals, played.fake], shown, strict=False))
    assert len(shown) == len(pairs) == 1 + fakes
    expected_B = sum(20.0 * (before.logit_B - after.logit_B) ** 2 for before, after in pairs)
    assert isinstance(expected_B, Tensor)
    torch.testing.assert_close(value_B, expected_B)
    assert (value_B > 0).all()


def test_a_discriminator_that_no_flip_and_no_shift_touches_pays_nothing() -> None:
    """A spot in the middle, moved by at most one point, stays in the picture: the sum does not change."""
    discriminator = Sum()
    played = play(discriminator)
    spot = torch.zeros(5, 2, 5, 5, dtype=torch.float64)
    spot[:, :, 2, 2] = torch.randn(5, 2, dtype=torch.float64)
    spots = dataclasses.replace(played, real=seen(discriminator, spot), fake=seen(discriminator, -spot))
    assert Consistency(fakes=True)(spots).tolist() == pytest.approx([0.0] * 5)
