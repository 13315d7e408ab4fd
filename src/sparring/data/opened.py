"""What data are once they are open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from sparring.data.points import Modes
from sparring.data.report import DataReport
from sparring.data.spec import OpenedSpec
from sparring.data.split import Labels
from sparring.data.stream import ShardStream


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part.

    Args:
        x: pictures uint8 [N, H, W, C], memory-mapped, volumes uint8 [N, D, H, W, C], or rows float32 [N, F].
        y: int64 [N], -1 without a label, or None without classes.
        source: the picture that each is to be made from, uint8 [N, H, W, C'], or None where they are no pairs.
        stream: where training takes its examples from instead, of which `x` are then but some.
    """

    x: npt.NDArray[Any]
    y: Labels | None
    source: npt.NDArray[np.uint8] | None = None
    stream: ShardStream | None = None

    @property
    def examples(self) -> int:
        """How many there are to train on; of a stream an estimate."""
        return len(self.x) if self.stream is None else self.stream.length

    def __len__(self) -> int:
        return len(self.x)

    @property
    def labelled(self) -> Labels:
        """Where the examples with a label are, int64 [M]."""
        return np.empty(0, np.int64) if self.y is None else np.flatnonzero(self.y >= 0).astype(np.int64, copy=False)


@dataclass(frozen=True, kw_only=True)
class Data:
    """A source, open: its spec, the parts "train", "validation" and perhaps "test", and what was read and why.

    Args:
        classes, labels: all that the source knows, also where training is to see fewer labels or none: a judge may
            use them. Labels int64 [N] by part, -1 without one.
        modes: what the data are a mixture of, where that is known.
    """

    name: str
    spec: OpenedSpec
    parts: Mapping[str, Part]
    report: DataReport
    classes: tuple[str, ...] = ()
    labels: Mapping[str, Labels] = field(default_factory=dict)
    modes: Modes | None = None
