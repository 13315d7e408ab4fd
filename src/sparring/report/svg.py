"""Drawings as inline SVG: drawn by matplotlib, coloured by the page, so that they fit a light and a dark one.

The same drawing gives the same bytes: no date, no random identifiers.
"""

import io
import re
from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = 8  # the page has this many, as --c0 ... --c7
BAND = "#010205"
_SIZE = (3.7, 2.4)  # inches; the page scales it
# Of the drawing, left, bottom, right and top. Fixed, for a layout that looks at every label takes as long as drawing.
_MARGINS = (0.185, 0.2, 0.985, 0.97)
_TICKS = 5
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
    "axes.axisbelow": True,
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


def ink(number: int) -> str:
    """The colour of the page's line number `number`, as matplotlib has to be told it."""
    return _LINE.format(_FIRST + number % COLOURS)


def palette() -> str:
    """The page's colours, light and dark, for a drawing that stands alone."""
    style = (files("sparring.report") / "page.css").read_text(encoding="utf-8")
    return style[: style.index("* {")]


def render(plot: "Callable[[Axes], None]", *, key: str) -> str:
    """What `plot` draws on the axes that it is given, as an SVG element to be put into a page.

    Args:
        plot: uses `ink` and `BAND` as its only colours.
        key: a word that no other drawing of the page has; identifiers begin with it.
    """
    from matplotlib import rc_context, rcdefaults, rcParams
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context():
        # A matplotlibrc of the user's must not change the page.
        rcdefaults()
        rcParams.update({**_SETTINGS, "svg.hashsalt": key})
        left, bottom, right, top = _MARGINS
        figure = Figure(figsize=_SIZE)
        FigureCanvasSVG(figure)
        axes = figure.add_axes((left, bottom, right - left, top - bottom))
        axes.locator_params(nbins=_TICKS)
        plot(axes)
        data = io.StringIO()
        figure.savefig(data, format="svg", metadata={"Date": None})
    return _for_page(data.getvalue(), key)


def _for_page(svg: str, key: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)
    svg = re.sub(r'(\sid=")|(href="#)|(url\(#)', lambda match: f"{match[0]}{key}-", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    svg = svg.replace(_INK, "var(--muted)").replace(_GRID, "var(--grid)").replace(BAND, "var(--band)")
    for number in range(COLOURS):
        svg = svg.replace(ink(number), f"var(--c{number})")
    return svg.replace("<svg", '<svg role="img" focusable="false"', 1).strip()
