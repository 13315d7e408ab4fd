"""Blemishes that nobody has to draw: pieces of other normal pictures, flat colours, and lighter or darker spots.

A network that finds them has learned what is normal (CutPaste: Li et al., arXiv:2104.04015, and its dense kin, DRAEM:
Zavrtanik et al., arXiv:2108.07610; NSA: Schlueter et al., arXiv:2109.15222). Sizes and forms go from a thin scratch to
a quarter of the picture, for nobody knows what the real faults will be.
"""

import math
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from sparring.engine.blemishes.base import blemishes
from sparring.engine.deal import WHOLE, Share, to_device
from sparring.losses.base import Batch
from sparring.registry import Range

LEAST_HALF, MOST_HALF = 0.04, 0.3
"""Half the length of a spot, as a share of the side."""
THINNEST, WIDEST = 0.012, 0.25
"""Half its breadth."""
COVERED = 0.3
"""Cover from which on a point belongs to a spot."""


@blemishes("mixed")
@blemishes("pieces", paper="arXiv:2104.04015", preset={"pieces": 1.0, "colours": 0.0})
class Mixed:
    """One or two soft or sharp spots on a picture: of another picture, of a colour, or of another light."""

    def __init__(
        self,
        *,
        share: Annotated[
            float, "of the pictures that get a spot; the others stay as they are", Range(0.0, 1.01)
        ] = 0.75,
        pieces: Annotated[float, "of the spots that are pieces of other pictures", Range(0.0, 1.01)] = 0.4,
        colours: Annotated[
            float, "of the spots that have one colour; the rest are in another light", Range(0.0, 1.01)
        ] = 0.3,
        opacity: Annotated[float, "least opacity of a spot; the most is 1", Range(0.0, 1.01)] = 0.25,
        visible: Annotated[float, "least change of a value in [-1, 1] that counts as one", Range(0.0)] = 0.06,
    ) -> None:
        self.share = share
        self.pieces = pieces
        self.colours = colours
        self.opacity = opacity
        self.visible = visible

    def __call__(self, batch: Batch, draw: torch.Generator, share: Share = WHOLE) -> Batch:
        """The batch with `x` [B, C, H, W] blemished, and `changed` [B, 1, H, W]."""
        x_BCHW = batch["x"]
        whole_BCHW = share.whole(x_BCHW)
        count, channels, height, width = whole_BCHW.shape
        cover_B1HW = torch.maximum(
            spots(count, height, width, draw), spots(count, height, width, draw) * _coins(count, 0.5, draw)
        )
        strength_B111 = self.opacity + (1 - self.opacity) * _uniform(count, draw)
        cover_B1HW = cover_B1HW * _coins(count, self.share, draw)
        device, dtype = x_BCHW.device, x_BCHW.dtype
        mix_B1HW = to_device(share.cut(cover_B1HW * strength_B111), device).to(dtype)
        filling_BCHW = self._filling(whole_BCHW, channels, draw, share)
        spoilt_BCHW = x_BCHW.lerp(filling_BCHW, mix_B1HW.expand_as(x_BCHW))
        seen_B1HW = (spoilt_BCHW - x_BCHW).abs().amax(1, keepdim=True) > self.visible
        covered_B1HW = to_device(share.cut(cover_B1HW > COVERED), device)
        return {**batch, "x": spoilt_BCHW, "changed": (seen_B1HW & covered_B1HW).to(dtype)}

    def _filling(self, whole_BCHW: Tensor, channels: int, draw: torch.Generator, share: Share) -> Tensor:
        """What shows where a spot is, [B, C, H, W]."""
        count, device = len(whole_BCHW), whole_BCHW.device
        kind_B111 = _uniform(count, draw)
        light_BC11 = 1 + 0.8 * (torch.rand(count, channels, 1, 1, generator=draw) - 0.5)
        shade_B111 = 0.6 * (_uniform(count, draw) - 0.5)
        colour_BC11 = 2 * torch.rand(count, channels, 1, 1, generator=draw) - 1
        piece_BCHW = share.cut(_elsewhere(whole_BCHW, draw))
        own_BCHW = share.cut(whole_BCHW)
        piece, kind, light, shade, colour = (
            to_device(share.cut(drawn), device).to(whole_BCHW.dtype)
            for drawn in (_coins(count, 0.5, draw), kind_B111, light_BC11, shade_B111, colour_BC11)
        )
        lit_BCHW = own_BCHW * light + shade
        moved_BCHW = torch.where(piece > 0, piece_BCHW, piece_BCHW * light + shade)
        flat_BCHW = ((colour + own_BCHW.mean((2, 3), keepdim=True)) / 2).expand_as(own_BCHW)
        rest_BCHW = torch.where(kind < self.pieces + self.colours, flat_BCHW, lit_BCHW)
        return torch.where(kind < self.pieces, moved_BCHW, rest_BCHW).clamp(-1, 1)


def spots(count: int, height: int, width: int, draw: torch.Generator) -> Tensor:
    """How much of each point a spot covers, 0 to 1, [B, 1, H, W]: an ellipse or a box at any angle, bent, with an
    uneven border that is sharp or soft."""
    row, column, angle, length, breadth, bend, soft = torch.rand(7, count, 1, 1, generator=draw)
    down_HW, across_HW = torch.meshgrid(
        (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width, indexing="ij"
    )
    sine, cosine = (math.pi * angle).sin(), (math.pi * angle).cos()
    along_BHW = (down_HW - row) * cosine + (across_HW - column) * sine
    apart_BHW = (across_HW - column) * cosine - (down_HW - row) * sine
    u_BHW = along_BHW / _between(LEAST_HALF, MOST_HALF, length)
    v_BHW = (apart_BHW + 4 * (bend - 0.5) * along_BHW.square()) / _between(THINNEST, WIDEST, breadth)
    boxes_B11, rough_B11 = (_coins(count, chance, draw)[:, 0] for chance in (0.3, 0.7))
    out_BHW = torch.where(
        boxes_B11 > 0, torch.maximum(u_BHW.abs(), v_BHW.abs()), (u_BHW.square() + v_BHW.square()).sqrt()
    )
    ragged_B1HW = interpolate(torch.randn(count, 1, 6, 6, generator=draw), (height, width), mode="bicubic")
    edge_BHW = 1 + 0.35 * rough_B11 * ragged_B1HW[:, 0]
    return ((edge_BHW - out_BHW) / _between(0.03, 0.3, soft)).sigmoid()[:, None]


def _elsewhere(whole_BCHW: Tensor, draw: torch.Generator) -> Tensor:
    """For each picture another one of the batch, moved round its borders by so many points that nothing fits."""
    count, _, height, width = whole_BCHW.shape
    other_B = (torch.arange(count) + torch.randint(1, max(2, count), (count,), generator=draw)) % count
    row_BH = (torch.arange(height) + torch.randint(height, (count, 1), generator=draw)) % height
    column_BW = (torch.arange(width) + torch.randint(width, (count, 1), generator=draw)) % width
    device = whole_BCHW.device
    other_B, row_BH, column_BW = (to_device(places, device) for places in (other_B, row_BH, column_BW))
    points_BHWC = whole_BCHW.permute(0, 2, 3, 1)[other_B[:, None, None], row_BH[:, :, None], column_BW[:, None, :]]
    return points_BHWC.permute(0, 3, 1, 2)


def _uniform(count: int, draw: torch.Generator) -> Tensor:
    return torch.rand(count, 1, 1, 1, generator=draw)


def _coins(count: int, chance: float, draw: torch.Generator) -> Tensor:
    """1 with this chance, else 0, [B, 1, 1, 1]."""
    return (_uniform(count, draw) < chance).float()


def _between(least: float, most: float, share: Tensor) -> Tensor:
    """From `least` to `most`, evenly on a scale of ratios."""
    return least * (most / least) ** share
