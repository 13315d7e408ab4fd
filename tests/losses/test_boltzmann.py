"""The restricted Boltzmann machine beside sums over all of its states, in float64."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from sparring.data.spec import ImageSpec
from sparring.losses.base import Moment
from sparring.losses.contrastive_divergence import ContrastiveDivergence, pseudo_likelihood
from sparring.losses.reconstruction_error import Bernoulli
from sparring.metrics.annealed import annealed_log_z, counted_log_z
from sparring.models.autoencode.boltzmann import RestrictedBoltzmann

SPEC = ImageSpec(height=3, width=2, channels=1)
V, H = 6, 4


def states(count: int) -> Tensor:
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=count)), dtype=torch.float64)


@pytest.fixture
def machine() -> RestrictedBoltzmann:
    torch.manual_seed(0)
    module = RestrictedBoltzmann(SPEC, hidden=H).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn_like(parameter))
        module.base_V.copy_(0.5 * module.visible_bias_V)
    return module


def log_joint(module: RestrictedBoltzmann) -> Tensor:
    """-E(v, h) of every state, [2^V, 2^H], from the definition."""
    v_SV, h_SH = states(V), states(H)
    pairs = torch.einsum("sv,hv,th->st", v_SV, module.weight_HV, h_SH)
    return pairs + (v_SV @ module.visible_bias_V)[:, None] + (h_SH @ module.hidden_bias_H)[None]


def test_free_energy_and_counted_z(machine: RestrictedBoltzmann) -> None:
    joint = log_joint(machine)
    torch.testing.assert_close(machine.free_energy(states(V)), -joint.logsumexp(1))
    assert counted_log_z(machine) == pytest.approx(float(joint.detach().flatten().logsumexp(0)), abs=1e-12)


def test_conditionals(machine: RestrictedBoltzmann) -> None:
    likely = log_joint(machine).softmax(1)
    torch.testing.assert_close(machine.hidden_logits(states(V)).sigmoid(), likely @ states(H))
    pictures = machine.pictures(states(V))
    torch.testing.assert_close(machine.encode(pictures), likely @ states(H))
    back = log_joint(machine).softmax(0).T @ states(V)
    torch.testing.assert_close(machine.decode(states(H)).flatten(1).sigmoid(), back)


@pytest.mark.parametrize("weights", [torch.float32, torch.float64])
def test_annealing_finds_z(machine: RestrictedBoltzmann, weights: torch.dtype) -> None:
    found = annealed_log_z(machine.to(weights), draw=torch.Generator().manual_seed(0), chains=200, temperatures=500)
    wanted = counted_log_z(machine)
    assert found.low < wanted < found.high
    assert found.value == pytest.approx(wanted, abs=0.1)
    assert math.isfinite(found.low)


def test_gibbs_sampling_comes_to_the_distribution(machine: RestrictedBoltzmann) -> None:
    torch.manual_seed(1)
    v_BV = torch.zeros(20_000, V, dtype=torch.float64)
    for _ in range(50):
        v_BV = machine.gibbs_step(v_BV)
    number = (v_BV @ (2.0 ** torch.arange(V - 1, -1, -1, dtype=torch.float64))).long()
    share = torch.bincount(number, minlength=2**V).double() / len(v_BV)
    wanted = log_joint(machine).logsumexp(1).softmax(0)
    assert (share - wanted).abs().sum() < 0.06


def test_slope_with_long_chains_is_that_of_the_likelihood(machine: RestrictedBoltzmann) -> None:
    """From many steps the slope of F(data) - F(chains) comes to that of -log p, which autograd takes of the sums."""
    torch.manual_seed(2)
    data = machine.pictures(torch.bernoulli(torch.full((4_000, V), 0.3, dtype=torch.float64)))
    objective = ContrastiveDivergence(machine, Bernoulli(), steps=40, persistent=False)
    turn = objective.turn("autoencoder", {"x": data}, Moment(round=0, update=0, count=0, last=True))
    found = torch.autograd.grad(turn.terms["divergence"].mean(), machine.weight_HV)[0]
    exact = machine.free_energy(machine.bits(data)).mean() + log_joint(machine).flatten().logsumexp(0)
    wanted = torch.autograd.grad(exact, machine.weight_HV)[0]
    torch.testing.assert_close(found, wanted, atol=0.03, rtol=0)
    assert wanted.abs().max() > 0.2


def test_pseudo_likelihood(machine: RestrictedBoltzmann) -> None:
    """Of each state the point that is flipped, beside the sum over the two states."""
    v_SV = states(V)
    log_p = log_joint(machine).detach().logsumexp(1)
    found = pseudo_likelihood(machine, v_SV)
    for row in range(len(v_SV)):
        place = row * 7919 % V
        other = row ^ (1 << (V - 1 - place))
        log_share = float(log_p[row] - torch.logaddexp(log_p[row], log_p[other]))
        assert found[row].item() == pytest.approx(V * log_share, abs=1e-9)


def test_persistent_chains_are_state(machine: RestrictedBoltzmann) -> None:
    torch.manual_seed(3)
    batch = {"x": machine.pictures(states(V)[:8])}
    moment = Moment(round=0, update=0, count=0, last=True)
    first = ContrastiveDivergence(machine, Bernoulli())
    first.turn("autoencoder", batch, moment)
    second = ContrastiveDivergence(machine, Bernoulli())
    second.load_state(first.state())
    ends = []
    for objective in (first, second):
        torch.manual_seed(4)
        objective.turn("autoencoder", batch, moment)
        ends.append(objective.state()["chains"])
    assert torch.equal(*ends)


def test_begins_at_the_frequencies() -> None:
    module = RestrictedBoltzmann(SPEC, hidden=H)
    x = module.pictures(states(V).float())
    x[:, 0, 0, 0] = -1
    module.begin(x)
    share = module.visible_bias_V.sigmoid()
    assert share[0].item() == pytest.approx(0.01, abs=1e-6)
    torch.testing.assert_close(share[1:], torch.full((V - 1,), 0.5))
