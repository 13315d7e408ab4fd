"""Points of a plane for people: what D thinks of every place, where G is pushed, and the sheet that G lays into it; or
which class a classifier gives to every place.

Blue is real, orange is made. Arrays in, pictures out, as in `pictures`; the same arrays give the same picture.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from sparring.pictures import save_png
from sparring.runfolder import machine_errors, replace_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Points = npt.NDArray[np.floating[Any]]
PANEL = 480  # points of a side
_TOP = 36
_DPI = 100
_REAL, _MADE, _INK, _PALE = "#1f4e8c", "#d1560f", "#3a3a3a", "#b9b9b9"
_SURFACE = ("#f3b183", "#fbe3d0", "#fdfcfa", "#d3e1f1", "#8fb3dc")
_LEVELS = 24
_ARROW = 0.09  # of a side, at most
_NAMED = 10  # classes whose names are written
_FRAME_MS, _LAST_MS = 90, 2_500
_SHOWN = 0.75  # of a frame's size, in the animation, so that a page with it can be mailed


@dataclass(frozen=True, kw_only=True)
class Window:
    """The square that is shown: its middle [2] and half of its side, the same in all frames of a run."""

    middle: tuple[float, float]
    half: float

    @classmethod
    def around(cls, points: Points) -> "Window":
        """The square around points [N, 2], with a margin."""
        low, high = points.min(0), points.max(0)
        x, y = (0.5 * (low + high)).tolist()
        return cls(middle=(x, y), half=0.65 * float((high - low).max()) or 1.0)

    def lattice(self, side: int) -> Points:
        """Places float64 [side * side, 2], row by row from below, x first."""
        line = np.linspace(-self.half, self.half, side)
        found: Points = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2) + np.array(self.middle)
        return found

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top."""
        (x, y), half = self.middle, self.half
        return x - half, x + half, y - half, y + half


@dataclass(frozen=True, kw_only=True)
class Regions:
    """What a classifier says of a plane.

    Args:
        title: what, and when.
        likely: probabilities of the classes at the window's lattice, [S, S, K].
        points, labels: examples [N, 2] and their classes int64 [N]; what it says of them is shown where it is wrong.
        said: the class that each is given, int64 [N].
        classes: their names.
    """

    title: str
    likely: Points
    points: Points
    labels: npt.NDArray[np.int64]
    said: npt.NDArray[np.int64]
    classes: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The game at one moment.

    Args:
        title: what, and when.
        reals, fakes: [N, 2] and [M, 2].
        surface: D's view of the window's lattice, [S, S], 0 fake to 1 real.
        surface_is: in words.
        starts, pushes: some fakes, [A, 2], and where the generator's loss pushes each, [A, 2].
        curves: images of lines of z, each [P, 2].
        curves_are: in words.
    """

    title: str
    reals: Points
    fakes: Points
    surface: Points
    surface_is: str
    starts: Points
    pushes: Points
    curves: Sequence[Points]
    curves_are: str


def frame(moment: Moment, window: Window) -> Image.Image:
    """Left D's surface with reals, fakes and pushes; right the generator's sheet. RGB."""
    figure, (left, right) = _figure(2, window)
    _draw_surface(left, moment, window)
    _scatter(left, moment.reals, _REAL)
    _scatter(left, moment.fakes, _MADE)
    _draw_pushes(left, moment, window)
    _draw_curves(right, moment)
    _write(left, moment.title, "left", weight="bold")
    _write(left, moment.surface_is, "right", color="#6b6b6b")
    _write(right, moment.curves_are, "right", color="#6b6b6b")
    return _rendered(figure)


def scatter(sets: Sequence[tuple[str, Points]], window: Window, reals: Points | None = None) -> Image.Image:
    """A panel for each named set of points [N, 2], beside each other, the reals behind in blue. RGB."""
    figure, panels = _figure(len(sets), window)
    for axes, (name, points) in zip(panels, sets, strict=True):
        if reals is not None:
            _scatter(axes, reals, _REAL)
        _scatter(axes, points, _MADE)
        _write(axes, name, "left", weight="bold")
    return _rendered(figure)


def class_regions(panels: Sequence[Regions], window: Window) -> Image.Image:
    """A panel for each: places in the colour of the likeliest class, paler where it is less sure; examples in the
    colour of their own class, crossed where they are taken for another. RGB."""
    figure, drawn = _figure(len(panels), window)
    for axes, shown in zip(drawn, panels, strict=True):
        colours = _class_colours(shown.likely.shape[2])
        best = shown.likely.argmax(2)
        chance = 1 / shown.likely.shape[2]
        sure = ((shown.likely.max(2) - chance) / (1 - chance)).clip(0, 1)[..., None]
        surface = 1 - 0.45 * sure * (1 - colours[best])
        axes.imshow(surface, origin="lower", extent=window.extent, interpolation="nearest", aspect="equal", zorder=0)
        wrong = shown.said != shown.labels
        for of, marker, size in ((~wrong, "o", 11), (wrong, "X", 42)):
            at, inks = shown.points[of], colours[shown.labels[of]]
            axes.scatter(
                at[:, 0], at[:, 1], s=size, c=inks, marker=marker, zorder=2, edgecolors="white", linewidths=0.6
            )
        _name_classes(axes, shown.classes, colours)
        _write(axes, shown.title, "left", weight="bold")
    return _rendered(figure)


def _class_colours(count: int) -> Points:
    """RGB in [0, 1], [K, 3]: blue and orange first; after ten they come again."""
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    ten = [to_rgb(_REAL), to_rgb(_MADE), *(colormaps["tab10"](place)[:3] for place in (2, 3, 4, 5, 6, 7, 8, 9))]
    found: Points = np.array([ten[place % len(ten)] for place in range(count)])
    return found


def _name_classes(axes: "Axes", classes: Sequence[str], colours: Points) -> None:
    """The names of the first few in their colours, in the plane's right corner, the last one lowest."""
    for place, name in enumerate(reversed(classes[:_NAMED])):
        colour = tuple(colours[min(len(classes), _NAMED) - 1 - place])
        text = f"\u25cf {name[:24]}"
        y = 0.015 + 0.032 * place
        axes.text(0.985, y, text, transform=axes.transAxes, ha="right", va="bottom", fontsize=8, color=colour, zorder=4)


def picture_of_reals(title: str, reals: Points, window: Window) -> Image.Image:
    """Reals [N, 2] alone. RGB."""
    figure, (axes,) = _figure(1, window)
    _scatter(axes, reals, _REAL)
    _write(axes, title, "left", weight="bold")
    return _rendered(figure)


def save_points(points: Points, folder: Path, provenance: Mapping[str, str | int | float]) -> list[Path]:
    """Write points [N, 2] as points.png, which says where it came from, and points.csv.

    Returns:
        Both files.

    Raises:
        MachineError: the disk refused.
    """
    places = [folder / "points.png", folder / "points.csv"]
    with machine_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    title = f"{len(points):,} points of {provenance['run']}"
    save_png(scatter([(title, points)], Window.around(points)), places[0], provenance)
    lines = ["x,y", *(f"{x:.9g},{y:.9g}" for x, y in points.tolist())]
    with machine_errors(places[1]):
        replace_file(places[1], ("\n".join(lines) + "\n").encode())
    return places


def animate(frames: Sequence[Path], path: Path) -> None:
    """Frames of equal size, in their order, as a WebP that moves; it rests at the last.

    Raises:
        MachineError: the disk refused.
    """
    images = []
    for name in frames:
        with Image.open(name, formats=["PNG"]) as image:
            size = (round(_SHOWN * image.width), round(_SHOWN * image.height))
            images.append(image.convert("RGB").resize(size, Image.Resampling.LANCZOS))
    durations = [_FRAME_MS] * (len(images) - 1) + [_LAST_MS]
    data = io.BytesIO()
    first, *others = images
    first.save(
        data, format="WEBP", save_all=True, append_images=others, duration=durations, loop=0, quality=60, method=4
    )
    with machine_errors(path):
        replace_file(path, data.getvalue())


def _figure(panels: int, window: Window) -> "tuple[Any, list[Axes]]":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height = PANEL + _TOP
    figure = Figure(figsize=(panels * PANEL / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    drawn = []
    for number in range(panels):
        gap = 6 / (panels * PANEL)
        axes = figure.add_axes((number / panels + gap, 6 / height, 1 / panels - 2 * gap, (PANEL - 12) / height))
        left, right, bottom, top = window.extent
        axes.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[], aspect="equal")
        for spine in axes.spines.values():
            spine.set(color="#d7d7d7", linewidth=0.8)
        drawn.append(axes)
    return figure, drawn


def _scatter(axes: "Axes", points: Points, colour: str) -> None:
    axes.scatter(points[:, 0], points[:, 1], s=5, c=colour, alpha=0.45, linewidths=0, zorder=2)


def _draw_surface(axes: "Axes", moment: Moment, window: Window) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("surface", list(_SURFACE), N=_LEVELS)
    axes.imshow(
        moment.surface,
        origin="lower",
        extent=window.extent,
        cmap=colours,
        vmin=0,
        vmax=1,
        interpolation="bilinear",
        aspect="equal",
        zorder=0,
    )
    if moment.surface.min() < 0.5 < moment.surface.max():
        line = np.linspace(-window.half, window.half, len(moment.surface))
        x, y = line + window.middle[0], line + window.middle[1]
        axes.contour(x, y, moment.surface, levels=[0.5], colors=[_INK], linewidths=0.9, alpha=0.6, zorder=1)


def _draw_pushes(axes: "Axes", moment: Moment, window: Window) -> None:
    pushes = moment.pushes.astype(np.float64)
    lengths = np.linalg.norm(pushes, axis=1)
    longest = float(np.quantile(lengths, 0.9)) if len(lengths) else 0.0
    if longest <= 0:
        return
    # Shortened where they are far longer than most, or a few would hide everything.
    shown = pushes * (np.minimum(1, longest / np.maximum(lengths, 1e-300)) / longest)[:, None]
    shown = shown * (_ARROW * 2 * window.half)
    axes.quiver(
        *moment.starts.T,
        *shown.T,
        angles="xy",
        scale_units="xy",
        scale=1,
        width=0.004,
        headwidth=4,
        headlength=4.5,
        headaxislength=4,
        color=_INK,
        alpha=0.85,
        zorder=3,
    )
    axes.text(
        0.985,
        0.015,
        f"longest push {longest:.1e}",
        transform=axes.transAxes,
        ha="right",
        va="bottom",
        fontsize=7,
        color="#6b6b6b",
    )


def _draw_curves(axes: "Axes", moment: Moment) -> None:
    from matplotlib.collections import LineCollection

    _scatter(axes, moment.reals, _REAL)
    lines = LineCollection(list(moment.curves), colors=_MADE, linewidths=0.5, alpha=0.55, zorder=3)
    axes.add_collection(lines)


def _write(axes: "Axes", text: str, side: str, *, weight: str = "normal", color: str = _INK) -> None:
    x = 0.0 if side == "left" else 1.0
    size = 9.5 if side == "left" else 8
    axes.text(
        x, 1.02, text, transform=axes.transAxes, ha=side, va="bottom", fontsize=size, fontweight=weight, color=color
    )


def _rendered(figure: Any) -> Image.Image:
    figure.canvas.draw()
    return Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy())
