"""LeCam's term and its averages against sums by hand, in float64."""

import pytest
import torch
from quadratic import Quadratic, play
from torch import Tensor

from sparring.losses.base import Play, Seen
from sparring.losses.lecam import LeCam


def shown(real_B: Tensor, fake_B: Tensor) -> Play:
    """A turn in which D's logits are these."""
    played = play(Quadratic())
    for seen, logit_B in ((played.reals, real_B), (played.fake, fake_B)):
        assert isinstance(seen, Seen)
        seen.logit_B = logit_B
    return played


def logits(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_at_first_the_averages_are_the_means_of_the_batch() -> None:
    real_B, fake_B = logits(1.0, 3.0), logits(-1.0, 0.0)
    expected = [0.3 * (1.5**2 + 3.0**2), 0.3 * (3.5**2 + 2.0**2)]
    assert LeCam()(shown(real_B, fake_B)).tolist() == pytest.approx(expected)


def test_the_averages_are_weighted_means_of_all_batches() -> None:
    """Weights 1, d, d^2 from the newest to the oldest, divided by their sum."""
    draw = torch.Generator().manual_seed(0)
    batches = torch.randn(6, 2, 4, dtype=torch.float64, generator=draw)
    penalty = LeCam(weight=2.0, decay=0.8, every=3)
    for number, (real_B, fake_B) in enumerate(batches):
        found_B = penalty(shown(real_B, fake_B))
        share = torch.tensor([0.8**age for age in range(number, -1, -1)], dtype=torch.float64)
        of_reals, of_fakes = (share[:, None] * batches[: number + 1].mean(2)).sum(0) / share.sum()
        expected_B = 6.0 * ((real_B - of_fakes) ** 2 + (fake_B - of_reals) ** 2)
        torch.testing.assert_close(found_B, expected_B, rtol=1e-6, atol=1e-6)


def test_the_averages_stand_still_for_the_gradient() -> None:
    real_B, fake_B = logits(1.0, 3.0).requires_grad_(), logits(-1.0, 0.0).requires_grad_()
    of_real_B, of_fake_B = torch.autograd.grad(LeCam(weight=1.0)(shown(real_B, fake_B)).sum(), (real_B, fake_B))
    torch.testing.assert_close(of_real_B, 2 * (real_B.detach() + 0.5))
    torch.testing.assert_close(of_fake_B, 2 * (fake_B.detach() - 2.0))


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_logits_that_are_not_finite_leave_no_trace(broken: float) -> None:
    """The engine does not step with them; the averages would never be finite again."""
    penalty, clean = LeCam(), LeCam()
    for one in (penalty, clean):
        one(shown(logits(1.0, 3.0), logits(-1.0, 0.0)))
    penalty(shown(logits(broken, 1.0), logits(0.0, 0.0)))
    assert torch.equal(penalty.state()["sums"], clean.state()["sums"])


def test_the_averages_are_taken_up() -> None:
    first, again = LeCam(), LeCam()
    first(shown(logits(1.0, 3.0), logits(-1.0, 0.0)))
    again.load_state({name: value.clone() for name, value in first.state().items()})
    newest = shown(logits(0.5, -2.0), logits(1.0, 1.0))
    assert torch.equal(first(newest), again(newest))
    assert not torch.equal(LeCam()(newest), first(newest))
