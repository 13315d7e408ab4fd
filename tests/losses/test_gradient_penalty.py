"""WGAN-GP's penalty against discriminators whose slope is known, and what goes with it."""

import dataclasses

import pytest
import torch
from quadratic import Quadratic, pictures, play, played_with, seen
from torch import Tensor, nn

from sparring.data.spec import ImageSpec
from sparring.errors import UsageError
from sparring.losses.adversarial import Wasserstein
from sparring.losses.base import Moment, Seen
from sparring.losses.gan import AdversarialObjective
from sparring.losses.gradient_penalty import GradientPenalty
from sparring.models.gan.base import Discriminator, discriminators, generators


class Linear(Discriminator):
    """D(x) = w . x, of slope ||w|| everywhere."""

    def __init__(self, size: int, slope: float) -> None:
        super().__init__(heads="none", classes=0, features=1)
        self.weight = nn.Parameter(torch.full((size,), slope / size**0.5, dtype=torch.float64))

    def features(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW.flatten(1)

    def score(self, h_BF: Tensor) -> Tensor:
        return h_BF @ self.weight


@pytest.mark.parametrize(("slope", "expected"), [(1.0, 0.0), (3.0, 40.0), (0.5, 2.5), (0.0, 10.0)])
def test_the_penalty_of_a_known_slope(slope: float, expected: float) -> None:
    """10 (||w|| - 1)^2; for a flat D as well, whose norm has no slope of its own."""
    discriminator = Linear(18, slope)
    value_B = GradientPenalty()(play(discriminator))
    torch.testing.assert_close(value_B, torch.full((5,), expected, dtype=torch.float64))
    value_B.sum().backward()
    assert discriminator.weight.grad is not None and torch.isfinite(discriminator.weight.grad).all()


def test_it_is_taken_example_by_example_at_mixtures_of_a_real_and_its_fake() -> None:
    discriminator = Quadratic()
    played = play(discriminator)
    shown: list[Seen] = []

    def see(x_BCHW: Tensor, label_B: Tensor | None) -> Seen:
        shown.append(seen(discriminator, x_BCHW, label_B))
        return shown[-1]

    torch.manual_seed(0)
    value_B = GradientPenalty(weight=2.0, every=3)(dataclasses.replace(played, see=see))
    mixed = shown[0].x_BCHW.detach()
    torch.testing.assert_close(value_B, 6 * (discriminator.squared_slope(mixed).sqrt() - 1).square())
    real, fake = (x.detach() for x in pictures())
    share = ((mixed - fake) / (real - fake)).flatten(1)
    torch.testing.assert_close(share, share[:, :1].expand_as(share), rtol=1e-6, atol=1e-6)
    assert len(set(share[:, 0].tolist())) == 5 and share.min() >= 0 and share.max() <= 1


def test_one_example_does_not_answer_for_another() -> None:
    discriminator = Linear(18, 2.0)
    real, fake = (x.detach() for x in pictures())
    together_B = GradientPenalty()(played_with(discriminator, real, fake))
    torch.testing.assert_close(GradientPenalty()(played_with(discriminator, real[:1], fake[:1])), together_B[:1])


def test_the_gradient_for_the_weights_is_that_of_the_closed_form() -> None:
    """d (||w|| - 1)^2 / dw = 2 (||w|| - 1) w / ||w||: through the slope, and with respect to what makes it."""
    discriminator = Linear(18, 2.5)
    (found,) = torch.autograd.grad(GradientPenalty(weight=1.0)(play(discriminator)).mean(), discriminator.weight)
    torch.testing.assert_close(found, 2 * 1.5 * discriminator.weight.detach() / 2.5)


def test_reals_stay_as_they_were_dealt_and_batch_norm_is_refused() -> None:
    torch.manual_seed(0)
    spec = ImageSpec(channels=1, height=16, width=16)
    generator = generators.build("compact", spec, settings={"width": 4, "z_dim": 3}).requires_grad_(False)
    discriminator = discriminators.build("compact", spec, settings={"width": 4})
    objective = AdversarialObjective(generator, discriminator, Wasserstein(), [GradientPenalty()], shared_fakes=False)
    batch = {"x": torch.randn(4, 1, 16, 16), "z": torch.randn(4, 3)}
    turn = objective.turn("discriminator", batch, Moment(0, 0, True, 0))
    assert turn.terms["gradient-penalty"].shape == (4,)
    assert not batch["x"].requires_grad
    normed = discriminators.build("dcgan", spec, settings={"width": 4})
    with pytest.raises(UsageError, match="batch norm"):
        AdversarialObjective(generator, normed, Wasserstein(), [GradientPenalty()])
