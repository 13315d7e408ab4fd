"""Z of a restricted Boltzmann machine, the sum that makes its energies probabilities: estimated, or counted.

Source: Salakhutdinov and Murray 2008 (ICML), "On the quantitative analysis of deep belief networks", section 4.1.
"""

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from sparring.models.autoencode.boltzmann import RestrictedBoltzmann

CHAINS = 100
TEMPERATURES = 10_000
MOST_COUNTED = 20


@dataclass(frozen=True, kw_only=True)
class LogZ:
    """log Z in nats, and the ends of the interval of three standard errors of the mean weight (in the mean, not the
    log)."""

    value: float
    low: float
    high: float


@torch.no_grad()
def annealed_log_z(
    module: RestrictedBoltzmann, *, draw: torch.Generator, chains: int = CHAINS, temperatures: int = TEMPERATURES
) -> LogZ:
    """By annealed importance sampling, from independent points at their base rates to the machine.

    The estimate of Z is right on average; of log Z it is too low on average, so that log p(x) is told too high.

    Args:
        draw: on the module's device.
        chains: independent ones, of which each gives a weight.
        temperatures: steps from 0 to 1 that each goes.
    """
    base_V = module.base_V.double()
    hidden = module.code[0]
    share_V = base_V.sigmoid().to(module.weight_HV.dtype)
    v_BV = torch.bernoulli(share_V.expand(chains, -1), generator=draw)
    weight_B = torch.zeros(chains, dtype=torch.float64, device=base_V.device)
    for at, to in itertools.pairwise(torch.linspace(0, 1, temperatures + 1, dtype=torch.float64).tolist()):
        weight_B += _tempered_energy(module, v_BV, at) - _tempered_energy(module, v_BV, to)
        v_BV = _tempered_step(module, v_BV, to, draw)
    begun = float(softplus(base_V).sum()) + hidden * math.log(2)
    return _with_interval(weight_B + begun)


@torch.no_grad()
def counted_log_z(module: RestrictedBoltzmann) -> float:
    """By going through all states of at most 20 hidden units."""
    hidden = module.code[0]
    assert hidden <= MOST_COUNTED
    states = torch.tensor(list(itertools.product((0.0, 1.0), repeat=hidden)), dtype=torch.float64)
    states = states.to(module.weight_HV.device)
    logit_SV = states @ module.weight_HV.double() + module.visible_bias_V.double()
    return float((states @ module.hidden_bias_H.double() + softplus(logit_SV).sum(1)).logsumexp(0))


def _tempered_energy(module: RestrictedBoltzmann, v_BV: Tensor, heat: float) -> Tensor:
    """Free energy of the machine whose weights and biases are `heat` of the way from the base rates', [B]."""
    bias_V = (1 - heat) * module.base_V.double() + heat * module.visible_bias_V.double()
    logit_BH = heat * module.hidden_logits(v_BV).double()
    return -(v_BV.double() @ bias_V) - softplus(logit_BH).sum(1)


def _tempered_step(module: RestrictedBoltzmann, v_BV: Tensor, heat: float, draw: torch.Generator) -> Tensor:
    h_BH = torch.bernoulli((heat * module.hidden_logits(v_BV)).sigmoid(), generator=draw)
    logit_BV = heat * module.visible_logits(h_BH) + (1 - heat) * module.base_V
    return torch.bernoulli(logit_BV.sigmoid(), generator=draw)


def _with_interval(log_weight_B: Tensor) -> LogZ:
    most = float(log_weight_B.max())
    share_B = (log_weight_B - most).exp()
    mean, error = float(share_B.mean()), 3 * float(share_B.std()) / math.sqrt(len(share_B))
    low = most + math.log(mean - error) if mean > error else -math.inf
    return LogZ(value=most + math.log(mean), low=low, high=most + math.log(mean + error))
