"""The sides of `time_to_quality`: a recipe as `sparring train` plays it, and the loops that everybody writes."""

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmarks.plain_dcgan import PlainDCGAN
from benchmarks.plain_gan import BATCH, PlainGAN, PlainImages, Z
from sparring.engine.allocator import reused_memory
from sparring.engine.deal import to_bytes
from sparring.engine.game import play_round
from sparring.engine.sampling import drawn_labels, generate, noise
from sparring.engine.threads import threads_for
from sparring.engine.train import Window
from sparring.job.build import build_game
from sparring.job.dealing import class_shares
from sparring.job.measure import with_budget
from sparring.job.options import TrainOptions
from sparring.job.records import averaged_generator
from sparring.job.train import open_and_plan

Pixels = npt.NDArray[np.uint8]
LEAST_SIDE = 32


class Side(Protocol):
    """One way to train, looked at in between."""

    def rounds(self) -> Iterator[int]:
        """Trains a step for each that is asked for, and tells how many pictures were seen; ends where it ends."""

    def samples(self, count: int) -> Pixels:
        """So many pictures uint8 [N, H, W, C] now."""


# -- ours --------------------------------------------------------------------------------------------------------------


class Ours:
    """A recipe as `sparring train --minutes` plays it."""

    def __init__(self, options: TrainOptions, *, minutes: float) -> None:
        self._data, plan = open_and_plan(options)
        self._plan = with_budget(plan, self._data.report, minutes=minutes)
        with torch.random.fork_rng():
            self._game = build_game(self._plan.recipe, plan.spec, self._data.parts, plan.precision)

    def rounds(self) -> Iterator[int]:
        """See `Side.rounds`."""
        window, until = Window(), round(self._plan.recipe.kimg * 1000)
        every = round(self._plan.recipe.log_kimg * 1000)
        with torch.random.fork_rng(), reused_memory(), threads_for(self._plan.spec.places):
            while self._game.images < until:
                before = self._game.images // every
                window.add(play_round(self._game))
                if before != self._game.images // every:
                    window.means()
                    window.clear()
                yield self._game.images

    def samples(self, count: int) -> Pixels:
        """See `Side.samples`."""
        module, seed = averaged_generator(self._game), self._plan.recipe.seed
        z_NZ = noise(count, module.z_dim, seed=seed, stream="judge", kind=module.noise)
        labels, train = None, self._data.parts["train"]
        if module.conditional and train.y is not None:
            labels = drawn_labels(count, list(class_shares(train.y, len(self._data.spec.classes))), seed=seed)
        return generate(module, z_NZ, labels, self._game.precision)


# -- the peers ---------------------------------------------------------------------------------------------------------


class Peer:
    """A plain loop over a DataLoader.

    Args:
        pictures: uint8 [N, H, W, C] to learn from.
        net_g: its generator; step: its training step on pictures and noise; shape: of one noise.
    """

    def __init__(
        self,
        pictures: Pixels,
        side: int,
        *,
        net_g: nn.Module,
        step: Callable[[Tensor, Tensor], object],
        shape: tuple[int, ...],
        workers: int,
    ) -> None:
        self._loader = DataLoader(PlainImages(pictures, side), BATCH, shuffle=True, num_workers=workers)
        self._net_g, self._step, self._shape = net_g, step, shape

    def rounds(self) -> Iterator[int]:
        """See `Side.rounds`; it never ends."""
        seen = 0
        while True:
            for real in self._loader:
                self._step(real, torch.randn(len(real), *self._shape))
                seen += len(real)
                yield seen

    @torch.no_grad()
    def samples(self, count: int) -> Pixels:
        """See `Side.samples`."""
        # A copy, for in the mode of training batch norm would learn from what is drawn here.
        network, draw = copy.deepcopy(self._net_g), torch.Generator().manual_seed(0)
        pieces = []
        for _ in range(-(-count // BATCH)):
            pieces.append(to_bytes(network(torch.randn(BATCH, *self._shape, generator=draw))))
        return np.concatenate(pieces)[:count]


def plain_gan(pictures: Pixels, side: int, seed: int) -> Peer:
    """`benchmarks.plain_gan`; its DataLoader has no workers."""
    torch.manual_seed(seed)
    model = PlainGAN(side=side, channels=pictures.shape[-1])
    return Peer(pictures, side, net_g=model.net_g, step=model.step, shape=(Z,), workers=0)


def plain_dcgan(pictures: Pixels, side: int, seed: int) -> Peer:
    """`benchmarks.plain_dcgan` with as many stages as the side wants; its DataLoader has two workers."""
    torch.manual_seed(seed)
    model = PlainDCGAN(stages=round(math.log2(side)) - 2, channels=pictures.shape[-1])
    return Peer(pictures, side, net_g=model.net_g, step=model.step, shape=(Z, 1, 1), workers=2)


PEERS: Mapping[str, Callable[[Pixels, int, int], Peer]] = {"plain-gan": plain_gan, "plain-dcgan": plain_dcgan}


def peer_side(pictures: Pixels) -> int:
    """The side that peers learn at: a power of two that is not below the pictures', 32 at least."""
    longest: int = max(pictures.shape[1:3])
    return max(LEAST_SIDE, 1 << (longest - 1).bit_length())
