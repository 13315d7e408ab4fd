"""Changes to batches on the device: functions of pictures and of numbers that were drawn for them."""

from typing import Protocol

import torch
from torch import Tensor

from sparring.engine.deal import WHOLE, Share, Source, generator, to_device
from sparring.losses.base import Batch
from sparring.registry import Registry


class Distortion(Protocol):
    """Random changes that leave a picture's class as it is, or say how labels were mixed."""

    def __call__(self, batch: Batch, draw: torch.Generator, share: Share = WHOLE) -> Batch:
        """The batch with `x` [B, C, H, W] in [-1, 1] changed, see `losses.classification` for mixed labels.

        Args:
            draw: on the CPU, where all random numbers come from: those of the whole batch.
            share: what of the whole batch this one is.
        """
        ...


distortions: Registry[Distortion] = Registry("distortion", package="sparring.engine.distortions")


class Distorted:
    """A source whose pictures are changed: what one becomes is a pure function of (seed, its update, its place)."""

    def __init__(self, source: Source, distortion: Distortion, *, seed: int, share: Share = WHOLE) -> None:
        self._source = source
        self._distortion = distortion
        self._seed = seed
        self._share = share

    def __call__(self, counter: int) -> Batch:
        """The batch of update number `counter`."""
        return self._distortion(self._source(counter), generator(self._seed, "distortions", counter), self._share)


class Views:
    """A source whose pictures are dealt twice, changed a little and much, as `x_weak` and `x_strong` [B, C, H, W].

    Args:
        weak: None: as they are.
    """

    def __init__(
        self, source: Source, weak: Distortion | None, strong: Distortion, *, seed: int, share: Share = WHOLE
    ) -> None:
        self._source = source
        self._weak = weak
        self._strong = strong
        self._seed = seed
        self._share = share

    def __call__(self, counter: int) -> Batch:
        """Both views of update number `counter`."""
        batch = {"x": self._source(counter)["x"]}
        weak = batch if self._weak is None else self._weak(batch, self._drawn("weak", counter), self._share)
        strong = self._strong(batch, self._drawn("strong", counter), self._share)
        return {"x_weak": weak["x"], "x_strong": strong["x"]}

    def _drawn(self, kind: str, counter: int) -> torch.Generator:
        return generator(self._seed, "views", kind, counter)


def mirrored(x_BCHW: Tensor, whether_B: Tensor) -> Tensor:
    """Left and right exchanged where `whether_B` (bool) says so."""
    return torch.where(to_device(whether_B, x_BCHW.device)[:, None, None, None], x_BCHW.flip(3), x_BCHW)


def shifted(x_BCHW: Tensor, rows_B: Tensor, columns_B: Tensor) -> Tensor:
    """Moved by whole points, int64 [B] each, up and to the left; what comes in at a border repeats it, as a paler or
    darker frame would be a mark of its own."""
    count, _, height, width = x_BCHW.shape
    row_BH = (torch.arange(height) + rows_B[:, None]).clamp_(0, height - 1)
    column_BW = (torch.arange(width) + columns_B[:, None]).clamp_(0, width - 1)
    numbers = torch.arange(count, device=x_BCHW.device)[:, None, None]
    row_BH, column_BW = to_device(row_BH, x_BCHW.device), to_device(column_BW, x_BCHW.device)
    return x_BCHW.permute(0, 2, 3, 1)[numbers, row_BH[:, :, None], column_BW[:, None, :]].permute(0, 3, 1, 2)


def erased(x_BCHW: Tensor, side: int | Tensor, rows_B: Tensor, columns_B: Tensor) -> Tensor:
    """A square of `side` points (or int64 [B], of each picture) made grey (0), its middle at a point of the picture,
    int64 [B] each: at a border less than the whole square is seen (Cutout, arXiv:1708.04552)."""
    height, width = x_BCHW.shape[2:]
    within_BH = _within(height, side, rows_B)
    within_BW = _within(width, side, columns_B)
    gone_BHW = to_device(within_BH[:, :, None] & within_BW[:, None, :], x_BCHW.device)
    return x_BCHW.masked_fill(gone_BHW[:, None], 0.0)


def _within(length: int, side: int | Tensor, middle_B: Tensor) -> Tensor:
    first_B = middle_B - side // 2
    place, end_B = torch.arange(length), first_B + side
    return (place >= first_B[:, None]) & (place < end_B[:, None])


def cut_out(x_BCHW: Tensor, boxes_B4: Tensor) -> Tensor:
    """Boxes (top, left, height, width) as shares of the picture, each brought to the picture's size by bilinear
    interpolation."""
    top, left, height, width = boxes_B4.unbind(1)
    zero = torch.zeros_like(top)
    # Of places in [-1, 1]: a box's middle, and its half lengths.
    across = torch.stack([width, zero, 2 * left + width - 1], 1)
    down = torch.stack([zero, height, 2 * top + height - 1], 1)
    return resampled(x_BCHW, torch.stack([across, down], 1))


def resampled(x_BCHW: Tensor, theta_B23: Tensor) -> Tensor:
    """Read at other places, bilinearly, the border repeated: from those of the result to those of `x_BCHW`, both in
    [-1, 1], by the affine maps [B, 2, 3]."""
    theta_B23 = to_device(theta_B23, x_BCHW.device).to(x_BCHW.dtype)
    grid_BHW2 = torch.nn.functional.affine_grid(theta_B23, list(x_BCHW.shape), align_corners=False)
    return torch.nn.functional.grid_sample(x_BCHW, grid_BHW2, padding_mode="border", align_corners=False)
