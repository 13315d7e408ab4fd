"""How well a discriminator that names classes names those of pictures it never saw, while it trains."""

from collections.abc import Mapping

import numpy as np
import torch

from sparring.engine.deal import to_device, to_unit
from sparring.engine.game import Game
from sparring.engine.record import Observed
from sparring.losses.base import DISCRIMINATOR
from sparring.metrics.base import Labels, Pictures
from sparring.models.gan.base import Discriminator

MOST = 2_000
BLOCK = 250


class ClassHeadWatch:
    """Observer: accuracy of the averaged discriminator's class head on held-out pictures.

    Args:
        held: uint8 [N, H, W, C]; up to 2,000 with a label are drawn by the seed.
        labels: int64 [N], -1 unknown, one known or more.
    """

    def __init__(self, held: Pictures, labels: Labels, *, seed: int) -> None:
        known = np.flatnonzero(labels >= 0)
        assert len(known), "without a known label there is nothing to be right about"
        rows = np.sort(np.random.Generator(np.random.Philox(key=seed)).permutation(known)[:MOST])
        self._held, self._labels = np.asarray(held[rows]), labels[rows]
        meaning = "share of held-out pictures whose class D's averaged class head names right"
        self.columns: Mapping[str, str] = {"class_accuracy": f"{meaning}; N {len(rows):,}"}

    @torch.no_grad()
    def observe(self, game: Game) -> Observed:
        """The accuracy now."""
        module = next(player for player in game.players if player.name == DISCRIMINATOR).averaged()
        assert isinstance(module, Discriminator)
        named = []
        for at in range(0, len(self._held), BLOCK):
            bytes_BHWC = to_device(torch.from_numpy(self._held[at : at + BLOCK]), game.precision.device)
            with game.precision.autocast():
                logit_BK = module.class_logits(module.features(to_unit(bytes_BHWC, game.precision.weights)))
            named.append(logit_BK.argmax(1).cpu().numpy())
        return Observed(values={"class_accuracy": float((np.concatenate(named) == self._labels).mean())})
