"""R1 and R2 against an analytic discriminator and finite differences, example by example."""

import pytest
import torch
from quadratic import Quadratic, play, played_with

from sparring.data.spec import ImageSpec
from sparring.losses.base import Moment, Penalty, adversarial_losses
from sparring.losses.gan import AdversarialObjective
from sparring.losses.penalties import R1, R2, squared_gradient
from sparring.models.gan.base import discriminators, generators


@pytest.mark.parametrize(("penalty", "side"), [(R1(gamma=3.0), "real"), (R2(gamma=3.0), "fake")])
def test_a_penalty_is_half_gamma_times_the_squared_slope_of_each_example(penalty: Penalty, side: str) -> None:
    discriminator = Quadratic()
    played = play(discriminator)
    at = played.reals.x_BCHW if side == "real" else played.fake.x_BCHW
    torch.testing.assert_close(penalty(played), 1.5 * discriminator.squared_slope(at.detach()))


@pytest.mark.parametrize("kind", [R1, R2])
def test_a_rare_penalty_weighs_as_much_more(kind: type[R1] | type[R2]) -> None:
    played = play(Quadratic())
    torch.testing.assert_close(kind(gamma=2.0, every=4)(played), 4 * kind(gamma=2.0)(played))


def test_the_gradient_for_the_weights_is_that_of_the_closed_form() -> None:
    discriminator = Quadratic()
    played = play(discriminator)
    (found,) = torch.autograd.grad(R1(gamma=1.0)(played).mean(), discriminator.form)
    expected_form = discriminator.form.detach().requires_grad_()
    x_BN = played.reals.x_BCHW.detach().flatten(1)
    # What autograd sees of D is not symmetric in A: dD/dx = (A + A') x / 2.
    slope_BN = x_BN @ (expected_form + expected_form.T) / 2
    (expected,) = torch.autograd.grad(0.5 * slope_BN.square().sum(1).mean(), expected_form)
    torch.testing.assert_close(found, expected)


def test_the_slope_of_a_real_discriminator_is_that_of_finite_differences() -> None:
    torch.manual_seed(0)
    spec = ImageSpec(channels=1, height=8, width=8)
    discriminator = discriminators.build("compact", spec, settings={"width": 4}).double()
    x_BCHW = torch.randn(2, 1, 8, 8, dtype=torch.float64).requires_grad_()
    found_B = squared_gradient(discriminator(x_BCHW), x_BCHW)
    steps = 1e-6 * torch.eye(64, dtype=torch.float64).reshape(64, 1, 8, 8)
    with torch.no_grad():
        expected_B = torch.stack(
            [((discriminator(x + steps) - discriminator(x - steps)) / 2e-6).square().sum() for x in x_BCHW]
        )
    torch.testing.assert_close(found_B.detach(), expected_B, rtol=1e-6, atol=0)


def test_one_example_does_not_answer_for_another() -> None:
    """The first of five has the value that it has alone."""
    discriminator = Quadratic()
    played = play(discriminator)
    alone = played.reals.x_BCHW.detach()[:1].requires_grad_()
    single = R1()(played_with(discriminator, alone, alone))
    torch.testing.assert_close(single, R1()(played)[:1])


def objective_with(penalty: Penalty, loss: str = "nonsaturating") -> AdversarialObjective:
    torch.manual_seed(0)
    spec = ImageSpec(channels=1, height=8, width=8)
    generator = generators.build("compact", spec, settings={"width": 4, "z_dim": 3}).requires_grad_(False)
    discriminator = discriminators.build("compact", spec, settings={"width": 4})
    return AdversarialObjective(generator, discriminator, adversarial_losses.build(loss), [penalty], shared_fakes=False)


@pytest.mark.parametrize("penalty", [R1(gamma=2.0, every=3), R2(gamma=2.0, every=3)])
def test_the_objective_asks_for_a_penalty_every_so_many_updates_of_the_player(penalty: Penalty) -> None:
    objective = objective_with(penalty)
    batch = {"x": torch.randn(4, 1, 8, 8), "z": torch.randn(4, 3)}
    due = [
        penalty.name in objective.turn("discriminator", batch, Moment(0, 0, True, count)).terms for count in range(7)
    ]
    assert due == [True, False, False, True, False, False, True]


@pytest.mark.parametrize("penalty", [R1(), R2()])
def test_the_objective_gives_a_penalty_the_pictures_it_needs(penalty: Penalty) -> None:
    """The value in a turn is that of D's slope at that turn's own pictures."""
    objective = objective_with(penalty)
    objective.generator.eval()
    batch = {"x": torch.randn(4, 1, 8, 8), "z": torch.randn(4, 3)}
    found_B = objective.turn("discriminator", batch, Moment(0, 0, True, 0)).terms[penalty.name]
    at = (batch["x"] if penalty.name == "r1" else objective.generator(batch["z"])).detach().requires_grad_()
    torch.testing.assert_close(found_B, 0.5 * squared_gradient(objective.discriminator(at), at))
    assert not batch["x"].requires_grad, "the batch that was dealt is left as it was"
