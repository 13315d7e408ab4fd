"""The bound of a variational autoencoder whose class is told for a few examples alone.

Source: Kingma et al. 2014, arXiv:1406.5298, eq. 6 to 9: M2. An unknown class is summed over, by what q(y | x) gives it.
"""

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from sparring.errors import UsageError
from sparring.losses.base import Batch, Moment, Turn, objectives
from sparring.losses.rebuilding import AUTOENCODER, OBJECTIVE, Stateless
from sparring.losses.reconstruction_error import ReconstructionLoss
from sparring.losses.supervised import labelled_cross_entropy, share_of_labelled
from sparring.models.autoencode.base import Autoencoder, Posterior, seen
from sparring.models.autoencode.m2 import M2
from sparring.nn.wide import widened
from sparring.registry import Range


@objectives("m2", paper="arXiv:1406.5298")
class SemiSupervisedELBO(Stateless):
    """A lower bound of log p(x, y) where y is known, of log p(x) where it is not, and the cross-entropy of q(y | x).

    A batch holds `x` [B, ...], `y` int64 [B], -1 unknown, and `z` [B, Z], standard normal; and of examples with labels,
    dealt apart, `x_labelled` [L, ...] and `y_labelled` int64 [L]. P(y) is the same for all classes.

    Args:
        model: the network.
        loss: a negative log-likelihood.
    """

    needs_labelled: ClassVar[bool] = True
    measures: Mapping[str, str] = {
        "elbo": "nats, a lower bound of log p(x, y), one sample of z each",
        "nll": "nats, -log p(x | y, z): what is lost in rebuilding",
        "kl": "nats, of q(z | x, y) from the prior: what the code tells of x beside the class",
        "class_error": "share of the examples with labels whose likeliest class by q(y | x) is another",
    }

    def __init__(
        self,
        model: Autoencoder,
        loss: ReconstructionLoss,
        *,
        alpha: Annotated[float, "weight of the cross-entropy of the labelled examples' classes", Range(0.0)] = 50.0,
    ) -> None:
        if not isinstance(model, M2):
            raise UsageError(f"objective m2 is of a network that guesses classes: give --set {AUTOENCODER}.model=m2.")
        if not loss.nats:
            raise UsageError("m2 bounds likelihoods: give --set loss=bernoulli or --set loss=gaussian.")
        self.model: M2 = model
        self.loss = loss
        self.alpha = alpha

    @property
    def columns(self) -> Mapping[str, str]:
        """See `Objective.columns`."""
        note = "mean since the row before"
        return {
            f"{AUTOENCODER}_bound": f"minus the lower bound as it learns, nats; {note}",
            f"{AUTOENCODER}_classes": f"cross-entropy of the labelled examples, nats, weighted; {note}",
        }

    def turn(self, player: str, batch: Batch, moment: Moment) -> Turn:
        """Minus the bound of each example [B], and the weighted cross-entropy of each with a label [L]."""
        classes_L = labelled_cross_entropy(_float(self.model.class_logits(batch["x_labelled"])), batch["y_labelled"])
        return Turn({"bound": -self.bound(batch), "classes": self.alpha * classes_L})

    def bound(self, batch: Batch) -> Tensor:
        """Of log p(x, y) where y is known (eq. 6), else of log p(x) (eq. 7), nats, [B]."""
        x, y_B, classes = seen(batch), batch["y"], self.model.classes
        log_q_BK = _float(self.model.class_logits(x)).log_softmax(1)
        known_BK = one_hot(y_B.clamp_min(0), classes).to(log_q_BK.dtype)
        q_BK = torch.where((y_B >= 0)[:, None], known_BK, log_q_BK.exp())
        entropy_B = torch.where(y_B >= 0, 0.0, -(q_BK * log_q_BK).sum(1))
        every_KB = torch.arange(classes, device=x.device).repeat_interleave(len(x))
        nll_N, kl_N = self._terms(self.model, repeated(x, classes), every_KB, repeated(batch["z"], classes), batch)
        cost_BK = (nll_N + kl_N).view(classes, -1).T
        return entropy_B - (q_BK * cost_BK).sum(1) - math.log(classes)

    def measured(self, module: Autoencoder, batch: Batch) -> dict[str, Tensor]:
        """See `RebuildingObjective`; a class that is unknown is taken to be what it is guessed to be."""
        assert isinstance(module, M2)
        x, y_B = seen(batch), batch["y"]
        label_B, logit_BK = module.known(x, y_B), _float(module.class_logits(x))
        nll_B, kl_B = self._terms(module, x, label_B, batch["z"], batch)
        elbo_B = -(nll_B + kl_B) - math.log(module.classes)
        wrong_B = ((logit_BK.argmax(1) != y_B) & (y_B >= 0)).to(elbo_B.dtype)
        return {
            OBJECTIVE: self.alpha * labelled_cross_entropy(logit_BK, y_B) - elbo_B,
            "elbo": elbo_B,
            "nll": nll_B,
            "kl": kl_B,
            "class_error": wrong_B / share_of_labelled(y_B, wrong_B.dtype),
        }

    def _terms(self, module: M2, x: Tensor, label: Tensor, z: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """-log p(x | y, z) and the divergence of q(z | x, y), nats, [N]; the rows of `batch` perhaps repeated."""
        posterior: Posterior = module.posterior(x, label)
        made = module.decode(posterior.at(z), label)
        target = repeated(batch["x"], len(x) // len(batch["x"]))
        return self.loss(made, target, module.log_sd), posterior.divergence().sum(1)


def repeated(x: Tensor, times: int) -> Tensor:
    """All of it, so many times one after the other: [times * B, ...]."""
    return x.repeat(times, *[1] * (x.ndim - 1))


def _float(logit_BK: Tensor) -> Tensor:
    return widened(logit_BK)
