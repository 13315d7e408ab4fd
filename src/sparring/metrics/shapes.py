"""Pictures of any size and 1, 3 or 4 channels, brought to what an extractor reads."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from sparring.data.pool import usable_cores
from sparring.metrics.base import Floats, Pictures

Singles = npt.NDArray[np.float32]

_LUMA = np.array([19595, 38470, 7471], np.uint32)
"""ITU-R 601-2 luma in parts of 65536: the rule by which Pillow turns colour into grey."""


def with_channels(pictures: Pictures, channels: int) -> Pictures:
    """The same pictures with 1 (luma), 3 or 4 channels, as Pillow converts; alpha is composited on white unless kept.

    Args:
        pictures: uint8 [N, H, W, C], C = 1, 3 or 4.
        channels: 1, 3 or 4.
    """
    given = pictures.shape[-1]
    if given == channels:
        return pictures
    if given == 4:
        return with_channels(_on_white(pictures), channels)
    if given == 3 and channels == 1:
        return ((pictures @ _LUMA + 0x8000) >> 16).astype(np.uint8)[..., None]
    colour = pictures if given == 3 else pictures.repeat(3, -1)
    if channels == 3:
        return colour
    return np.concatenate([colour, np.full_like(colour[..., :1], 255)], -1)


def blocks(count: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover `count` items: whoever computes block by block needs memory for one."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def in_blocks(compute: Callable[[Pictures], Floats], pictures: Pictures, size: int) -> Floats:
    """The rows that `compute` gives for each block of pictures, [N, ...]; of no pictures, no rows of the same form."""
    if len(pictures) == 0:
        return compute(np.zeros((1, *pictures.shape[1:]), np.uint8))[:0]
    return np.concatenate([compute(pictures[part]) for part in blocks(len(pictures), size)])


def to_side(x_BCHW: Tensor, side: tuple[int, int]) -> Tensor:
    """Pictures at another height and width: means of areas on the way down, bilinear on the way up."""
    if x_BCHW.shape[2:] == side:
        return x_BCHW
    if x_BCHW.shape[2] >= side[0] and x_BCHW.shape[3] >= side[1]:
        return interpolate(x_BCHW, side, mode="area")
    return interpolate(x_BCHW, side, mode="bilinear", align_corners=False)


def by_pillow(pictures: Pictures, height: int, width: int) -> Singles:
    """Pillow's bicubic filter on each channel as 32-bit floats, clipped to 0 .. 255, not rounded: float32 [N, H, W, C].

    Source: the resizing of clean-fid (Parmar et al., arXiv:2104.11222, section 3): Pillow's filter widens as it
    shrinks, so that it does not alias, and rounding to bytes would add noise. Equal to the bit.

    Args:
        pictures: uint8 [N, H, W, C].
    """
    count, channels = len(pictures), pictures.shape[-1]
    resized = np.empty((count, height, width, channels), np.float32)

    def resize(place: tuple[int, int]) -> None:
        index, channel = place
        # Pillow reads memory row by row: one channel has to lie on its own.
        image = Image.fromarray(pictures[index, ..., channel].astype(np.float32))
        small = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
        resized[index, ..., channel] = small.clip(0, 255)

    # Pillow lets go of the interpreter while it computes, so threads share the work.
    with ThreadPoolExecutor(usable_cores()) as pool:
        for _ in pool.map(resize, np.ndindex(count, channels)):
            pass
    return resized


def on_device(pictures: Pictures, device: torch.device) -> Tensor:
    """[-1, 1] float32 [N, C, H, W], channels last, on the device."""
    bytes_BHWC = torch.from_numpy(np.array(pictures)).to(device)  # a copy: memory-mapped pictures are read-only
    return bytes_BHWC.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def _on_white(pictures: Pictures) -> Pictures:
    colour, alpha = pictures[..., :3].astype(np.uint16), pictures[..., 3:].astype(np.uint16)
    return ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
