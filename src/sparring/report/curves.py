"""A panel's curves: each line with its floor, and behind it the band of the reference runs."""

import math
from typing import TYPE_CHECKING

from sparring.report import svg
from sparring.report.groups import Panel, Points
from sparring.report.reference import Band

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOGARITHMIC = 20.0
"""From this ratio of largest to smallest on, a distance is drawn on a logarithmic axis: its end matters most. So are
gradients by layer, which vanish and explode by powers of ten."""
_WIDE = ("distance", "root mean square")


def draw(panel: Panel, *, key: str, band: Band = ()) -> str:
    """One panel as an SVG element to be put into a page.

    Args:
        panel: at least one line with a finite value.
        key: a word that no other drawing of the page has; identifiers begin with it.
        band: (kimg, low, high) of reference runs.
    """

    def plot(axes: "Axes") -> None:
        for index, line in enumerate(panel.lines):
            _plot_line(axes, line.floor, index, dashed=True)
            _plot_line(axes, line.points, index, dashed=False)
        shown = shown_band(panel, band)
        if shown:
            kimg, low, high = zip(*shown, strict=True)
            axes.fill_between(kimg, low, high, color=svg.BAND, linewidth=0, zorder=1)
        _set_axes(axes, panel, logarithmic=_is_wide(panel, shown))

    return svg.render(plot, key=key)


def shown_band(panel: Panel, band: Band) -> Band:
    """As much of the band as lies within the panel's own kimg."""
    end = max((kimg for line in panel.lines for kimg, _ in line.points if math.isfinite(kimg)), default=0.0)
    return [point for point in band if point[0] <= end]


def _plot_line(axes: "Axes", points: Points, index: int, *, dashed: bool) -> None:
    # A gap where a value is not finite; the renderer can't place infinities.
    x = [kimg for kimg, _ in points]
    y = [value if math.isfinite(value) else math.nan for _, value in points]
    style = (0, (4, 3)) if dashed else "-"
    marker = "o" if len(x) == 1 else ""
    width = 1.2 if dashed else 1.6
    axes.plot(x, y, color=svg.ink(index), linestyle=style, marker=marker, ms=4, linewidth=width, zorder=3)


def _is_wide(panel: Panel, band: Band) -> bool:
    points = [point for line in panel.lines for point in (*line.points, *line.floor)]
    values = [value for _, value in points if math.isfinite(value)]
    values += [value for _, low, high in band for value in (low, high)]
    return panel.unit in _WIDE and min(values) > 0 and max(values) / min(values) > _LOGARITHMIC


def _set_axes(axes: "Axes", panel: Panel, *, logarithmic: bool) -> None:
    from matplotlib.ticker import FuncFormatter

    unit = f"{panel.unit} (log axis)" if logarithmic else panel.unit
    axes.set_xlabel("training examples seen (kimg)")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda kimg, _: f"{kimg:g}"))
    axes.set_ylabel(unit)
    axes.margins(x=0.01)
    if logarithmic:
        _set_logarithmic(axes)
        return
    if panel.bottom is not None and panel.top is not None:
        axes.set_ylim(panel.bottom - 0.03, panel.top + 0.03)
    elif panel.bottom is not None:
        axes.set_ylim(bottom=panel.bottom)


def _set_logarithmic(axes: "Axes") -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
