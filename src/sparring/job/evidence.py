"""What speaks for an anomaly, place by place: what is unlike all that is remembered of normal pictures, what a detector
was trained to see, or what an autoencoder can't rebuild."""

from collections.abc import Callable, Iterator
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from sparring.engine.deal import to_device, to_unit
from sparring.engine.precision import Precision
from sparring.errors import UsageError
from sparring.losses.reconstruction_error import ReconstructionLoss
from sparring.metrics.memory import Memory, remember
from sparring.models.autoencode.base import Autoencoder
from sparring.models.detect.base import Detector
from sparring.nn.resized import brought_to
from sparring.recipe import Task

Pixels = npt.NDArray[np.uint8]
Evidence = Literal["either", "memory", "blemishes", "error"]
OF_TASK: dict[Task, tuple[Evidence, ...]] = {"anomaly": ("memory", "blemishes", "either"), "rebuild": ("error",)}
"""What a run can be asked for, its default first."""
FINEST = 2
"""Layers of a detector that are remembered, from the finest on: those with the smallest fields of view."""
HOTTEST: dict[Evidence, float] = {"memory": 0.1, "blemishes": 0.01, "error": 0.1}
"""Share of the places that the score of a picture is the mean of: its hottest ones. PatchCore takes
the largest distance alone, and weighs it by its neighbours' distances."""
BLOCK = 32
SMOOTHED = 3
"""Points of a side over which errors are averaged: edges that are a point off are no faults."""
Mapper = Callable[[Tensor], Tensor]
"""From pictures [B, C, H, W] in [-1, 1] to maps [B, H', W'], higher where less is as in normal pictures."""


def chosen_evidence(task: Task, asked: str | None, run: str) -> Evidence:
    """The evidence asked for, or the task's default.

    Raises:
        UsageError: the run has none such.
    """
    known = OF_TASK.get(task, ())
    if not known:
        raise UsageError(
            f"{run} finds no anomalies. Train on normal pictures with --task anomaly, or an autoencoder with --task "
            "rebuild."
        )
    if asked is None:
        return known[0]
    for name in known:
        if name == asked:
            return name
    others = [name for name in get_args(Evidence) if name == asked]
    why = f"is for runs with --task {'rebuild' if asked == 'error' else 'anomaly'}" if others else "is unknown"
    raise UsageError(f"--by {asked}: {why}; {run} knows {', '.join(known)}.")


def remembered(module: Detector, pictures: Pixels, precision: Precision, *, count: int, seed: int) -> Memory:
    """A memory of normal pictures uint8 [N, H, W, C]."""
    size = _places(module, pictures, precision)
    blocks = (x_BCHW for x_BCHW in units(pictures, precision))
    return remember(lambda x: module.layers(x)[:FINEST], blocks, len(pictures), size, count=count, seed=seed)


def _places(module: Detector, pictures: Pixels, precision: Precision) -> tuple[int, int]:
    """Rows and columns of the coarsest map that is remembered."""
    with torch.no_grad():
        height, width = module.layers(next(units(pictures[:1], precision)))[FINEST - 1].shape[2:]
    return height, width


def by_memory(module: Detector, memory: Memory) -> Mapper:
    """Distances of places from what is remembered."""
    return lambda x_BCHW: memory.distances(module.layers(x_BCHW)[:FINEST])


def by_blemishes(module: Detector) -> Mapper:
    """The detector's own logits."""
    return lambda x_BCHW: module(x_BCHW)[:, 0]


def by_error(module: Autoencoder, loss: ReconstructionLoss) -> Mapper:
    """Squared errors of what is rebuilt, smoothed: values from 0 to 1."""

    def mapped(x_BCHW: Tensor) -> Tensor:
        made_BCHW = loss.shown(module(x_BCHW)).clamp(-1, 1)
        error_B1HW = ((made_BCHW - x_BCHW) / 2).square().mean(1, keepdim=True)
        return avg_pool2d(error_B1HW, SMOOTHED, 1, SMOOTHED // 2, count_include_pad=False)[:, 0]

    return mapped


def units(pictures: Pixels, precision: Precision) -> Iterator[Tensor]:
    """Blocks [B, C, H, W] in [-1, 1] on the device."""
    for at in range(0, len(pictures), BLOCK):
        stored = to_device(torch.from_numpy(np.array(pictures[at : at + BLOCK])), precision.device)
        yield to_unit(stored, precision.weights)


def score_of(map_BHW: Tensor, share: float) -> Tensor:
    """The mean over this share of the places of each map, the hottest ones, [B]."""
    flat_BP = map_BHW.flatten(1)
    return flat_BP.topk(max(1, round(share * flat_BP.shape[1])), 1).values.mean(1)


def enlarged(map_BHW: Tensor, height: int, width: int) -> Tensor:
    """Maps at the size of the pictures, [B, H, W]."""
    return brought_to(map_BHW[:, None], (height, width))[:, 0]
