"""Adversarial losses against closed forms, torch's own cross-entropy and values worked out by hand."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from sparring.losses.adversarial import Hinge, NonSaturating, Relativistic
from sparring.losses.base import AdversarialLoss

LOSSES = [NonSaturating(), Hinge(), Relativistic()]


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


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: type(loss).__name__)
def test_no_difference_is_what_the_table_of_a_run_says(loss: AdversarialLoss) -> None:
    zero_B = logits(0.0, 0.0)
    found = (
        loss.d_loss(zero_B, zero_B).mean().item(),
        loss.g_loss(zero_B if loss.paired else None, zero_B).mean().item(),
    )
    assert found == pytest.approx(loss.no_difference)
