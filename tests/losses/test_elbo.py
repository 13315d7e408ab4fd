"""Likelihoods, the evidence lower bound and the importance-weighted one, against torch and closed forms."""

import math

import pytest
import torch
from torch import Tensor, distributions, nn

from sparring.data.spec import TableSpec
from sparring.errors import UsageError
from sparring.losses.base import Moment
from sparring.losses.elbo import ELBO, importance_bound
from sparring.losses.reconstruction_error import Bernoulli, Gaussian, SquaredError, reconstruction_losses
from sparring.models.autoencode.base import Posterior, Variational
from sparring.models.autoencode.variational import DenseVAE

B, X, Z = 5, 6, 2
DRAW = torch.Generator().manual_seed(0)
MADE = torch.randn(B, X, generator=DRAW, dtype=torch.float64)
TARGET = torch.rand(B, X, generator=DRAW, dtype=torch.float64) * 2 - 1


def moment(count: int) -> Moment:
    return Moment(round=count, update=0, last=True, count=count)


def test_errors_are_means_and_likelihoods_are_torchs_in_nats() -> None:
    known = {name: reconstruction_losses.build(name)(MADE, TARGET) for name in ("mse", "mae")}
    torch.testing.assert_close(known["mse"], nn.functional.mse_loss(MADE, TARGET, reduction="none").mean(1))
    torch.testing.assert_close(known["mae"], nn.functional.l1_loss(MADE, TARGET, reduction="none").mean(1))
    black_or_white = TARGET.sign()
    by_torch = -distributions.Bernoulli(logits=MADE).log_prob((black_or_white + 1) / 2).sum(1)
    torch.testing.assert_close(Bernoulli()(MADE, black_or_white), by_torch)
    for sd, given in ((0.3, None), (0.3, torch.tensor(5.0)), (None, torch.tensor(math.log(0.3)))):
        by_torch = -distributions.Normal(MADE, 0.3).log_prob(TARGET).sum(1)
        torch.testing.assert_close(Gaussian(sd=sd)(MADE, TARGET, given), by_torch)


def test_grey_points_are_the_mean_over_black_and_white_ones() -> None:
    """The loss of grey values is the expected loss of pictures that are drawn from them."""
    levels = torch.rand(20_000, B, X, generator=DRAW, dtype=torch.float64)
    drawn = torch.where(levels < (TARGET + 1) / 2, 1.0, -1.0)
    losses = Bernoulli()(MADE.expand_as(drawn).flatten(0, 1), drawn.flatten(0, 1)).view(-1, B)
    spread = losses.std(0) / math.sqrt(len(losses))
    assert bool(((losses.mean(0) - Bernoulli()(MADE, TARGET)).abs() < 4 * spread).all())


def test_bits_of_an_even_grey_picture_are_eight() -> None:
    """A density of 1/2 over [-1, 1] gives each byte the same share."""
    assert Gaussian().bits(X * math.log(2), X, pictures=True) == pytest.approx(math.log2(255))
    assert Bernoulli().bits(X * math.log(2), X, pictures=True) == pytest.approx(1.0)


def test_the_divergence_is_torchs_and_that_of_samples() -> None:
    posterior = Posterior(torch.tensor([[0.5, -1.0]]).double(), torch.tensor([[-0.7, 0.4]]).double())
    q = distributions.Normal(posterior.mean_BZ, (0.5 * posterior.log_variance_BZ).exp())
    p = distributions.Normal(torch.zeros(1, Z).double(), torch.ones(1, Z).double())
    torch.testing.assert_close(posterior.divergence(), distributions.kl_divergence(q, p))
    z_NZ = posterior.at(torch.randn(200_000, Z, generator=DRAW, dtype=torch.float64))
    each_N = (q.log_prob(z_NZ) - p.log_prob(z_NZ)).sum(1)
    assert each_N.mean().item() == pytest.approx(posterior.divergence().sum().item(), abs=5 * each_N.std().item() / 447)


def test_the_terms_are_those_of_the_paper_and_beta_rises() -> None:
    torch.manual_seed(0)
    model = DenseVAE(TableSpec(columns=tuple("abcdef")), z_dim=Z, hidden=(8,)).double()
    dealt = {"x": TARGET, "z": torch.randn(B, Z, generator=DRAW, dtype=torch.float64)}
    objective = ELBO(model, Gaussian(sd=0.5), beta=3.0, warmup=10)
    posterior = model.posterior(TARGET)
    made = model.decode(posterior.mean_BZ + (posterior.log_variance_BZ / 2).exp() * dealt["z"])
    nll_B = -distributions.Normal(made, 0.5).log_prob(TARGET).sum(1)
    kl_B = posterior.divergence().sum(1)
    for count, weight in ((0, 0.3), (4, 1.5), (9, 3.0), (99, 3.0)):
        terms = objective.turn("autoencoder", dealt, moment(count)).terms
        torch.testing.assert_close(terms["reconstruction"], nll_B)
        torch.testing.assert_close(terms["kl"], weight * kl_B)
    measured = objective.measured(model, dealt)
    torch.testing.assert_close(measured["elbo"], -(nll_B + kl_B))
    torch.testing.assert_close(measured["objective"], nll_B + 3 * kl_B)


def test_errors_that_are_no_likelihoods_are_refused() -> None:
    with pytest.raises(UsageError, match="loss=bernoulli"):
        ELBO(DenseVAE(TableSpec(columns=("a",))), SquaredError())


class LinearGaussian(Variational):
    """Probabilistic PCA (Tipping and Bishop 1999): x = W z + noise, with q as far from the true posterior as asked for.

    W has orthogonal columns, so that the true posterior has independent dimensions.
    """

    def __init__(self, *, sd: float, shift: float, stretch: float) -> None:
        super().__init__(Z)
        self.double()
        columns = torch.linalg.qr(torch.randn(X, Z, generator=torch.Generator().manual_seed(1), dtype=torch.float64))[0]
        self.weight = columns * torch.tensor([1.5, 0.7], dtype=torch.float64)
        self.sd, self.shift, self.stretch = sd, shift, stretch

    def posterior(self, x: Tensor, label: Tensor | None = None) -> Posterior:
        precision_Z = 1 + self.weight.square().sum(0) / self.sd**2
        mean_BZ = x @ self.weight / self.sd**2 / precision_Z + self.shift
        return Posterior(mean_BZ, (self.stretch**2 / precision_Z).log().expand_as(mean_BZ))

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return z @ self.weight.T

    def log_p(self, x: Tensor) -> Tensor:
        covariance = self.weight @ self.weight.T + self.sd**2 * torch.eye(X, dtype=torch.float64)
        return distributions.MultivariateNormal(torch.zeros(X, dtype=torch.float64), covariance).log_prob(x)


def bound(model: LinearGaussian, samples: int, *, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return importance_bound(model, Gaussian(sd=model.sd), {"x": TARGET}, samples=samples, draw=draw)


def test_with_the_true_posterior_one_sample_gives_the_likelihood() -> None:
    model = LinearGaussian(sd=0.4, shift=0.0, stretch=1.0)
    torch.testing.assert_close(bound(model, 1), model.log_p(TARGET))


def test_the_bound_rises_with_the_samples_from_the_elbo_to_the_likelihood() -> None:
    """Of a posterior that is wrong in both ways; means over many draws, for the order holds in expectation."""
    model = LinearGaussian(sd=0.4, shift=0.15, stretch=1.4)
    truth = model.log_p(TARGET).mean().item()
    means = [
        torch.stack([bound(model, samples, seed=seed).mean() for seed in range(200)]).mean().item()
        for samples in (1, 5, 50)
    ]
    dealt = {"x": TARGET.repeat(1000, 1), "z": torch.randn(1000 * B, Z, generator=DRAW, dtype=torch.float64)}
    elbo = ELBO(model, Gaussian(sd=0.4)).measured(model, dealt)["elbo"].mean().item()
    assert means[0] == pytest.approx(elbo, abs=0.1)
    assert means[0] < means[1] < means[2] < truth
    assert bound(model, 20_000).mean().item() == pytest.approx(truth, abs=0.02)
