"""How well a discriminator that names classes names those of pictures it never saw, while it trains."""

from collections.abc import Mapping

from sparring.engine.game import Game
from sparring.engine.record import Observed
from sparring.losses.base import DISCRIMINATOR
from sparring.metrics.accuracy import HeldOut, logits_of
from sparring.metrics.base import Labels, Pictures
from sparring.models.gan.base import Discriminator

MOST = 2_000


class ClassHeadWatch:
    """Observer: accuracy of the averaged discriminator's class head on held-out pictures.

    Args:
        held: uint8 [N, H, W, C]; up to 2,000 with a label are drawn by the seed.
        labels: int64 [N], -1 unknown, one known or more.
    """

    def __init__(self, held: Pictures, labels: Labels, *, seed: int) -> None:
        self._held = HeldOut(held, labels, count=MOST, seed=seed)
        meaning = "share of held-out pictures whose class D's averaged class head names right"
        self.columns: Mapping[str, str] = {"class_accuracy": f"{meaning}; N {len(self._held):,}"}

    def observe(self, game: Game) -> Observed:
        """The accuracy now."""
        module = game.player(DISCRIMINATOR).averaged()
        assert isinstance(module, Discriminator)
        logit_NK = logits_of(lambda x_BCHW: module.class_logits(module.features(x_BCHW)), self._held.x, game.precision)
        right_N = logit_NK.argmax(1).numpy() == self._held.y
        return Observed(values={"class_accuracy": float(right_N.mean())})
