"""Adversarial losses against closed forms, torch's own cross-entropy and values worked out by hand."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from sparring.errors import UsageError
from sparring.losses.adversarial import Hinge, LeastSquares, Minimax, NonSaturating, Relativistic, Wasserstein
from sparring.losses.base import AdversarialLoss, adversarial_losses

SMOOTH = 0.1
LOSSES = [
    NonSaturating(),
    NonSaturating(smoothing=SMOOTH),
    Minimax(),
    Minimax(smoothing=SMOOTH),
    Hinge(),
    Relativistic(),
    LeastSquares(),
    Wasserstein(),
]


def called(loss: AdversarialLoss) -> str:
    return type(loss).__name__ + ("-smoothed" if isinstance(loss, NonSaturating) and loss.smoothing else "")


def logits(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def random_logits(scale: float = 5.0) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(1)
    real_B, fake_B = scale * torch.randn(2, 64, generator=draw, dtype=torch.float64)
    return real_B, fake_B


def test_nonsaturating_is_binary_cross_entropy() -> None:
    real_B, fake_B = random_logits()
    ones_B, zeros_B = torch.ones_like(real_B), torch.zeros_like(real_B)
    expected_B = cross_entropy(real_B, ones_B, reduction="none") + cross_entropy(fake_B, zeros_B, reduction="none")
    torch.testing.assert_close(NonSaturating().d_loss(real_B, fake_B), expected_B)
    torch.testing.assert_close(NonSaturating().g_loss(None, fake_B), cross_entropy(fake_B, ones_B, reduction="none"))


def test_nonsaturating_where_d_is_almost_sure() -> None:
    """D(x) = 0.99, D(G(z)) = 0.01: J_D = 2 ln 0.99 = -0.0201 nats, of which the loss is the negative."""
    real_B, fake_B = torch.logit(logits(0.99)), torch.logit(logits(0.01))
    assert NonSaturating().d_loss(real_B, fake_B).item() == pytest.approx(0.0201, abs=5e-5)
    assert NonSaturating().g_loss(None, fake_B).item() == pytest.approx(-math.log(0.01))


def test_nonsaturating_keeps_its_slope_where_the_minimax_loss_loses_it() -> None:
    """At D(G(z)) = 0.01 the slope of -log D is -0.99, that of log(1 - D) but -0.01 (arXiv:1406.2661, section 3)."""
    fake_B = torch.logit(logits(0.01)).requires_grad_()
    (slope_B,) = torch.autograd.grad(NonSaturating().g_loss(None, fake_B).sum(), fake_B)
    assert slope_B.item() == pytest.approx(-0.99)


def test_nonsaturating_is_finite_where_the_sigmoid_is_not() -> None:
    loss = NonSaturating()
    assert loss.d_loss(logits(-1000.0), logits(1000.0)).item() == 2000.0
    assert loss.g_loss(None, logits(-1000.0)).item() == 1000.0


def test_hinge_by_hand() -> None:
    real_B, fake_B = logits(2.0, 1.0, 0.5, -1.0), logits(-2.0, -1.0, 0.5, 3.0)
    assert Hinge().d_loss(real_B, fake_B).tolist() == [0.0, 0.0, 2.0, 6.0]
    assert Hinge().g_loss(None, fake_B).tolist() == [2.0, 1.0, -0.5, -3.0]


def test_hinge_pushes_no_further_than_the_margin() -> None:
    real_B = logits(2.0, 0.9).requires_grad_()
    (slope_B,) = torch.autograd.grad(Hinge().d_loss(real_B, logits(-2.0, -2.0)).sum(), real_B)
    assert slope_B.tolist() == [0.0, -1.0]


def test_relativistic_sees_differences_only() -> None:
    real_B, fake_B = random_logits()
    loss = Relativistic()
    torch.testing.assert_close(loss.d_loss(real_B + 7, fake_B + 7), loss.d_loss(real_B, fake_B))
    torch.testing.assert_close(loss.g_loss(real_B + 7, fake_B + 7), loss.g_loss(real_B, fake_B))
    torch.testing.assert_close(loss.g_loss(fake_B, real_B), loss.d_loss(real_B, fake_B))
    torch.testing.assert_close(loss.d_loss(real_B, fake_B), torch.log1p(torch.exp(-(real_B - fake_B))))


def test_relativistic_compares_pairs_not_averages() -> None:
    real_B, fake_B = logits(0.0, 10.0), logits(0.0, -10.0)
    assert Relativistic().d_loss(real_B, fake_B).tolist() == pytest.approx([math.log(2), math.log1p(math.exp(-20.0))])


def test_relativistic_will_not_do_without_reals() -> None:
    with pytest.raises(AssertionError, match="paired"):
        Relativistic().g_loss(None, logits(0.0))


def test_minimax_is_the_value_function_of_the_paper() -> None:
    """V = log D(x) + log(1 - D(G(z))): D ascends it, and G descends the part of it that it can change."""
    real_B, fake_B = random_logits()
    loss = Minimax()
    value_B = torch.log(torch.sigmoid(real_B)) + torch.log(1 - torch.sigmoid(fake_B))
    torch.testing.assert_close(loss.d_loss(real_B, fake_B), -value_B)
    torch.testing.assert_close(loss.g_loss(None, fake_B), torch.log(1 - torch.sigmoid(fake_B)))


def test_minimax_where_d_is_almost_sure_and_at_equilibrium() -> None:
    """J_D is -0.0201 nats at 0.99 and 0.01, near its best 0; at 1/2 it is -log 4 (Goodfellow 2014, theorem 1)."""
    loss = Minimax()
    sure = loss.d_loss(torch.logit(logits(0.99)), torch.logit(logits(0.01)))
    assert -sure.item() == pytest.approx(-0.0201, abs=5e-5)
    half_B = torch.logit(logits(0.5))
    assert -loss.d_loss(half_B, half_B).item() == pytest.approx(-math.log(4))
    assert torch.sigmoid(half_B).item() == 0.5


def test_the_best_discriminator_of_equal_distributions_says_half() -> None:
    """Going down its own loss, from where it was all but sure, ends at D = 1/2 and J_D = -log 4."""
    logit = torch.logit(logits(0.99)).requires_grad_()
    for _ in range(100):
        (slope,) = torch.autograd.grad(Minimax().d_loss(logit, logit).sum(), logit)
        logit = (logit - slope).detach().requires_grad_()
    assert torch.sigmoid(logit).item() == pytest.approx(0.5)
    assert -Minimax().d_loss(logit, logit).item() == pytest.approx(-math.log(4))


@pytest.mark.parametrize("loss", [Minimax(), NonSaturating()], ids=called)
def test_the_signs_of_both_players_updates(loss: AdversarialLoss) -> None:
    """One step down the slope: D says more for reals and less for fakes; G's fakes are called real more."""
    real_B, fake_B = (logit_B.requires_grad_() for logit_B in (logits(0.3, -1.0), logits(-0.2, 1.5)))
    of_real_B, of_fake_B = torch.autograd.grad(loss.d_loss(real_B, fake_B).sum(), (real_B, fake_B))
    torch.testing.assert_close(-of_real_B, 1 - torch.sigmoid(real_B).detach())  # ascends log D(x)
    torch.testing.assert_close(-of_fake_B, -torch.sigmoid(fake_B).detach())
    (of_g_B,) = torch.autograd.grad(loss.g_loss(None, fake_B).sum(), fake_B)
    assert (of_g_B < 0).all()


def test_minimax_loses_its_slope_where_d_is_sure() -> None:
    fake_B = torch.logit(logits(0.01)).requires_grad_()
    (slope_B,) = torch.autograd.grad(Minimax().g_loss(None, fake_B).sum(), fake_B)
    assert slope_B.item() == pytest.approx(-0.01)


@pytest.mark.parametrize("kind", [NonSaturating, Minimax])
def test_smoothing_is_cross_entropy_with_another_target_for_reals_alone(kind: type[NonSaturating]) -> None:
    real_B, fake_B = random_logits()
    target_B, zeros_B = torch.full_like(real_B, 0.75), torch.zeros_like(real_B)
    expected_B = cross_entropy(real_B, target_B, reduction="none") + cross_entropy(fake_B, zeros_B, reduction="none")
    smoothed = kind(smoothing=0.25)
    torch.testing.assert_close(smoothed.d_loss(real_B, fake_B), expected_B)
    torch.testing.assert_close(smoothed.g_loss(None, fake_B), kind().g_loss(None, fake_B))
    assert kind().probability and not smoothed.probability, "D's best answer is 3/4 of the probability"


@pytest.mark.parametrize("name", ["nonsaturating", "minimax"])
@pytest.mark.parametrize("value", [-0.1, 1.0])
def test_smoothing_has_a_range(name: str, value: float) -> None:
    with pytest.raises(UsageError, match="smoothing"):
        adversarial_losses.build(name, settings={"smoothing": value})


def test_least_squares_by_hand() -> None:
    real_B, fake_B = logits(1.0, 0.0, 3.0), logits(0.0, 1.0, -2.0)
    assert LeastSquares().d_loss(real_B, fake_B).tolist() == [0.0, 1.0, 4.0]
    assert LeastSquares().g_loss(None, fake_B).tolist() == [0.5, 0.0, 4.5]


def test_least_squares_pulls_back_what_lies_beyond() -> None:
    fake_B = logits(0.5, 1.0, 2.0).requires_grad_()
    (slope_B,) = torch.autograd.grad(LeastSquares().g_loss(None, fake_B).sum(), fake_B)
    assert slope_B.tolist() == [-0.5, 0.0, 1.0]


def test_the_wasserstein_loss_of_the_best_critic_is_the_earth_movers_distance() -> None:
    """On a line, with all reals to the right of all fakes, the best critic of slope 1 is x itself."""
    real_B, fake_B = logits(3.0, 4.0, 6.0), logits(0.0, 1.0, 1.5)
    moved = sum(abs(x - g) for x, g in zip(real_B.tolist(), fake_B.tolist(), strict=True)) / 3  # in order
    assert -Wasserstein().d_loss(real_B, fake_B).mean().item() == pytest.approx(moved)
    assert Wasserstein().g_loss(None, fake_B).tolist() == [0.0, -1.0, -1.5]


@pytest.mark.parametrize("loss", LOSSES, ids=called)
def test_slopes_are_those_of_finite_differences(loss: AdversarialLoss) -> None:
    """Twice: a penalty differentiates what the losses sum up once more. Away from the hinge's edges."""
    real_B, fake_B = (logit_B[:8].requires_grad_() for logit_B in random_logits(2.0))
    assert torch.autograd.gradcheck(loss.d_loss, (real_B, fake_B))
    assert torch.autograd.gradgradcheck(loss.d_loss, (real_B, fake_B))
    reals_B = real_B.detach() if loss.paired else None
    assert torch.autograd.gradcheck(lambda fake_B: loss.g_loss(reals_B, fake_B), (fake_B,))


@pytest.mark.parametrize("loss", LOSSES, ids=called)
def test_no_difference_is_what_the_table_of_a_run_says(loss: AdversarialLoss) -> None:
    """The losses at D's best answer to reals and fakes alike, found by search; 0 where many are as good."""
    answer_N = torch.linspace(-1, 1, 20_001, dtype=torch.float64)
    d_N = loss.d_loss(answer_N, answer_N)
    best = answer_N[d_N < d_N.min() + 1e-12].abs().argmin()
    blind_B = answer_N[d_N < d_N.min() + 1e-12][best].reshape(1)
    found = (loss.d_loss(blind_B, blind_B).item(), loss.g_loss(blind_B if loss.paired else None, blind_B).item())
    assert found == pytest.approx(loss.no_difference, abs=1e-4)


@pytest.mark.parametrize("loss", [NonSaturating(), Minimax()], ids=called)
def test_where_the_sigmoid_is_declared_a_probability_it_is_bayes_rule(loss: AdversarialLoss) -> None:
    """At a point with density 0.3 under reals and 0.1 under fakes D's best answer is 3/4 (Goodfellow 2014, eq. 2)."""
    assert loss.probability
    answer_N = torch.linspace(-3, 3, 60_001, dtype=torch.float64)
    far = torch.full_like(answer_N, 50.0)
    of_reals_N, of_fakes_N = loss.d_loss(answer_N, -far), loss.d_loss(far, answer_N)
    best = answer_N[(0.3 * of_reals_N + 0.1 * of_fakes_N).argmin()]
    assert torch.sigmoid(best).item() == pytest.approx(0.75, abs=1e-4)
