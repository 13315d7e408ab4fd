"""Exponential moving average of a player's weights: what is sampled, judged and shipped."""

import copy

import torch
from torch import Tensor, nn


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
        self._averages, self._sources = _paired_tensors(self.module, module)
        self._counters = [
            pair
            for pair in zip(self.module.buffers(), module.buffers(), strict=True)
            if not pair[0].is_floating_point()
        ]

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
        for buffer, average in self._buffers():
            torch.where(torch.isfinite(buffer), buffer, average, out=buffer)
        if skipped is None:
            torch._foreach_lerp_(self._averages, self._sources, weight)
        else:
            moved = {average.dtype: (1 - skipped).to(average.dtype) * weight for average in self._averages}
            torch._foreach_lerp_(self._averages, self._sources, [moved[average.dtype] for average in self._averages])
        for average, counter in self._counters:
            average.copy_(counter)

    def _buffers(self) -> list[tuple[Tensor, Tensor]]:
        pairs = zip(self._sources, self._averages, strict=True)
        return [(source, average) for source, average in pairs if not isinstance(source, nn.Parameter)]


def _paired_tensors(averaged: nn.Module, module: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    averages = [*averaged.parameters(), *averaged.buffers()]
    sources = [*module.parameters(), *module.buffers()]
    pairs = [(a, s) for a, s in zip(averages, sources, strict=True) if a.is_floating_point()]
    return [a for a, _ in pairs], [s for _, s in pairs]
