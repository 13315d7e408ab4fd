"""Exponential moving average of a player's weights: what is sampled, judged and shipped."""

import copy
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from sparring.engine.sharding import piece


class EMA:
    """Average of a module's parameters and floating-point buffers with a half-life counted in examples.

    While few examples were seen the half-life is `ramp` of them: the first weights are forgotten soon (Karras et al.,
    arXiv:2006.06676, appendix B).

    Args:
        module: the module that trains. Its copy `self.module` is in evaluation mode and needs no gradient.
        half_life: examples after which a past weight counts half.
        ramp: upper bound of the half-life as a share of the examples seen so far.
    """

    def __init__(self, module: nn.Module, *, half_life: float, ramp: float = 0.05) -> None:
        self.half_life = half_life
        self.ramp = ramp
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.follow(module)

    @torch.no_grad()
    def follow(self, module: nn.Module) -> None:
        """Take the weights from `module` from now on, whose tensors may be others than before."""
        weights = _pairs(self.module.parameters(), module.parameters())
        buffers = _pairs(self.module.buffers(), module.buffers())
        self._buffers = [(average, source) for average, source in buffers if average.is_floating_point()]
        self._counters = [(average, source) for average, source in buffers if not average.is_floating_point()]
        moved = [*weights, *self._buffers]
        self._averages, self._sources = [average for average, _ in moved], [source for _, source in moved]

    def decay(self, *, examples: int, batch: int) -> float:
        """Share of the old average that stays after `batch` more examples, `examples` having been seen, in [0, 1)."""
        half_life = min(self.half_life, self.ramp * max(examples, batch))
        return float(0.5 ** (batch / max(half_life, 1e-8)))

    @torch.no_grad()
    def update(self, *, examples: int, batch: int, skipped: Tensor | None = None) -> None:
        """Move the average towards the module's present weights; a buffer's value that is not finite is left out.

        Args:
            skipped: 1 where the module's step was left out, then the average stays as well; else 0. [], on the device.
        """
        weight = 1.0 - self.decay(examples=examples, batch=batch)
        for average, buffer in self._buffers:
            torch.where(torch.isfinite(buffer), buffer, average, out=buffer)
        if skipped is None:
            torch._foreach_lerp_(self._averages, self._sources, weight)
        else:
            moved = {average.dtype: (1 - skipped).to(average.dtype) * weight for average in self._averages}
            torch._foreach_lerp_(self._averages, self._sources, [moved[average.dtype] for average in self._averages])
        for average, counter in self._counters:
            average.copy_(counter)


def _pairs(averages: Iterable[Tensor], sources: Iterable[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Each average, and what it follows; of both this rank's piece, where they are sharded."""
    return [(piece(average), piece(source)) for average, source in zip(averages, sources, strict=True)]
