"""A network as a drawing: a box for each part, as high as its maps and as wide as it has channels."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sparring.explain.table import Layer, Table, by, side
from sparring.report.parts import escaped
from sparring.report.svg import palette

_WIDTH, _CELL, _ROW = 1040, 130, 190
_BOX_HEIGHT, _BOX_WIDTH, _LEAST = 84.0, 72.0, 4.0
_BASE = 122  # of the boxes, below the top of their row
_LEGEND = 40
_WORDS = {
    "Conv": "conv",
    "ConvTranspose": "up-conv",
    "MaxPool": "max pool",
    "AvgPool": "mean pool",
    "AdaptiveAvgPool": "mean pool",
    "Linear": "linear",
}
_GROUPS = ("convolution", "pooling", "fully connected", "block")
_STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: var(--ink); }
.fine { fill: var(--muted); font-size: 11px; }
"""


@dataclass(frozen=True)
class _Box:
    """One part, or several that are alike one after the other."""

    layer: Layer
    group: int | None
    times: int = 1

    @property
    def lines(self) -> tuple[str, str, str]:
        """What is written below it."""
        layer = self.layer
        window = f" {by(layer.kernel)}" if layer.kernel else ""
        window += f" /{side(layer.stride)}" if layer.stride and set(layer.stride) != {1} else ""
        plain = layer.kind.rstrip("123d")
        kind = _shortened(_WORDS.get(plain, layer.kind), 18 - len(window))
        repeated = f"{self.times} × " if self.times > 1 else ""
        count = f"{layer.parameters * self.times:,}" if layer.parameters else ""
        return f"{repeated}{kind}{window}", by(layer.output), count


def drawing(table: Table, *, alone: bool = True) -> str:
    """The network as SVG: left to right, row by row.

    Args:
        alone: for a file of its own, that brings its colours, light and dark; else for a page that has them.
    """
    boxes = list(_boxes(table))
    columns = _WIDTH // _CELL
    rows = -(-len(boxes) // columns)
    largest = _Scale.of(boxes)
    body = "".join(
        f'<g transform="translate({index % columns * _CELL} {index // columns * _ROW})">{_drawn(box, largest)}</g>'
        for index, box in enumerate(boxes)
    )
    height = rows * _ROW + _LEGEND
    style = f"<style>{palette() if alone else ''}{_STYLE}</style>"
    paper = f'<rect width="{_WIDTH}" height="{height}" fill="var(--card)"/>' if alone else ""
    size = f' xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}"' if alone else ""
    title = f"{table.name}: {table.parameters:,} parameters, {table.multiply_adds:,} multiply-adds"
    return (
        f'<svg{size} viewBox="0 0 {_WIDTH} {height}" role="img"><title>{escaped(title)}</title>{style}{paper}{body}'
        f"{_legend(boxes, height, title)}</svg>"
    )


def _boxes(table: Table) -> Iterator[_Box]:
    yield _Box(Layer(name="input", kind="input", output=table.input), None)
    before: _Box | None = None
    sides = table.input[1:]
    for layer in table.blocks:
        shape, sides = sides, layer.output[1:]
        group = _group(layer, resized=bool(sides) and shape != sides)
        if group is None:
            continue
        if before is not None and _look(before.layer) == _look(layer):
            before = _Box(layer, group, before.times + 1)
            continue
        if before is not None:
            yield before
        before = _Box(layer, group)
    if before is not None:
        yield before


def _group(layer: Layer, *, resized: bool) -> int | None:
    """The place among `_GROUPS`; None: it changes nothing that a drawing shows, as a norm or an activation."""
    if "Conv" in layer.kind and layer.kernel:
        return 0
    if "Linear" in layer.kind:
        return 2
    if layer.multiply_adds:
        return 3
    return 1 if resized else None


def _look(layer: Layer) -> tuple[object, ...]:
    return layer.kind, layer.output, layer.kernel, layer.stride, layer.parameters


@dataclass(frozen=True)
class _Scale:
    height: int
    channels: int

    @classmethod
    def of(cls, boxes: Sequence[_Box]) -> "_Scale":
        return cls(max(_height(box.layer) for box in boxes), max(box.layer.output[0] for box in boxes))

    def box(self, layer: Layer) -> tuple[float, float]:
        """Width and height; roots, or the small ones could not be seen beside the large ones."""
        width = _BOX_WIDTH * math.sqrt(layer.output[0] / self.channels)
        height = _BOX_HEIGHT * math.sqrt(_height(layer) / self.height)
        return max(_LEAST, width), max(_LEAST, height)


def _height(layer: Layer) -> int:
    return layer.output[-2] if len(layer.output) > 2 else layer.output[-1] if len(layer.output) > 1 else 1


def _drawn(box: _Box, scale: _Scale) -> str:
    """Front, top and right side, of which the depth stands for the map's width."""
    width, height = scale.box(box.layer)
    deep = height * 0.28
    colour = f"var(--c{box.group})" if box.group is not None else "var(--muted)"
    left, top = (_CELL - width - deep) / 2, _BASE - height
    back = f'fill="{colour}" stroke="var(--card)" stroke-width="0.75"'
    corners = f"l{deep:.1f} {-deep:.1f} h{width:.1f} l{-deep:.1f} {deep:.1f} z"
    flank = f"l{deep:.1f} {-deep:.1f} v{height:.1f} l{-deep:.1f} {deep:.1f} z"
    front = f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" {back}/>'
    faces = (
        f'<path d="M{left:.1f} {top:.1f} {corners}" {back} fill-opacity="0.45"/>'
        f'<path d="M{left + width:.1f} {top:.1f} {flank}" {back} fill-opacity="0.7"/>'
    )
    words = "".join(
        f'<text x="{_CELL / 2}" y="{_BASE + 20 + 16 * row}" text-anchor="middle" class="{look}">{escaped(line)}</text>'
        for row, (line, look) in enumerate(zip(box.lines, ("name", "fine", "fine"), strict=True))
    )
    told = " · ".join(filter(None, (box.layer.name, *box.lines, box.layer.formula)))
    return f"<title>{escaped(told)}</title>{faces}{front}{words}"


def _legend(boxes: Sequence[_Box], height: int, title: str) -> str:
    shown = sorted({box.group for box in boxes if box.group is not None})
    entries = "".join(
        f'<rect x="{16 + 130 * place}" y="{height - 30}" width="12" height="12" fill="var(--c{group})"/>'
        f'<text x="{34 + 130 * place}" y="{height - 20}">{_GROUPS[group]}</text>'
        for place, group in enumerate(shown)
    )
    return f'{entries}<text x="{_WIDTH - 16}" y="{height - 20}" text-anchor="end" class="fine">{escaped(title)}</text>'


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
