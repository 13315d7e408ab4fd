"""How a rate changes with the number of examples seen."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Factor on a base value as a function of examples seen.

    Args:
        shape: `constant` stays 1; `linear` and `cosine` fall from 1 to `final` at `end` and stay there; `step` is a
            tenth from half of `end` on and a hundredth from three quarters on (He et al., arXiv:1512.03385, 4.2).
        warmup: examples over which the factor rises linearly from 0 to 1 first.
        end: examples at which the fall is over.
        final: factor from `end` on.
    """

    shape: Literal["constant", "linear", "cosine", "step"] = "constant"
    warmup: int = 0
    end: int = 0
    final: float = 0.0

    def factor(self, examples: int) -> float:
        """The factor after `examples`, at least 0.

        >>> Schedule(shape="linear", end=1000).factor(250)
        0.75
        """
        if examples < self.warmup:
            return examples / self.warmup
        if self.shape == "constant":
            return 1.0
        if self.shape == "step":
            return 0.1 ** ((2 * examples >= self.end) + (4 * examples >= 3 * self.end))
        progress = min(1.0, (examples - self.warmup) / max(1, self.end - self.warmup))
        fallen = progress if self.shape == "linear" else (1 - math.cos(math.pi * progress)) / 2
        return 1.0 + (self.final - 1.0) * fallen
