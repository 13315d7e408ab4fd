"""Which columns of metrics.csv belong on one drawing, and under which heading, told by their names."""

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sparring.runfolder.tables import Cell

Points = Sequence[tuple[float, float]]
_AXES = {"kimg", "images"}
_FLOOR = "_floor"
_LEARNING_RATE = re.compile(r"(^|[_/.])(lr|learning_rate)($|[_/.])")
_SHARE = re.compile(r"(^|[_/.])(acc|accuracy|auc|precision|recall|coverage|f1|share|rate|right)($|[_/.])")
_DISTANCES = ("fd_", "mmd_", "FID", "KID")

SECTIONS = (
    "Distances to the reals",
    "Like the reals",
    "Classes",
    "The players",
    "Learning",
    "Other measures",
    "Rebuilding",
)


Better = Literal["lower", "higher", "floor", ""]
BETTER: Mapping[Better, str] = {
    "lower": "lower is better",
    "higher": "higher is better",
    "floor": "best where its floor is",
    "": "",
}
"""Which way is better, in words."""


class Kind(NamedTuple):
    """How a column is drawn: under which heading, in which unit, what is better, and from where to where."""

    section: str
    unit: str
    better: Better = ""
    bottom: float | None = None
    top: float | None = None
    group: str | None = None


_DISTANCE = Kind(SECTIONS[0], "distance", "lower")
_KNOWN = {
    "precision": Kind(SECTIONS[1], "share", "higher", 0, 1),
    "recall": Kind(SECTIONS[1], "share", "higher", 0, 1),
    "coverage": Kind(SECTIONS[1], "share", "higher", 0, 1),
    "density": Kind(SECTIONS[1], "ratio", "higher", 0),
    "diversity": Kind(SECTIONS[1], "ratio", "floor", 0),
    "duplicates": Kind(SECTIONS[1], "share", "lower", 0),
    "copies": Kind(SECTIONS[1], "share", "lower", 0),
    "modes": Kind(SECTIONS[1], "modes", "higher", 0),
    "quality": Kind(SECTIONS[1], "share", "higher", 0, 1),
    "class_kl": Kind(SECTIONS[2], "nats", "lower", 0),
    "class_least": Kind(SECTIONS[2], "ratio", "higher", 0),
    "class_agreement": Kind(SECTIONS[2], "share", "higher", 0, 1),
    "l1": Kind(SECTIONS[0], "mean difference", "lower", 0),
    "overfit": Kind(SECTIONS[3], "ratio", "lower"),
    "validation_accuracy": Kind(SECTIONS[2], "share", "higher", 0, 1, "Accuracy"),
    "train_accuracy": Kind(SECTIONS[2], "share", "higher", 0, 1, "Accuracy"),
    "validation_f1": Kind(SECTIONS[2], "share", "higher", 0, 1),
    "validation_error": Kind(SECTIONS[2], "share", "lower", 0),
    "train_loss": Kind(SECTIONS[2], "nats", "lower", 0, None, "Cross-entropy"),
    "validation_loss": Kind(SECTIONS[2], "nats", "lower", 0, None, "Cross-entropy"),
    "signal": Kind(SECTIONS[3], "length of gradient", "", 0),
    "validation_objective": Kind(SECTIONS[6], "objective", "lower", None, None, "Objective"),
    "train_objective": Kind(SECTIONS[6], "objective", "lower", None, None, "Objective"),
    "validation_mse": Kind(SECTIONS[6], "squared error", "lower", 0),
    "validation_elbo": Kind(SECTIONS[6], "nats", "higher"),
    "validation_nll": Kind(SECTIONS[6], "nats", "lower"),
    "validation_kl": Kind(SECTIONS[6], "nats", "", 0),
    "validation_bits": Kind(SECTIONS[6], "bits per dimension", "lower"),
    "validation_active": Kind(SECTIONS[6], "dimensions", "", 0),
    "validation_perplexity": Kind(SECTIONS[6], "vectors", "higher", 0),
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One column: its points (kimg, value) without empty cells, and those of its floor."""

    name: str
    points: Points
    floor: Points = ()

    @property
    def last(self) -> float | None:
        """The newest finite value; None where there is none."""
        return _last(self.points)

    @property
    def last_floor(self) -> float | None:
        """The newest finite value of the floor; None where there is none."""
        return _last(self.floor)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The lines that share one drawing; `bottom` and `top` of the axis are None where the lines decide."""

    title: str
    section: str
    unit: str
    better: Better
    lines: tuple[Line, ...]
    bottom: float | None = None
    top: float | None = None


def lines_of(rows: Sequence[Mapping[str, Cell]]) -> dict[str, Line]:
    """Every column of numbers with at least one finite value, against kimg; a floor goes with what it is the floor of.

    A floor whose own measure was never taken stands for itself.
    """
    points = {name: found for name in (rows[0] if rows else ()) if name not in _AXES and (found := _points(rows, name))}
    drawn = {name: found for name, found in points.items() if _last(found) is not None}
    floors = {name for name in drawn if name.endswith(_FLOOR) and name.removesuffix(_FLOOR) in drawn}
    return {
        name: Line(name=name, points=found, floor=drawn.get(name + _FLOOR, ()))
        for name, found in drawn.items()
        if name not in floors
    }


def panels(rows: Sequence[Mapping[str, Cell]]) -> list[Panel]:
    """The drawings of a table in the order of `SECTIONS`: measures one each, losses, shares and norms together."""
    grouped: dict[tuple[Kind, str], list[Line]] = {}
    for name, line in lines_of(rows).items():
        kind = _kind(line)
        if not _is_setting(kind, line) or _moves(line):
            grouped.setdefault((kind, kind.group or name), []).append(line)
    found = [_panel(title, kind, lines) for (kind, title), lines in grouped.items()]
    return sorted(found, key=lambda panel: (SECTIONS.index(panel.section), _rank(panel)))


def beside(tables: Mapping[str, Sequence[Mapping[str, Cell]]]) -> list[Panel]:
    """One drawing for each measure of which it is known what is better, with a line for each run.

    Args:
        tables: the rows of each run, by its name; a line without points stands for a run that lacks the measure.
    """
    runs = {run: lines_of(rows) for run, rows in tables.items()}
    found = []
    for name in dict.fromkeys(name for lines in runs.values() for name in lines):
        known = [(run, lines.get(name, Line(name=name, points=()))) for run, lines in runs.items()]
        kind = _kind(next(line for _, line in known if line.points))
        if kind.better:
            found.append(_panel(name, kind, [dataclasses.replace(line, name=run) for run, line in known]))
    return sorted(found, key=lambda panel: SECTIONS.index(panel.section))


def _panel(title: str, kind: Kind, lines: Iterable[Line]) -> Panel:
    return Panel(
        title=title,
        section=kind.section,
        unit=kind.unit,
        better=kind.better,
        lines=tuple(lines),
        bottom=kind.bottom,
        top=kind.top,
    )


def _rank(panel: Panel) -> int:
    return next((number for number, title in enumerate(_TOGETHER) if title == panel.title), len(_TOGETHER))


_TOGETHER = (
    "Losses",
    "Accuracies and shares",
    "Gradient norms",
    "Learning rates",
    "Gradients by layer",
    "Spreads of activations",
)


def _kind(line: Line) -> Kind:
    name = line.name
    own = _KNOWN.get(name.removesuffix(_FLOOR))
    if own is not None:
        return own
    if name.startswith(_DISTANCES):
        return _DISTANCE
    return _guessed(name.lower(), line)


def _guessed(name: str, line: Line) -> Kind:
    """The kind of a column that is not known by its own name."""
    section = SECTIONS[3] if name.startswith(("discriminator", "generator", "d_", "g_")) else SECTIONS[4]
    if _LEARNING_RATE.search(name):
        return Kind(SECTIONS[4], "step size", "", None, None, _TOGETHER[3])
    if _SHARE.search(name) and _in_unit_range(line):
        return Kind(section, "share", "", 0, 1, _TOGETHER[1])
    if "loss" in name or "adversarial" in name:
        return Kind(section, "loss", "", None, None, _TOGETHER[0])
    if name.startswith("activation_"):
        return Kind(section, "standard deviation", "", 0, None, _TOGETHER[5])
    if name.startswith("grad_norm_"):
        # Of single weights, not of all together: on one axis with the whole gradient they would be a line at 0.
        return Kind(section, "root mean square", "", 0, None, _TOGETHER[4])
    if "grad_norm" in name:
        return Kind(section, "length of gradient", "", 0, None, _TOGETHER[2])
    if name.endswith("_skipped"):
        return Kind(section, "steps")
    return Kind(section, "loss term") if section == SECTIONS[3] else Kind(SECTIONS[5], "value")


def _is_setting(kind: Kind, line: Line) -> bool:
    return kind.group == _TOGETHER[3] or kind.unit in ("value", "steps", "loss term")


def _moves(line: Line) -> bool:
    # A setting that stays as it was says nothing as a drawing; the table of measurements has it.
    return len(line.points) == 1 or len({value for _, value in line.points if math.isfinite(value)}) > 1


def _in_unit_range(line: Line) -> bool:
    return all(0 <= value <= 1 for _, value in line.points if math.isfinite(value))


def _points(rows: Sequence[Mapping[str, Cell]], name: str) -> Points:
    return [(_kimg(row), float(value)) for row in rows if isinstance(value := row[name], int | float)]


def _last(points: Points) -> float | None:
    return next((value for _, value in reversed(points) if math.isfinite(value)), None)


def _kimg(row: Mapping[str, Cell]) -> float:
    for name, unit in (("kimg", 1.0), ("images", 1000.0)):
        value = row.get(name)
        if isinstance(value, int | float):
            return value / unit
    return math.nan
