"""How a restricted Boltzmann machine learns: data are to have less energy than what it dreams of.

Sources: Hinton 2002 (Neural Computation 14), contrastive divergence; Tieleman 2008 (ICML), its persistent form; Besag
1975 (The Statistician 24), the pseudo-likelihood that tells how far it is.
"""

from collections.abc import Mapping
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import softplus

from sparring.errors import UsageError
from sparring.losses.base import Batch, Moment, Turn, objectives
from sparring.losses.rebuilding import AUTOENCODER, OBJECTIVE
from sparring.losses.reconstruction_error import ReconstructionLoss
from sparring.models.autoencode.base import Autoencoder
from sparring.models.autoencode.boltzmann import RestrictedBoltzmann
from sparring.nn import ranks
from sparring.registry import Range

STRIDE = 7919
"""A prime: example n of a batch has its point number STRIDE n flipped, so that all points come in turn."""


@objectives("contrastive-divergence", paper="Hinton 2002 (Neural Computation 14)")
class ContrastiveDivergence:
    """F(data) - F(what `steps` of Gibbs sampling make), whose slope follows that of -log p where the chain is long.

    A batch holds `x` [B, C, H, W]: points of -1 and 1, or greys, which count as their probability of white.

    Args:
        model: the network.
        loss: of what is rebuilt, for drawing alone.
    """

    measures: Mapping[str, str] = {
        "pseudo_likelihood": "nats, log of each point's probability given all others, estimated from one point each",
    }

    def __init__(
        self,
        model: Autoencoder,
        loss: ReconstructionLoss,
        *,
        steps: Annotated[int, "steps of Gibbs sampling an update: CD-k", Range(1)] = 1,
        persistent: Annotated[bool, "chains go on from update to update (PCD), else each starts at the data"] = True,
    ) -> None:
        if not isinstance(model, RestrictedBoltzmann):
            raise UsageError(
                f"objective contrastive-divergence is of a Boltzmann machine: give --set {AUTOENCODER}.model=rbm."
            )
        if persistent and ranks.world().ranks > 1:
            raise UsageError(
                "chains that go on from update to update are of one process, and a resumed run would need all of them: "
                "give --set objective.persistent=false, or train in one process."
            )
        self.model = model
        self.loss = loss
        self.steps = steps
        self.persistent = persistent
        self._chains: Tensor | None = None

    @property
    def columns(self) -> Mapping[str, str]:
        """See `Objective.columns`."""
        told = "free energy of the data less that of the chains, nats, 0 where they are alike"
        return {f"{AUTOENCODER}_divergence": f"{told}; mean since the row before"}

    def turn(self, player: str, batch: Batch, moment: Moment) -> Turn:
        """The difference of each example and a chain, [B] nats."""
        v_BV = self.model.bits(batch["x"])
        dreamt_BV = self._dreamt(v_BV)
        return Turn({"divergence": self.model.free_energy(v_BV) - self.model.free_energy(dreamt_BV)})

    def measured(self, module: Autoencoder, batch: Batch) -> dict[str, Tensor]:
        """See `RebuildingObjective`: the pseudo-likelihood, as the divergence by itself tells nothing."""
        assert isinstance(module, RestrictedBoltzmann)
        found_B = pseudo_likelihood(module, module.bits(batch["x"]))
        return {OBJECTIVE: -found_B, "pseudo_likelihood": found_B}

    def after_step(self, player: str) -> None:
        """Nothing to do."""

    def state(self) -> dict[str, Tensor]:
        """The chains, once they have begun."""
        return {} if self._chains is None else {"chains": self._chains}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take back what `state` gave."""
        self._chains = state.get("chains")

    def _dreamt(self, v_BV: Tensor) -> Tensor:
        begun = self._chains is not None and len(self._chains) == len(v_BV)
        state_BV = self._chains.to(v_BV) if begun and self._chains is not None else torch.bernoulli(v_BV.detach())
        for _ in range(self.steps):
            state_BV = self.model.gibbs_step(state_BV)
        if self.persistent:
            self._chains = state_BV
        return state_BV


def pseudo_likelihood(module: RestrictedBoltzmann, v_BV: Tensor) -> Tensor:
    """V log p(v_i | other points) for one i of each example, [B] nats: V log sigmoid(F(v with v_i flipped) - F(v))."""
    count, visible = v_BV.shape
    rows = torch.arange(count, device=v_BV.device)
    places = rows * STRIDE % visible
    flipped_BV = v_BV.clone()
    flipped_BV[rows, places] = 1 - flipped_BV[rows, places]
    return -visible * softplus(module.free_energy(v_BV) - module.free_energy(flipped_BV))
