"""What finds anomalies, fitted to a run once it is trained: kept in its folder, and made again where it is not.

A memory is no part of the game: it holds features of the weights that a checkpoint ends with. It is a pure function of
those weights, of the training pictures and of the seed, so a run that was killed before it was made makes it at the
next chance. Scores of held-out normal pictures, which thresholds come from, are kept with it.

    RUN/detector/memory-000000024000.safetensors
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from sparring.data import Part
from sparring.data.draws import drawn_rows
from sparring.engine.precision import Precision
from sparring.job.evidence import (
    HOTTEST,
    Evidence,
    Mapper,
    Pixels,
    by_blemishes,
    by_error,
    by_memory,
    enlarged,
    remembered,
    score_of,
    units,
)
from sparring.job.rebuild_parts import loss_of
from sparring.metrics.base import Floats
from sparring.metrics.kept import encoded
from sparring.metrics.memory import Memory
from sparring.models.autoencode.base import Autoencoder
from sparring.models.detect.base import Detector
from sparring.recipe import Recipe
from sparring.runfolder import machine_errors, replace_file

FOLDER = "detector"
FORMAT = "1"
MOST_HELD = 5_000
"""Held-out pictures that are scored: so many back a rate of 1 in 5,000."""
MOST_REMEMBERED = 3_000
"""Training pictures whose places may be remembered."""
REMEMBERED = 3_000
"""Places that are."""
HOT = 0.999
"""Share of the points of normal pictures that stay below the hottest colour."""
EITHER: tuple[Evidence, ...] = ("memory", "blemishes")
"""What "either" goes by."""
Maps = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Detected:
    """What was found in pictures.

    Args:
        scores: float64 [N], higher where less is as in normal pictures.
        maps: the same of each point, float32 [N, H, W].
    """

    scores: Floats
    maps: Maps


Look = Callable[[Pixels], Detected]


@dataclass(frozen=True, kw_only=True)
class Finder:
    """Maps and scores by one evidence, and what held-out normal pictures have of both.

    Args:
        look: what it finds in pictures uint8 [N, H, W, C] of the run's size.
        held_scores: of held-out normal pictures, float64 [n].
        heat: the middle value of their points, and the one that 99.9 % of them stay below.
    """

    by: Evidence
    look: Look
    held_scores: Floats
    heat: tuple[float, float]

    def heated(self, maps: Maps) -> Floats:
        """Maps as shares of heat: below 0 what 999 of 1,000 points of normal pictures stay below, 1 as far above that
        as that is above what is usual."""
        usual, hot = self.heat
        found: Floats = (maps.astype(np.float64) - hot) / max(hot - usual, 1e-12)
        return found

    def measured(self, scores: Floats) -> Floats:
        """Scores by what is usual among held-out normal pictures: 0 is their middle, 1 what nine of ten stay below."""
        usual, high = np.quantile(self.held_scores, [0.5, 0.9])
        found: Floats = (scores - usual) / max(high - usual, 1e-12)
        return found


def by_either(finders: Sequence[Finder]) -> Look:
    """By whichever evidence is stronger, each measured by what is usual among normal pictures."""

    def look(pictures: Pixels) -> Detected:
        found = [(finder, finder.look(pictures)) for finder in finders]
        scores = np.stack([finder.measured(own.scores) for finder, own in found]).max(0)
        maps = np.stack([finder.heated(own.maps) for finder, own in found]).max(0)
        return Detected(scores=scores, maps=maps.astype(np.float32))

    return look


def by_maps(mapper: Mapper, precision: Precision, *, hottest: float) -> Look:
    """By the maps of one evidence.

    Args:
        hottest: share of the places that a score is the mean of.
    """

    @torch.no_grad()
    def look(pictures: Pixels) -> Detected:
        height, width = pictures.shape[1:3]
        scores, maps = [torch.zeros(0).double()], [torch.zeros(0, height, width)]
        for x_BCHW in units(pictures, precision):
            map_BHW = mapper(x_BCHW)
            scores.append(score_of(map_BHW, hottest).double().cpu())
            maps.append(enlarged(map_BHW, height, width).float().cpu())
        return Detected(scores=torch.cat(scores).numpy(), maps=torch.cat(maps).numpy())

    return look


def fitted(
    by: Evidence, module: nn.Module, recipe: Recipe, parts: Mapping[str, Part], precision: Precision
) -> dict[str, Tensor]:
    """All that a finder needs beside the network, by name, for a file.

    Args:
        parts: "train" and "validation", of normal pictures.
    """
    tensors: dict[str, Tensor] = {}
    if by == "either":
        for name in EITHER:
            own = fitted(name, module, recipe, parts, precision)
            tensors |= {f"{name}.{key}": value for key, value in own.items()}
    if by == "memory":
        assert isinstance(module, Detector)
        shown = drawn(parts["train"], MOST_REMEMBERED, seed=recipe.seed)
        with torch.no_grad():
            memory = remembered(module, shown, precision, count=REMEMBERED, seed=recipe.seed)
        tensors |= memory.tensors()
    look = look_of(by, module, recipe, tensors, precision)
    found = look(drawn(parts["validation"], MOST_HELD, seed=0))
    heat = np.quantile(found.maps, [0.5, HOT])
    return {**tensors, "held_scores": torch.from_numpy(found.scores), "heat": torch.from_numpy(heat)}


def drawn(part: Part, most: int, *, seed: int) -> Pixels:
    """So many pictures of a part, or all, drawn by the seed."""
    return np.asarray(part.x[drawn_rows(len(part), most, seed=seed)])


def look_of(
    by: Evidence, module: nn.Module, recipe: Recipe, tensors: Mapping[str, Tensor], precision: Precision
) -> Look:
    """How this evidence is looked for."""
    if by == "either":
        return by_either([finder_of(name, module, recipe, _own(tensors, name), precision) for name in EITHER])
    return by_maps(_mapper(by, module, recipe, tensors), precision, hottest=HOTTEST[by])


def _own(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}


def _mapper(by: Evidence, module: nn.Module, recipe: Recipe, tensors: Mapping[str, Tensor]) -> Mapper:
    if by == "error":
        assert isinstance(module, Autoencoder)
        return by_error(module, loss_of(recipe))
    assert isinstance(module, Detector)
    if by == "blemishes":
        return by_blemishes(module)
    return by_memory(module, Memory.of(tensors, next(module.parameters()).device))


def finder_of(
    by: Evidence, module: nn.Module, recipe: Recipe, tensors: Mapping[str, Tensor], precision: Precision
) -> Finder:
    """The finder of what `fitted` gave."""
    usual, hot = tensors["heat"].tolist()
    return Finder(
        by=by,
        look=look_of(by, module, recipe, tensors, precision),
        held_scores=tensors["held_scores"].double().numpy(),
        heat=(usual, hot),
    )


# -- the file ----------------------------------------------------------------------------------------------------------


def place_of(run: Path, by: Evidence, images: int) -> Path:
    """Where the finder of a checkpoint is kept."""
    return run / FOLDER / f"{by}-{images:012d}.safetensors"


def digest_of(module: nn.Module) -> str:
    """Of a network's weights: what was fitted to others is not taken."""
    return hashlib.sha256(encoded(module.state_dict())).hexdigest()


def read_fitted(path: Path, weights: str) -> dict[str, Tensor] | None:
    """What is kept; None where it is absent, damaged, or of other weights."""
    try:
        with safe_open(path, framework="pt") as opened:
            if opened.metadata() != _mark(weights):
                return None
            return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  not a mapping
    except (OSError, SafetensorError):
        return None


def _mark(weights: str) -> dict[str, str]:
    """One entry alone: safetensors writes several in any order, and the same finder is to be the same bytes."""
    return {"fitted": f"format {FORMAT}, weights {weights}"}


def keep_fitted(path: Path, tensors: Mapping[str, Tensor], weights: str) -> None:
    """Write it, whole or not at all.

    Raises:
        MachineError: the disk refused.
    """
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    data = safetensors.torch.save(plain, metadata=_mark(weights))
    with machine_errors(path):
        path.parent.mkdir(exist_ok=True)
        replace_file(path, data)
