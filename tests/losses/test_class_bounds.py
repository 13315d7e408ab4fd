"""Bayes' rule with bounds of log p(x | y), against Gaussian mixtures whose posterior is known."""

import math

import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import Tensor, distributions

from sparring.losses.elbo import class_bounds, importance_bound
from sparring.losses.reconstruction_error import Gaussian
from sparring.models.autoencode.base import Posterior, Variational

X, Z, K, SD = 4, 2, 3, 0.6
DRAW = torch.Generator().manual_seed(0)
MEAN_KX = 2 * torch.randn(K, X, generator=DRAW, dtype=torch.float64)
COLUMNS_XZ = torch.linalg.qr(torch.randn(X, Z, generator=DRAW, dtype=torch.float64))[0] * torch.tensor([1.2, 0.8])


class Mixture(Variational):
    """x = W z + m_y + noise: for each class a Gaussian; q is off the true posterior by `shift`."""

    def __init__(self, shift: float) -> None:
        super().__init__(Z)
        self.classes = K
        self.shift = shift

    def posterior(self, x: Tensor, label: Tensor | None = None) -> Posterior:
        assert label is not None
        precision_Z = 1 + COLUMNS_XZ.square().sum(0) / SD**2
        mean_BZ = (x - MEAN_KX[label]) @ COLUMNS_XZ / SD**2 / precision_Z + self.shift
        return Posterior(mean_BZ, (1.3 / precision_Z).log().expand_as(mean_BZ))

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        assert label is not None
        return z @ COLUMNS_XZ.T + MEAN_KX[label]


def likelihoods(x_BX: Tensor) -> Tensor:
    covariance = COLUMNS_XZ @ COLUMNS_XZ.T + SD**2 * torch.eye(X, dtype=torch.float64)
    each = [distributions.MultivariateNormal(mean_X, covariance).log_prob(x_BX) for mean_X in MEAN_KX]
    return torch.stack(each, 1)


def drawn(count: int) -> tuple[Tensor, Tensor]:
    y_B = torch.randint(K, (count,), generator=DRAW)
    z_BZ, noise_BX = (torch.randn(count, n, generator=DRAW, dtype=torch.float64) for n in (Z, X))
    return MEAN_KX[y_B] + z_BZ @ COLUMNS_XZ.T + SD * noise_BX, y_B


def test_bounds_come_to_the_likelihoods_and_the_classes_to_bayes() -> None:
    x_BX, _ = drawn(200)
    bound_BK = class_bounds(Mixture(0.1), Gaussian(sd=SD), x_BX, samples=2_000, seed=3)
    truth_BK = likelihoods(x_BX)
    torch.testing.assert_close(bound_BK, truth_BK, atol=0.2, rtol=0)
    gap = (bound_BK.softmax(1) - truth_BK.softmax(1)).abs()
    assert gap.max() < 0.05
    assert (bound_BK.argmax(1) == truth_BK.argmax(1)).float().mean() > 0.97


def test_an_example_is_as_good_alone_and_classes_share_their_noise() -> None:
    x_BX, _ = drawn(6)
    model, loss = Mixture(0.3), Gaussian(sd=SD)
    together = class_bounds(model, loss, x_BX, samples=5, seed=1)
    alone = torch.cat([class_bounds(model, loss, x_X[None], samples=5, seed=1) for x_X in x_BX])
    torch.testing.assert_close(together, alone)
    # Moved by the difference of two means, an example is to one class what it was to the other, noise and all.
    moved = class_bounds(model, loss, x_BX + MEAN_KX[1] - MEAN_KX[0], samples=5, seed=1)
    torch.testing.assert_close(moved[:, 1], together[:, 0])
    batch = {"x": x_BX, "y": torch.zeros(6, dtype=torch.int64)}
    own = importance_bound(model, loss, batch, samples=5, draw=torch.Generator().manual_seed(1))
    assert not torch.allclose(own, together[:, 0]), "elsewhere each example has noise of its own"


def test_it_names_classes_as_often_right_as_linear_discriminants() -> None:
    """Gaussians with one covariance: Fisher's discriminant is the best that can be."""
    (x_BX, y_B), (new_BX, new_B) = drawn(4_000), drawn(1_000)
    linear = LinearDiscriminantAnalysis().fit(x_BX.numpy(), y_B.numpy())
    said = class_bounds(Mixture(0.0), Gaussian(sd=SD), new_BX, samples=300, seed=0).argmax(1)
    right = (said == new_B).double().mean().item()
    spread = math.sqrt(right * (1 - right) / len(new_B))
    assert abs(right - linear.score(new_BX.numpy(), new_B.numpy())) < max(0.01, 2 * spread)
