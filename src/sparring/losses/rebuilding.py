"""The one-player objective of an autoencoder: what comes out is to be what was, or was to be, put in."""

from collections.abc import Mapping
from typing import Annotated, Literal, Protocol

import torch
from torch import Tensor

from sparring.errors import UsageError
from sparring.losses.base import Batch, Moment, Objective, Turn, objectives
from sparring.losses.reconstruction_error import ReconstructionLoss
from sparring.models.autoencode.base import Autoencoder, label_of, seen
from sparring.nn import ranks
from sparring.registry import Range

AUTOENCODER = "autoencoder"
OBJECTIVE = "objective"


class RebuildingObjective(Objective, Protocol):
    """An objective that can be asked, for any weights, what it is on examples that nobody learns from."""

    measures: Mapping[str, str]
    """Names of what `measured` gives beside `objective`, with their meanings."""

    def measured(self, module: Autoencoder, batch: Batch) -> dict[str, Tensor]:
        """`objective`, what training makes small, and each of `measures`: [B], or [] of the batch."""
        ...


class Stateless:
    """What objectives without a memory share."""

    def after_step(self, player: str) -> None:
        """Nothing to do: nothing here acts on weights."""

    def state(self) -> dict[str, Tensor]:
        """Empty: it has no memory."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Nothing to take back."""


@objectives("reconstruction")
class Reconstruction(Stateless):
    """The error of what was rebuilt, and perhaps the price of a code that is not sparse.

    A batch holds `x` [B, ...], the target, and `seen` where the network is shown something else (denoising: Vincent et
    al. 2008).

    Args:
        model: the network.
        loss: of what was rebuilt and the target.
    """

    measures: Mapping[str, str] = {}

    def __init__(
        self,
        model: Autoencoder,
        loss: ReconstructionLoss,
        *,
        sparsity: Annotated[float, "weight of the price of a code that is not sparse; 0: none", Range(0.0)] = 0.0,
        sparsity_by: Annotated[
            Literal["kl", "l1"],
            "kl: of each number's mean from the target, for a sigmoid code; l1: the mean absolute value",
        ] = "kl",
        sparsity_target: Annotated[
            float, "mean that each number of a sigmoid code is to have", Range(1e-6, 1.0)
        ] = 0.05,
    ) -> None:
        self.model = model
        self.loss = loss
        self.sparsity = sparsity
        self.sparsity_by = sparsity_by
        self.sparsity_target = sparsity_target
        if sparsity and sparsity_by == "kl" and not model.unit_code:
            raise UsageError(
                "--set objective.sparsity_by=kl compares means between 0 and 1: give --set "
                f"{AUTOENCODER}.code_activation=sigmoid, or --set objective.sparsity_by=l1."
            )

    @property
    def columns(self) -> Mapping[str, str]:
        """See `Objective.columns`."""
        named = {f"{AUTOENCODER}_reconstruction": "loss of what was rebuilt, as it learns; mean since the row before"}
        if self.sparsity:
            named[f"{AUTOENCODER}_sparsity"] = "price of the code, weighted; mean since the row before"
            named[f"{AUTOENCODER}_activity"] = "mean absolute value of the code; mean since the row before"
        return named

    def turn(self, player: str, batch: Batch, moment: Moment) -> Turn:
        """The loss of each example [B], and the price of the codes."""
        terms, z = self._terms(self.model, batch)
        return Turn(terms, {}, {"activity": z.detach().abs().mean()} if self.sparsity else {})

    def measured(self, module: Autoencoder, batch: Batch) -> dict[str, Tensor]:
        """See `RebuildingObjective`."""
        terms, _ = self._terms(module, batch)
        return {OBJECTIVE: torch.stack([term.expand(len(batch["x"])) for term in terms.values()]).sum(0)}

    def _terms(self, module: Autoencoder, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
        label = label_of(module, batch)
        z = module.encode(seen(batch), label)
        terms = {"reconstruction": self.loss(module.decode(z, label), batch["x"])}
        if self.sparsity:
            price = sparsity_kl(z, self.sparsity_target) if self.sparsity_by == "kl" else z.abs().flatten(1).mean(1)
            terms["sparsity"] = self.sparsity * price
        return terms, z


def sparsity_kl(z: Tensor, target: float) -> Tensor:
    """Mean over a code's numbers of KL(Bernoulli(target) || Bernoulli(the number's mean over the batch)), nats, [].

    Source: Ng 2011, lecture notes on sparse autoencoders, section 3.
    """
    mean_Z = ranks.mean(z.flatten(1).mean(0)).clamp(1e-6, 1 - 1e-6)
    wanted = torch.full_like(mean_Z, target)
    on = wanted * (wanted / mean_Z).log()
    off = (1 - wanted) * ((1 - wanted) / (1 - mean_Z)).log()
    return (on + off).mean()
