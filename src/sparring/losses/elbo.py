"""The evidence lower bound of a variational autoencoder, and the importance-weighted bound beside it.

Sources: Kingma and Welling, arXiv:1312.6114, eq. 3 and 10; the weight beta: Higgins et al. 2017 (ICLR); its warm-up:
Sonderby et al., arXiv:1602.02282, section 2.3; the importance-weighted bound: Burda et al., arXiv:1509.00519, eq. 8.
"""

import math
from collections.abc import Mapping
from typing import Annotated

import torch
from torch import Tensor

from sparring.errors import UsageError
from sparring.losses.base import Batch, Moment, Turn, objectives
from sparring.losses.rebuilding import AUTOENCODER, OBJECTIVE, Stateless
from sparring.losses.reconstruction_error import ReconstructionLoss
from sparring.models.autoencode.base import Autoencoder, Variational, label_of, seen
from sparring.registry import Range


@objectives("elbo", paper="arXiv:1312.6114")
class ELBO(Stateless):
    """The expected -log p(x | z) and the divergence of q(z | x) from the prior N(0, 1), in nats.

    A batch holds `x` [B, ...] and `z` [B, Z], standard normal: what the reparameterisation scales and shifts.

    Args:
        model: the network.
        loss: a negative log-likelihood.
    """

    measures: Mapping[str, str] = {
        "elbo": "nats, a lower bound of log p(x), one sample of z each",
        "nll": "nats, -log p(x | z): what is lost in rebuilding",
        "kl": "nats, of q(z | x) from the prior: what the code tells of x",
    }

    def __init__(
        self,
        model: Autoencoder,
        loss: ReconstructionLoss,
        *,
        beta: Annotated[float, "weight of the divergence; above 1: simpler codes (beta-VAE)", Range(0.0)] = 1.0,
        warmup: Annotated[int, "updates over which beta rises from 0", Range(0)] = 0,
    ) -> None:
        if not isinstance(model, Variational):
            raise UsageError(
                f"objective elbo is of codes that are distributions: give --set {AUTOENCODER}.model=vae or conv-vae."
            )
        if not loss.nats:
            raise UsageError(
                "the evidence lower bound is of likelihoods: give --set loss=bernoulli or --set loss=gaussian."
            )
        self.model: Variational = model
        self.loss = loss
        self.beta = beta
        self.warmup = warmup

    @property
    def columns(self) -> Mapping[str, str]:
        """See `Objective.columns`."""
        note = "mean since the row before"
        return {
            f"{AUTOENCODER}_reconstruction": f"-log p(x | z) as it learns, nats; {note}",
            f"{AUTOENCODER}_kl": f"divergence of q(z | x) from the prior, nats, times beta and its warm-up; {note}",
        }

    def turn(self, player: str, batch: Batch, moment: Moment) -> Turn:
        """The two terms of each example, [B] nats."""
        nll_B, kl_B = self._terms(self.model, batch)
        weight = self.beta * min(1.0, (moment.count + 1) / self.warmup if self.warmup else 1.0)
        return Turn({"reconstruction": nll_B, "kl": weight * kl_B})

    def measured(self, module: Autoencoder, batch: Batch) -> dict[str, Tensor]:
        """See `RebuildingObjective`; beta as it is after its warm-up."""
        assert isinstance(module, Variational)
        nll_B, kl_B = self._terms(module, batch)
        return {OBJECTIVE: nll_B + self.beta * kl_B, "elbo": -(nll_B + kl_B), "nll": nll_B, "kl": kl_B}

    def _terms(self, module: Variational, batch: Batch) -> tuple[Tensor, Tensor]:
        label = label_of(module, batch)
        posterior = module.posterior(seen(batch), label)
        made = module.decode(posterior.at(batch["z"]), label)
        return self.loss(made, batch["x"], module.log_sd), posterior.divergence().sum(1)


MOST_ROWS = 4_096
"""Decoded in one pass, by the importance-weighted bound."""


@torch.no_grad()
def importance_bound(
    module: Variational,
    loss: ReconstructionLoss,
    batch: Batch,
    *,
    samples: int,
    draw: torch.Generator,
    shared: bool = False,
) -> Tensor:
    """log of the mean over `samples` z of p(x | z) p(z) / q(z | x): nats, a lower bound of log p(x), [B].

    It rises with the samples in expectation, and is the ELBO with one (theorem 1).

    Args:
        batch: `x` [B, ...], and labels `y` where the network is told them.
        draw: of z, on the CPU.
        shared: take the same noise for all examples, so that the bound of one is as good as alone; else each has its
            own, and the error of their mean is smaller.
    """
    x, label = batch["x"], label_of(module, batch)
    posterior = module.posterior(x, label)
    count, width = posterior.mean_BZ.shape
    total_B = torch.full((count,), -math.inf, dtype=torch.float64, device=x.device)
    at_once = max(1, min(samples, MOST_ROWS // count))
    for start in range(0, samples, at_once):
        times = min(at_once, samples - start)
        noise = torch.randn(times, 1 if shared else count, width, generator=draw).to(x.device, x.dtype)
        noise = noise.expand(times, count, width)
        weight_SB = _log_weights(module, loss, x, label, posterior.at(noise), noise, posterior.log_variance_BZ)
        total_B = torch.logaddexp(total_B, weight_SB.double().logsumexp(0))
    return total_B - math.log(samples)


def class_bounds(module: Variational, loss: ReconstructionLoss, x: Tensor, *, samples: int, seed: int) -> Tensor:
    """The importance-weighted bound of log p(x | y) for each class y that the network can be told: nats, [B, K].

    All classes and all examples share their noise: what differs between classes is then what they say of x, and an
    example's bounds do not depend on those beside it.
    """
    bounds = []
    for k in range(module.classes):
        batch = {"x": x, "y": torch.full((len(x),), k, device=x.device)}
        draw = torch.Generator().manual_seed(seed)
        bounds.append(importance_bound(module, loss, batch, samples=samples, draw=draw, shared=True))
    return torch.stack(bounds, 1)


def _log_weights(
    module: Variational,
    loss: ReconstructionLoss,
    x: Tensor,
    label: Tensor | None,
    z_SBZ: Tensor,
    noise_SBZ: Tensor,
    log_variance_BZ: Tensor,
) -> Tensor:
    """log p(x | z) + log p(z) - log q(z | x), [S, B]."""
    times = len(z_SBZ)
    repeated = None if label is None else label.repeat(times)
    made = module.decode(z_SBZ.flatten(0, 1), repeated)
    likely_SB = -loss(made, x.repeat(times, *[1] * (x.ndim - 1)), module.log_sd).view(times, -1)
    # The constants of both Gaussians are the same.
    prior_SB = -0.5 * z_SBZ.square().sum(2)
    posterior_SB = -0.5 * (noise_SBZ.square() + log_variance_BZ).sum(2)
    return likely_SB + prior_SB - posterior_SB
