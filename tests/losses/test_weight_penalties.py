"""Penalties that act on, or look at, weights: weight clipping and historical averaging."""

import pytest
import torch
from quadratic import Quadratic, play
from torch import nn

from sparring.losses.base import Penalty
from sparring.losses.historical_averaging import HistoricalAveraging
from sparring.losses.weight_clipping import WeightClipping


def test_clipping_puts_d_back_into_its_box_after_each_step() -> None:
    module = nn.Linear(3, 2)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[0.5, -0.5, 0.009], [-0.01, 0.02, 0.0]]))
        module.bias.copy_(torch.tensor([-3.0, 0.005]))
    penalty = WeightClipping()
    before = module.weight.clone()
    penalty.after_step("generator", module)
    assert torch.equal(module.weight, before), "the generator is free"
    penalty.after_step("discriminator", module)
    assert module.weight.tolist() == torch.tensor([[0.01, -0.01, 0.009], [-0.01, 0.01, 0.0]]).tolist()
    assert module.bias.tolist() == torch.tensor([-0.01, 0.005]).tolist()


def test_clipping_adds_nothing_to_the_loss() -> None:
    value = WeightClipping(limit=0.5)(play(Quadratic()))
    assert value.shape == () and value.item() == 0


def walk(penalty: Penalty, discriminator: Quadratic, steps: int, *, first: int = 0) -> list[float]:
    """Turns of D, each followed by a step that sets all its weights to the number of the step squared."""
    values = []
    for step in range(first, first + steps):
        values.append(penalty(play(discriminator)).item())
        with torch.no_grad():
            discriminator.form.fill_(float((step + 1) ** 2))
        penalty.after_step("discriminator", discriminator)
    return values


def zeroed() -> Quadratic:
    discriminator = Quadratic()
    nn.init.zeros_(discriminator.form)
    return discriminator


def test_the_distance_from_the_mean_of_all_the_past() -> None:
    """Weights 0, 1, 4, 9, 16: their running means are 0, 1/2, 5/3, 14/4, 30/5."""
    expected = [18**2 * (now - mean) ** 2 for now, mean in [(0, 0), (1, 1 / 2), (4, 5 / 3), (9, 14 / 4), (16, 6)]]
    assert walk(HistoricalAveraging(weight=1.0), zeroed(), 5) == pytest.approx(expected)


def test_its_gradient_draws_weights_to_the_mean() -> None:
    penalty, discriminator = HistoricalAveraging(weight=3.0, every=2), zeroed()
    walk(penalty, discriminator, 2)
    (slope,) = torch.autograd.grad(penalty(play(discriminator)), discriminator.form)
    torch.testing.assert_close(slope, torch.full_like(slope, 2 * 3 * 2 * (4 - 5 / 3)))


def test_the_mean_is_taken_up_and_is_each_players_own() -> None:
    straight = walk(HistoricalAveraging(), zeroed(), 6)
    first, again, discriminator = HistoricalAveraging(), HistoricalAveraging(), zeroed()
    walk(first, discriminator, 3)
    state = {name: value.clone() for name, value in first.state().items()}
    assert set(state) == {"discriminator.form", "discriminator.count"}
    again.load_state(state)
    assert walk(again, discriminator, 3, first=3) == straight[3:]
    assert state["discriminator.count"].item() == 4, "what was given stays as it was"
