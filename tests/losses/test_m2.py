"""The bound of a variational autoencoder that is told few classes: every class by hand, and where it is tight."""

import math

import pytest
import torch
from torch import Tensor

from sparring.data.spec import TableSpec
from sparring.errors import UsageError
from sparring.losses.base import Batch, Moment
from sparring.losses.elbo import ELBO
from sparring.losses.m2 import SemiSupervisedELBO
from sparring.losses.reconstruction_error import Gaussian, SquaredError
from sparring.models.autoencode.m2 import M2
from sparring.models.autoencode.variational import DenseVAE

K, X, Z = 3, 4, 2
SPEC = TableSpec(columns=("a", "b", "c", "d"), classes=("u", "v", "w"))
NOW = Moment(round=0, update=0, last=True, count=0)
LOSS = Gaussian(sd=0.4)


def network() -> M2:
    torch.manual_seed(0)
    return M2(SPEC, z_dim=Z, hidden=(5,)).double()


def dealt(*labels: int) -> Batch:
    draw = torch.Generator().manual_seed(1)
    count = len(labels)
    return {
        "x": torch.randn(count, X, generator=draw, dtype=torch.float64),
        "z": torch.randn(count, Z, generator=draw, dtype=torch.float64),
        "y": torch.tensor(labels),
        "x_labelled": torch.randn(6, X, generator=draw, dtype=torch.float64),
        "y_labelled": torch.tensor([0, 1, 2, 0, 1, 2]),
    }


def cost_of(module: M2, batch: Batch, label: int) -> Tensor:
    """-log p(x | y, z) + KL(q(z | x, y) || p(z)) - log p(y), all of one class, by the objective for known classes."""
    y = torch.full((len(batch["x"]),), label)
    terms = ELBO(module, LOSS).turn("autoencoder", {**batch, "y": y}, NOW).terms
    return torch.stack(list(terms.values())).sum(0) + math.log(K)


def test_a_known_class_counts_alone_and_an_unknown_one_is_summed_over() -> None:
    module, batch = network(), dealt(2, -1, 0, -1)
    cost_BK = torch.stack([cost_of(module, batch, k) for k in range(K)], 1)
    q_BK = module.class_logits(batch["x"]).softmax(1)
    found = SemiSupervisedELBO(module, LOSS).bound(batch)
    torch.testing.assert_close(found[[0, 2]], -cost_BK[[0, 2], [2, 0]])
    unknown = -(q_BK * (cost_BK + q_BK.log())).sum(1)
    torch.testing.assert_close(found[[1, 3]], unknown[[1, 3]])


def test_the_sum_over_classes_is_tight_where_the_guess_is_bayes_rule_and_lower_elsewhere() -> None:
    module, batch = network(), dealt(-1, -1, -1, -1, -1)
    cost_BK = torch.stack([cost_of(module, batch, k) for k in range(K)], 1)
    objective = SemiSupervisedELBO(module, LOSS)
    marginal_B = (-cost_BK).logsumexp(1)
    assert bool((objective.bound(batch) < marginal_B).all())
    module.class_logits = lambda x: -cost_BK  # type: ignore[method-assign]
    torch.testing.assert_close(objective.bound(batch), marginal_B)


def test_the_labelled_teach_the_guess_by_cross_entropy() -> None:
    module, batch = network(), dealt(-1, -1)
    turn = SemiSupervisedELBO(module, LOSS, alpha=7.0).turn("autoencoder", batch, NOW)
    logit_LK = module.class_logits(batch["x_labelled"])
    by_torch = torch.nn.functional.cross_entropy(logit_LK, batch["y_labelled"])
    assert turn.terms["classes"].mean().item() == pytest.approx(7 * by_torch.item())
    assert turn.terms["bound"].shape == (2,)


def test_its_error_is_that_of_the_labelled_and_its_elbo_that_of_known_classes() -> None:
    module, batch = network(), dealt(0, 1, -1, 2)
    found = SemiSupervisedELBO(module, LOSS).measured(module, batch)
    known = batch["y"] >= 0
    wrong = module.class_logits(batch["x"]).argmax(1)[known] != batch["y"][known]
    assert found["class_error"].mean().item() == pytest.approx(wrong.double().mean().item())
    torch.testing.assert_close(found["elbo"][0], -cost_of(module, batch, 0)[0])
    torch.testing.assert_close(found["elbo"], -(found["nll"] + found["kl"]) - math.log(K))


def test_unknown_examples_are_rebuilt_as_of_the_class_they_are_taken_for() -> None:
    module, batch = network(), dealt(0, 1)
    guessed = module.class_logits(batch["x"]).argmax(1)
    torch.testing.assert_close(module(batch["x"]), module(batch["x"], guessed))
    torch.testing.assert_close(module.encode(batch["x"], torch.tensor([-1, 2]))[0], module.encode(batch["x"])[0])
    assert not torch.allclose(module(batch["x"], (guessed + 1) % K), module(batch["x"]))


def test_it_is_refused_for_other_networks_losses_and_data() -> None:
    with pytest.raises(UsageError, match=r"autoencoder\.model=m2"):
        SemiSupervisedELBO(DenseVAE(SPEC, z_dim=Z, hidden=(5,)), LOSS)
    with pytest.raises(UsageError, match="loss=bernoulli"):
        SemiSupervisedELBO(network(), SquaredError())
    with pytest.raises(UsageError, match="--recipe vae"):
        M2(TableSpec(columns=("a", "b")))
