"""What an extractor is: pictures in, features out, with a name and a digest that say which one it was.

A distance between features is called after its extractor: `fd_judge`, `fd_conv`. The names FID, KID and IS belong to
the reference Inception alone (`names_of`).
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Pictures = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Features:
    """What an extractor saw.

    Args:
        vectors: float64 [N, d].
        probabilities: of the classes, float64 [N, K], rows summing to 1; None where the extractor knows no classes.
    """

    vectors: Floats
    probabilities: Floats | None = None


class Extractor(Protocol):
    """Pictures uint8 [N, H, W, C], or rows float32 [N, F], to features."""

    @property
    def name(self) -> str:
        """How measures in its space are called, as in `fd_<name>`."""

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of its weights and of how pictures are brought to its size."""

    def __call__(self, pictures: npt.NDArray[Any]) -> Features:
        """Features of pictures of any size and 1, 3 or 4 channels."""


class Names(NamedTuple):
    """What the three measures with reserved names are called in one extractor's space."""

    frechet: str
    kernel: str
    score: str


def names_of(extractor: str) -> Names:
    """FID, KID and IS for the reference Inception, `fd_`, `mmd_` and `score_` with the extractor's name for others."""
    if extractor == "inception":
        return Names("FID", "KID", "IS")
    return Names(f"fd_{extractor}", f"mmd_{extractor}", f"score_{extractor}")
