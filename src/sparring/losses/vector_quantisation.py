"""The objective of VQ-VAE: rebuild from the nearest vectors of a codebook, and let both come near each other.

Source: van den Oord, Vinyals, Kavukcuoglu, arXiv:1711.00937, eq. 2 and 3; averages in the place of the codebook's loss:
appendix A.1; vectors that nothing falls to are put elsewhere as in Dhariwal et al., arXiv:2005.00341, section 3.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from torch import Tensor

from sparring.errors import UsageError
from sparring.losses.base import Batch, Moment, Turn, objectives
from sparring.losses.rebuilding import AUTOENCODER, OBJECTIVE
from sparring.losses.reconstruction_error import ReconstructionLoss
from sparring.models.autoencode.base import Autoencoder, seen
from sparring.models.autoencode.quantised import Codebook, VectorQuantised
from sparring.nn import ranks
from sparring.registry import Range


@objectives("vector-quantisation", paper="arXiv:1711.00937")
class VectorQuantisation:
    """The loss of what was rebuilt, and the commitment of the encoder to the vectors that it chose.

    Args:
        model: the network.
        loss: of what was rebuilt and the target.
    """

    measures: Mapping[str, str] = {
        "perplexity": "exp of the entropy of how often each vector of the codebook is used, in a batch of 250 examples",
    }

    def __init__(
        self,
        model: Autoencoder,
        loss: ReconstructionLoss,
        *,
        commitment: Annotated[float, "weight of the encoder's distance from its vectors (beta)", Range(0.0)] = 0.25,
        codebook_by: Annotated[
            Literal["average", "loss"], "how vectors come to what falls to them: as moving averages, or by a loss"
        ] = "average",
        decay: Annotated[float, "share of the old average that stays", Range(0.0, below=1.0)] = 0.99,
        revive: Annotated[
            float, "a vector to which fewer places of a batch fall on average is put onto one; 0: never", Range(0.0)
        ] = 0.1,
    ) -> None:
        if not isinstance(model, VectorQuantised):
            raise UsageError(
                f"objective vector-quantisation is of a codebook: give --set {AUTOENCODER}.model=vq, or another recipe."
            )
        self.model: VectorQuantised = model
        self.loss = loss
        self.commitment = commitment
        self.codebook_by = codebook_by
        self.decay = decay
        self.revive = revive
        self._fell: list[tuple[Tensor, Tensor]] = []

    @property
    def columns(self) -> Mapping[str, str]:
        """See `Objective.columns`."""
        note = "mean since the row before"
        named = {
            f"{AUTOENCODER}_reconstruction": f"loss of what was rebuilt, as it learns; {note}",
            f"{AUTOENCODER}_commitment": f"squared distance of the encoder from its vectors, weighted; {note}",
            f"{AUTOENCODER}_perplexity": f"vectors that a batch uses, as if evenly; {note}",
        }
        if self.codebook_by == "loss":
            named[f"{AUTOENCODER}_codebook"] = f"squared distance of the vectors from the encoder; {note}"
        return named

    def turn(self, player: str, batch: Batch, moment: Moment) -> Turn:
        """The terms of each example, [B]."""
        terms, h_BCHW, index_BHW = self._terms(self.model, batch)
        if self.codebook_by == "average":
            self._fell.append((h_BCHW.detach().movedim(1, -1).flatten(0, 2), index_BHW.flatten()))
        index_BHW = ranks.gathered(index_BHW)
        return Turn(terms, {}, {"perplexity": perplexity(index_BHW, len(self.model.codebook.vectors))})

    def measured(self, module: Autoencoder, batch: Batch) -> dict[str, Tensor]:
        """See `RebuildingObjective`."""
        assert isinstance(module, VectorQuantised)
        terms, _, index_BHW = self._terms(module, batch)
        used = perplexity(index_BHW, len(module.codebook.vectors))
        return {OBJECTIVE: torch.stack(list(terms.values())).sum(0), "perplexity": used}

    @torch.no_grad()
    def after_step(self, player: str) -> None:
        """Move the vectors to the averages of what falls to them, and those to which nothing falls elsewhere."""
        if not self._fell:
            return
        h_NC = torch.cat([h for h, _ in self._fell]).to(self.model.codebook.vectors.dtype)
        index_N = torch.cat([index for _, index in self._fell])
        self._fell.clear()
        h_NC, index_N = ranks.gathered(h_NC), ranks.gathered(index_N)
        moved(self.model.codebook, h_NC, index_N, decay=self.decay)
        if self.revive:
            revived(self.model.codebook, h_NC, least=self.revive)

    def state(self) -> dict[str, Tensor]:
        """Empty: the averages are the network's."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Nothing to take back."""

    def _terms(self, module: VectorQuantised, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        h_BCHW = module.vectors(seen(batch))
        chosen_BCHW, index_BHW = module.codebook(h_BCHW)
        # Straight through: the decoder's gradient reaches the encoder as if nothing had been chosen (section 3.2).
        through_BCHW = h_BCHW + (chosen_BCHW - h_BCHW).detach()
        terms = {
            "reconstruction": self.loss(module.decode_vectors(through_BCHW), batch["x"]),
            "commitment": self.commitment * _distance(h_BCHW, chosen_BCHW.detach()),
        }
        if self.codebook_by == "loss":
            terms["codebook"] = _distance(h_BCHW.detach(), chosen_BCHW)
        return terms, h_BCHW, index_BHW


def perplexity(index: Tensor, size: int) -> Tensor:
    """exp of the entropy of how often each of `size` vectors is used, []: 1 all the same, `size` all evenly."""
    share_K = torch.bincount(index.flatten(), minlength=size).float() / index.numel()
    found: Tensor = torch.special.entr(share_K).sum().exp()
    return found


def moved(codebook: Codebook, h_NC: Tensor, index_N: Tensor, *, decay: float) -> None:
    """The averages after what fell to each vector, and the vectors where these are (eq. 6 to 8); nothing moves where a
    number is not finite."""
    fell_K = torch.bincount(index_N, minlength=len(codebook.counts)).to(codebook.counts.dtype)
    sums_KC = torch.zeros_like(codebook.sums).index_add_(0, index_N, h_NC)
    weight = (1 - decay) * torch.isfinite(sums_KC).all().to(sums_KC.dtype)
    codebook.counts.lerp_(fell_K, weight)
    codebook.sums.lerp_(sums_KC.nan_to_num(), weight)
    known_K1 = (codebook.counts > 1e-5)[:, None]
    codebook.vectors.copy_(
        torch.where(known_K1, codebook.sums / codebook.counts.clamp_min(1e-5)[:, None], codebook.vectors)
    )


def revived(codebook: Codebook, h_NC: Tensor, *, least: float) -> None:
    """Put vectors that fewer than `least` places of a batch fall to onto places drawn from this one."""
    dead_K1 = (codebook.counts < least)[:, None]
    # All processes draw the same ones.
    draws = ranks.world().draws
    drawn_K = torch.randint(len(h_NC), (len(codebook.counts),), device=h_NC.device, generator=draws)
    drawn_KC = h_NC[drawn_K].nan_to_num()
    codebook.vectors.copy_(torch.where(dead_K1, drawn_KC, codebook.vectors))
    codebook.sums.copy_(torch.where(dead_K1, drawn_KC, codebook.sums))
    codebook.counts.masked_fill_(dead_K1[:, 0], 1.0)


def _distance(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).square().flatten(1).mean(1)
