"""Shifts, mirror images, crops, erased squares and mixtures: what is usual for pictures of things."""

import math
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from sparring.engine.deal import WHOLE, Share, to_device
from sparring.engine.distortions.base import cut_out, distortions, erased, mirrored, shifted
from sparring.losses.base import Batch
from sparring.registry import Range

RATIOS = (3 / 4, 4 / 3)


@distortions("standard")
class Standard:
    """Each of its parts alone, or several: shift, flip, crop, cutout, mixup."""

    def __init__(
        self,
        *,
        shift: Annotated[int, "points that a picture is moved by at most, each way", Range(0)] = 0,
        flip: Annotated[bool, "whether half of the pictures are mirrored, left and right"] = False,
        crop: Annotated[
            float,
            "least share of the area that a random crop shows, enlarged again (arXiv:1409.4842); 1: none",
            Range(0.01, below=1.0001),
        ] = 1.0,
        cutout: Annotated[int, "side of a square that is erased (arXiv:1708.04552); 0: none", Range(0)] = 0,
        mixup: Annotated[float, "alpha of mixtures of two pictures (arXiv:1710.09412); 0: none", Range(0.0)] = 0.0,
    ) -> None:
        self.shift = shift
        self.flip = flip
        self.crop = crop
        self.cutout = cutout
        self.mixup = mixup

    def __call__(self, batch: Batch, draw: torch.Generator, share: Share = WHOLE) -> Batch:
        """See `Distortion`."""
        x_BCHW = batch["x"]
        count, height, width = len(x_BCHW) * share.ranks, *x_BCHW.shape[2:]
        if self.crop < 1:
            x_BCHW = cut_out(x_BCHW, share.cut(drawn_boxes(count, self.crop, draw)))
        if self.shift:
            moves_2B = torch.randint(-self.shift, self.shift + 1, (2, count), generator=draw)
            x_BCHW = shifted(x_BCHW, *map(share.cut, moves_2B))
        if self.flip:
            x_BCHW = mirrored(x_BCHW, share.cut(torch.rand(count, generator=draw)) < 0.5)
        if self.cutout:
            drawn = [torch.randint(0, length, (count,), generator=draw) for length in (height, width)]
            x_BCHW = erased(x_BCHW, self.cutout, *map(share.cut, drawn))
        changed = {**batch, "x": x_BCHW}
        return changed if not self.mixup else mixed(changed, drawn_share(self.mixup, draw), draw, share)


def drawn_boxes(count: int, least: float, draw: torch.Generator) -> Tensor:
    """Boxes [B, 4] as `cut_out` takes them: of an area from `least` to 1, three to four or less long, anywhere."""
    area_B = least + (1 - least) * torch.rand(count, generator=draw)
    low, high = map(math.log, RATIOS)
    ratio_B = torch.exp(low + (high - low) * torch.rand(count, generator=draw))
    height_B, width_B = ((area_B * r).sqrt().clamp_max(1.0) for r in (ratio_B, 1 / ratio_B))
    top_B, left_B = ((1 - side_B) * torch.rand(count, generator=draw) for side_B in (height_B, width_B))
    return torch.stack([top_B, left_B, height_B, width_B], 1)


def drawn_share(alpha: float, draw: torch.Generator) -> float:
    """A draw of the beta distribution (alpha, alpha), the larger part of the two."""
    number = int(torch.randint(1 << 62, (), generator=draw))
    share = float(np.random.Generator(np.random.Philox(key=number)).beta(alpha, alpha))
    return max(share, 1 - share)


def mixed(batch: Batch, larger: float, draw: torch.Generator, share: Share = WHOLE) -> Batch:
    """Each picture with that of another place in the whole batch: `larger` of it and the rest of the other."""
    places = torch.randperm(len(batch["x"]) * share.ranks, generator=draw)
    other = to_device(share.cut(places), batch["x"].device)
    x_BCHW = batch["x"].lerp(share.whole(batch["x"])[other], 1 - larger)
    share_B = torch.full((len(other),), larger, device=batch["x"].device)
    return {**batch, "x": x_BCHW, "other": share.whole(batch["y"])[other], "share": share_B}
