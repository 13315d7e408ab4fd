"""Whole patches that are hidden, for masked autoencoders."""

from typing import Annotated

import torch

from sparring.engine.corruptions.base import corruptions
from sparring.engine.deal import WHOLE, Share, to_device
from sparring.losses.base import Batch
from sparring.nn.patches import Patches
from sparring.registry import Range


@corruptions("patches", paper="arXiv:2111.06377, section 3")
class HiddenPatches:
    """Of each picture equally many patches are hidden, drawn at random."""

    def __init__(
        self,
        *,
        share: Annotated[float, "of the patches that is hidden", Range(0.01, below=1.0)] = 0.75,
        side: Annotated[int, "of a patch", Range(1)] = 4,
    ) -> None:
        self.share = share
        self.side = side

    def __call__(self, batch: Batch, draw: torch.Generator, share: Share = WHOLE) -> Batch:
        """The batch with `shown`, numbers of the patches that can be read, int64 [B, N], and `seen`, to be drawn: the
        others in grey."""
        x_BCHW = batch["x"]
        places = Patches(x_BCHW.shape[2], x_BCHW.shape[3], self.side)
        shown = min(places.count - 1, max(1, round((1 - self.share) * places.count)))
        order_BT = share.cut(torch.rand(len(x_BCHW) * share.ranks, places.count, generator=draw)).argsort(1)
        shown_BN = to_device(order_BT[:, :shown], x_BCHW.device)
        return {**batch, "shown": shown_BN, "seen": x_BCHW * places.shown(shown_BN)}
