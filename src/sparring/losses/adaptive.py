"""Adaptive augmentation of what the discriminator sees: as much as keeps it from learning its pictures by heart.

Paper: Karras, Aittala, Hellsten, Laine, Lehtinen, Aila, "Training generative adversarial networks with limited data",
arXiv:2006.06676, section 3, eq. 1 and appendix B: the paper's blit and colour changes, and its cutout and noise. Each
picture gets each change by itself with probability p: while p is below 1 the changes can be undone on average, and do
not leak into the samples. Departures:
- no continuous rotation, scaling or shift: they need a resampler that is differentiable twice; no image-space filter;
- p follows r_v, by held-out reals, instead of r_t, by the signs of logits, which mean something for some losses only;
  the target of 0.5 is ours (the paper's 0.6 is one of r_t);
- p ends at 1: beyond it nothing would change any more, and the way back would be longer.
"""

import math
from collections.abc import Callable, Mapping
from typing import Annotated

import torch
from torch import Tensor

from sparring.losses.base import Augmentation, augmentations
from sparring.losses.consistency import flipped
from sparring.losses.diffaugment import cut_out, reach
from sparring.losses.shift import picked, shifts
from sparring.nn import ranks
from sparring.registry import Range

MEMORY = 0.75
"""Share of the logits' differences that stays at each look: as steady as a mean over seven batches."""


@augmentations("adaptive", paper="arXiv:2006.06676")
class Adaptive(Augmentation):
    """Flips, quarter turns, shifts, colour and cutout, each with a probability that follows D's overfitting."""

    every: int

    def __init__(
        self,
        *,
        target: Annotated[float, "overfitting to be held: 0 none, 1 knows its pictures by heart", Range(0.0)] = 0.5,
        kimg: Annotated[float, "thousands of reals in which the probability can go from 0 to 1", Range(0.001)] = 500.0,
        every: Annotated[int, "updates of the discriminator between two changes of the probability", Range(1)] = 4,
        blit: Annotated[bool, "pictures are flipped, turned by quarters and shifted by up to an eighth"] = True,
        color: Annotated[bool, "brightness, contrast and, with colour, luma, hue and saturation change"] = True,
        cutout: Annotated[bool, "a square of half the side is grey"] = True,
        noise: Annotated[bool, "noise is added to each point"] = False,
    ) -> None:
        self.target = target
        self.kimg = kimg
        self.every = every
        groups = ((blit, BLIT), (color, COLOR), (noise, (noisy,)), (cutout, (cut_out,)))
        self.changes = [change for wanted, group in groups if wanted for change in group]
        self._p = torch.zeros(())
        self._gaps = torch.zeros(2)
        """Fading sums of the mean logit of training reals less that of held-out reals, and less that of fakes."""

    def __call__(self, x_BCHW: Tensor) -> Tensor:
        """See `Augmentation.__call__`."""
        self._p = self._p.to(x_BCHW.device)
        for change in self.changes:
            chosen_B111 = ranks.rand(len(x_BCHW), 1, 1, 1, device=x_BCHW.device) < self._p
            x_BCHW = torch.where(chosen_B111, change(x_BCHW), x_BCHW)
        return x_BCHW

    def adapt(self, real_B: Tensor, held_B: Tensor, fake_B: Tensor) -> None:
        """Raise p where r_v = (E D(real) - E D(held)) / (E D(real) - E D(fake)) is above the target, else lower it."""
        mean, held, fake = (logit_B.float().mean() for logit_B in (real_B, held_B, fake_B))
        now_2 = ranks.mean(torch.stack([mean - held, mean - fake]))
        gaps_2 = self._gaps.to(now_2.device)
        self._gaps = gaps_2 = torch.where(now_2.isfinite().all(), gaps_2.lerp(now_2, 1 - MEMORY), gaps_2)
        # r_v against the target without a division. A D that ranks fakes above reals has learned nothing by heart.
        above = (gaps_2[0] - self.target * gaps_2[1]).sign()
        direction = torch.where(gaps_2[1] > 0, above, -1.0)
        step = self.every * len(real_B) * ranks.world().ranks / (1000 * self.kimg)
        self._p = (self._p.to(direction.device) + step * direction).clamp(0, 1)

    def scalars(self) -> dict[str, Tensor]:
        """The probability of each change."""
        return {"augment_p": self._p}

    def state(self) -> dict[str, Tensor]:
        """See `Augmentation.state`."""
        return {"p": self._p, "gaps": self._gaps}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """See `Augmentation.load_state`."""
        self._p, self._gaps = state["p"], state["gaps"]


def turned(x_BCHW: Tensor) -> Tensor:
    """By 0 to 3 quarters; by none or two where a picture is not square."""
    x_BCHW = torch.where(_uniform(x_BCHW) < 0.5, x_BCHW.flip((2, 3)), x_BCHW)
    if x_BCHW.shape[2] != x_BCHW.shape[3]:
        return x_BCHW
    return torch.where(_uniform(x_BCHW) < 0.5, x_BCHW.transpose(2, 3).flip(2), x_BCHW)


def moved(x_BCHW: Tensor) -> Tensor:
    """By whole points, up to an eighth of the side each way; what is bared mirrors what is beside it."""
    rows_BH, columns_BW = (_mirrored(places) for places in shifts(x_BCHW, reach(x_BCHW)))
    return picked(x_BCHW, rows_BH, columns_BW)


def brightened(x_BCHW: Tensor) -> Tensor:
    """One number of N(0, 0.2) added to each picture."""
    return x_BCHW + 0.2 * _normal(x_BCHW)


def contrasted(x_BCHW: Tensor) -> Tensor:
    """Times 2^N(0, 0.5): distances from the middle grey."""
    return x_BCHW * torch.exp2(0.5 * _normal(x_BCHW))


def luma_flipped(x_BCHW: Tensor) -> Tensor:
    """The mean of the channels gets the other sign, colours stay, in every other picture; not in grey ones."""
    if x_BCHW.shape[1] == 1:
        return x_BCHW
    return torch.where(_uniform(x_BCHW) < 0.5, x_BCHW - 2 * x_BCHW.mean(1, keepdim=True), x_BCHW)


def hue_turned(x_BCHW: Tensor) -> Tensor:
    """Colours turned by any angle around the axis of the greys; pictures of other than three channels stay."""
    if x_BCHW.shape[1] != 3:
        return x_BCHW
    angle_B111 = 2 * math.pi * _uniform(x_BCHW)
    grey_B1HW = x_BCHW.mean(1, keepdim=True)
    color_BCHW = x_BCHW - grey_B1HW
    across_BCHW = (color_BCHW.roll(1, 1) - color_BCHW.roll(-1, 1)) / math.sqrt(3)
    return grey_B1HW + angle_B111.cos() * color_BCHW + angle_B111.sin() * across_BCHW


def saturated(x_BCHW: Tensor) -> Tensor:
    """Distances from the mean of the channels times 2^N(0, 1); grey pictures stay."""
    if x_BCHW.shape[1] == 1:
        return x_BCHW
    grey_B1HW = x_BCHW.mean(1, keepdim=True)
    return grey_B1HW + (x_BCHW - grey_B1HW) * torch.exp2(_normal(x_BCHW))


def noisy(x_BCHW: Tensor) -> Tensor:
    """Normal noise at each point, its size |N(0, 0.1)| for each picture."""
    return x_BCHW + 0.1 * _normal(x_BCHW).abs() * ranks.randn_like(x_BCHW)


Change = Callable[[Tensor], Tensor]
BLIT: tuple[Change, ...] = (flipped, turned, moved)
COLOR: tuple[Change, ...] = (brightened, contrasted, luma_flipped, hue_turned, saturated)


def _mirrored(places: Tensor) -> Tensor:
    """Indices beyond either end of the last axis, reflected at its first and last place."""
    last = places.shape[1] - 1
    return last - (last - places.abs()).abs()


def _uniform(like: Tensor) -> Tensor:
    return ranks.rand(len(like), 1, 1, 1, device=like.device, dtype=like.dtype)


def _normal(like: Tensor) -> Tensor:
    return ranks.randn(len(like), 1, 1, 1, device=like.device, dtype=like.dtype)
