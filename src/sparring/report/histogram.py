"""What the discriminator says of training reals, held-out reals and fakes: three histograms on one axis."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeGuard

from sparring.report import svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KIND = "logits"
KINDS = {"train": "training reals", "held_out": "held-out reals", "fake": "samples"}
_DASHES: dict[str, Any] = {"train": "-", "held_out": (0, (4, 3)), "fake": "-"}


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Edges of B bins [B + 1], and for each kind the share of its logits in each of them [B]."""

    kimg: float
    edges: Sequence[float]
    shares: Mapping[str, Sequence[float]]


def newest(events: Sequence[Mapping[str, Any]]) -> Histogram | None:
    """The histogram of the last `logits` event that is one; people edit files."""
    for event in reversed(events):
        values = event.get("values")
        if event.get("kind") == KIND and isinstance(values, Mapping) and (found := _read(event, values)) is not None:
            return found
    return None


def draw(histogram: Histogram, *, key: str) -> str:
    """As an SVG element; the colours are the page's first ones, in the order of `KINDS`."""

    def plot(axes: "Axes") -> None:
        for index, name in enumerate(histogram.shares):
            heights = [100 * share for share in histogram.shares[name]]
            axes.stairs(
                heights, list(histogram.edges), color=svg.ink(index), linewidth=1.6, linestyle=_DASHES.get(name, "-")
            )
        axes.set_xlabel("logit of the discriminator (higher: more real)")
        axes.set_ylabel("pictures, %")
        axes.set_ylim(bottom=0)
        axes.margins(x=0.01)

    return svg.render(plot, key=key)


def _read(event: Mapping[str, Any], values: Mapping[str, Any]) -> Histogram | None:
    edges, kimg = values.get("edges"), event.get("kimg")
    shares = {name: values.get(name) for name in KINDS}
    if not isinstance(kimg, int | float) or not _is_numbers(edges):
        return None
    known = {name: share for name, share in shares.items() if _is_numbers(share) and len(share) == len(edges) - 1}
    rising = all(a < b for a, b in pairwise(edges))
    return Histogram(kimg=float(kimg), edges=edges, shares=known) if known and rising else None


def _is_numbers(value: Any) -> TypeGuard[list[float]]:
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(item, int | float) and math.isfinite(item) for item in value)
    )
