"""The objective of a masked autoencoder: the patches that were hidden are to be guessed.

Source: He et al., arXiv:2111.06377, section 3: the error counts where nothing was shown, and nowhere else.
"""

from collections.abc import Mapping

from torch import Tensor

from sparring.errors import UsageError
from sparring.losses.base import Batch, Moment, Turn, objectives
from sparring.losses.rebuilding import AUTOENCODER, OBJECTIVE, Stateless
from sparring.losses.reconstruction_error import ReconstructionLoss
from sparring.models.autoencode.base import Autoencoder
from sparring.models.autoencode.masked import MaskedAutoencoder


@objectives("masked", paper="arXiv:2111.06377")
class Masked(Stateless):
    """The error of the hidden patches, as a mean over their values.

    A batch holds `x` [B, C, H, W] and `shown` [B, N], the numbers of the patches that are read.

    Args:
        model: the network.
        loss: an error, a mean over values: where a patch is shown, it is 0.
    """

    measures: Mapping[str, str] = {}
    columns: Mapping[str, str] = {
        f"{AUTOENCODER}_reconstruction": "error of what was hidden, as it learns; mean since the row before"
    }

    def __init__(self, model: Autoencoder, loss: ReconstructionLoss) -> None:
        if not isinstance(model, MaskedAutoencoder):
            raise UsageError(
                f"objective masked is of hidden patches: give --set {AUTOENCODER}.model=masked, or another recipe."
            )
        if loss.nats:
            raise UsageError("a masked autoencoder has no likelihood: give --set loss=mse, or --set loss=mae.")
        self.model = model
        self.loss = loss

    def turn(self, player: str, batch: Batch, moment: Moment) -> Turn:
        """The error of each example, [B]."""
        return Turn({"reconstruction": self._error(self.model, batch)}, {}, {})

    def measured(self, module: Autoencoder, batch: Batch) -> dict[str, Tensor]:
        """See `RebuildingObjective`."""
        return {OBJECTIVE: self._error(module, batch)}

    def _error(self, module: Autoencoder, batch: Batch) -> Tensor:
        hidden = 1 - batch["shown"].shape[1] / self.model.places.count
        return self.loss(module.rebuild(batch), batch["x"]) / hidden
