"""Noise and masks for denoising, and black and white points drawn from grey ones."""

from typing import Annotated

import torch
from torch import Tensor

from sparring.engine.corruptions.base import corruptions
from sparring.engine.deal import WHOLE, Share, to_device
from sparring.losses.base import Batch
from sparring.registry import Range


@corruptions("noise", paper="Vincent et al. 2008; 2010 (JMLR 11), section 3.3")
class Noised:
    """Gaussian noise on every value that is shown."""

    def __init__(
        self,
        *,
        sd: Annotated[float, "standard deviation; pictures are in [-1, 1], rows as they are", Range(0.0)] = 0.5,
    ) -> None:
        self.sd = sd

    def __call__(self, batch: Batch, draw: torch.Generator, share: Share = WHOLE) -> Batch:
        """The batch with `seen`, x and noise."""
        x = batch["x"]
        noise = to_device(share.cut(torch.randn(_whole(x, share), generator=draw)), x.device)
        return {**batch, "seen": x + self.sd * noise.to(x.dtype)}


@corruptions("masking", paper="Vincent et al. 2008 (ICML), section 2.3")
class Masked:
    """A share of the places is shown as black, or of a row's columns as 0."""

    def __init__(self, *, share: Annotated[float, "of the places that is hidden", Range(0.0, below=1.0)] = 0.5) -> None:
        self.share = share

    def __call__(self, batch: Batch, draw: torch.Generator, share: Share = WHOLE) -> Batch:
        """The batch with `seen`, x without the hidden places; channels of a place are hidden together."""
        x = batch["x"]
        rows = x.ndim == 2
        places = x if rows else x[:, :1]
        hidden = to_device(share.cut(torch.rand(_whole(places, share), generator=draw) < self.share), x.device)
        return {**batch, "seen": x.masked_fill(hidden, 0.0 if rows else -1.0)}


@corruptions("binarised", paper="Salakhutdinov and Murray 2008 (ICML)")
class Binarised:
    """Each point is drawn black or white, white with its value from 0 to 1 as the probability, anew each time."""

    def __call__(self, batch: Batch, draw: torch.Generator, share: Share = WHOLE) -> Batch:
        """The batch with `x` of -1 and 1."""
        x = batch["x"]
        level = to_device(share.cut(torch.rand(_whole(x, share), generator=draw)), x.device)
        return {**batch, "x": torch.where(level < (x + 1) / 2, 1.0, -1.0).to(x.dtype)}


def _whole(x: Tensor, share: Share) -> tuple[int, ...]:
    """The shape of what all processes have of x together."""
    return (len(x) * share.ranks, *x.shape[1:])
