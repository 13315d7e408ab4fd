"""Curves as inline SVG: drawn by matplotlib, coloured by the page, so that they fit a light and a dark one.

The same panel gives the same bytes: no date, no random identifiers.
"""

import io
import math
import re
from typing import Any

from sparring.report.groups import Panel, Points

COLOURS = 8  # the page has this many, as --c0 ... --c7
_SIZE = (5.2, 2.6)  # inches; the page scales it
_INK = "#010203"
_GRID = "#010204"
_LINE = "#0102{:02x}"
_FIRST = 0x10
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.edgecolor": _GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "path.simplify": True,
}


def draw(panel: Panel, *, key: str) -> str:
    """One panel as an SVG element to be put into a page.

    Args:
        panel: at least one line with a finite value.
        key: a word that no other drawing of the page has; identifiers begin with it.
    """
    from matplotlib import rc_context, rcdefaults, rcParams
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context():
        # A matplotlibrc of the user's must not change the page.
        rcdefaults()
        rcParams.update({**_SETTINGS, "svg.hashsalt": key})
        figure = Figure(figsize=_SIZE, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        for index, line in enumerate(panel.lines):
            x, y = _drawable(line.points)
            style = (0, (4, 3)) if line.floor else "-"
            marker = "o" if len(x) == 1 else ""
            axes.plot(x, y, color=_LINE.format(_FIRST + colour_of(panel, index)), linestyle=style, marker=marker, ms=4)
        axes.set_xlabel("kimg")
        axes.margins(x=0.01)
        if panel.unit_range:
            axes.set_ylim(-0.03, 1.03)
        data = io.StringIO()
        figure.savefig(data, format="svg", metadata={"Date": None})
    return _for_page(data.getvalue(), key, panel.title)


def colour_of(panel: Panel, index: int) -> int:
    """The number of a line's colour: a floor has that of the line whose floor it is."""
    names = [line.name for line in panel.lines]
    name = names[index]
    if panel.lines[index].floor and name.removesuffix("_floor") in names:
        index = names.index(name.removesuffix("_floor"))
    return index % COLOURS


def _drawable(points: Points) -> tuple[list[float], list[float]]:
    # A gap where a value is not finite; the renderer can't place infinities.
    x = [kimg for kimg, _ in points]
    return x, [value if math.isfinite(value) else math.nan for _, value in points]


def _for_page(svg: str, key: str, title: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)
    svg = re.sub(r'(\sid=")|(href="#)|(url\(#)', lambda match: f"{match[0]}{key}-", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    svg = svg.replace(_INK, "var(--muted)").replace(_GRID, "var(--grid)")
    for number in range(COLOURS):
        svg = svg.replace(_LINE.format(_FIRST + number), f"var(--c{number})")
    return svg.replace("<svg", '<svg role="img" focusable="false"', 1).strip()
