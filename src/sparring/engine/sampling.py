"""Pictures from a trained generator: each a pure function of (seed, its number), whatever the size of the batches."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sparring.engine.deal import Stored, drawn_noise, generator, to_condition, to_device, to_stored
from sparring.engine.precision import Precision
from sparring.models.gan.base import Generator, NoiseKind

Condition = npt.NDArray[np.int64] | npt.NDArray[np.uint8]
"""Labels [N], or sources [N, H, W, C]."""

BATCH = 256
TRANSLATED = 32
"""Pictures in one pass where they are made from others: all maps on the way down are kept for the way up."""


def noise(count: int, size: int, *, seed: int, stream: str = "sample", kind: NoiseKind = "normal") -> Tensor:
    """z [N, Z], standard normal or uniform in [-1, 1]; row n depends on (seed, stream, n) alone."""
    rows = [drawn_noise((size,), kind, generator(seed, stream, number)) for number in range(count)]
    return torch.stack(rows) if rows else torch.empty(0, size)


def drawn_labels(count: int, shares: Sequence[float], *, seed: int) -> npt.NDArray[np.int64]:
    """Labels int64 [N] drawn with the given shares; number n depends on (seed, n) alone."""
    return drawn_by_row(np.broadcast_to(np.asarray(shares, dtype=np.float64), (count, len(shares))), seed=seed)


def drawn_by_row(shares_NK: npt.NDArray[np.float64], *, seed: int) -> npt.NDArray[np.int64]:
    """A label for each row of shares, int64 [N]; number n depends on (seed, n) and its row alone."""
    edges_NK = np.cumsum(shares_NK, axis=1)
    draws_N = np.array([np.random.Generator(np.random.Philox(key=[seed, n])).random() for n in range(len(edges_NK))])
    below_NK = edges_NK <= draws_N[:, None] * edges_NK[:, -1:]
    found: npt.NDArray[np.int64] = below_NK.sum(1).clip(0, edges_NK.shape[1] - 1)
    return found


def truncate(z_NZ: Tensor, truncation: float) -> Tensor:
    """Pull z towards its mean 0: 1 leaves it, less trades variety for typicality (psi of arXiv:1812.04948, in z)."""
    return z_NZ * truncation


def slerp(start_Z: Tensor, end_Z: Tensor, steps: int) -> Tensor:
    """`steps` points of the great circle from start to end, both included: [steps, Z] (Shoemake 1985)."""
    unit = torch.nn.functional.normalize(torch.stack([start_Z, end_Z]), dim=1)
    angle = torch.arccos((unit[0] * unit[1]).sum().clamp(-1, 1))
    share = torch.linspace(0, 1, steps, dtype=start_Z.dtype)[:, None]
    if angle < 1e-4:
        return start_Z + share * (end_Z - start_Z)
    return (torch.sin((1 - share) * angle) * start_Z + torch.sin(share * angle) * end_Z) / torch.sin(angle)


@torch.no_grad()
def generate(module: Generator, z_NZ: Tensor, condition: Condition | None, precision: Precision) -> Stored:
    """Pictures uint8 [N, H, W, C], or rows float32 [N, F], of a generator in evaluation mode, asked for labels or made
    from sources."""
    assert not module.training, "samples come from a module in evaluation mode"
    pieces = []
    batch = TRANSLATED if module.source_channels else BATCH
    for start in range(0, len(z_NZ), batch):
        z_BZ = to_device(z_NZ[start : start + batch].to(precision.weights), precision.device)
        given = None
        if condition is not None:
            given = to_condition(condition[start : start + batch], precision.device, precision.weights)
        with precision.autocast():
            pieces.append(to_stored(module(z_BZ, given)))
    return np.concatenate(pieces)
