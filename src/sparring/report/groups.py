"""Which columns of metrics.csv belong on one drawing, told by their names."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sparring.runfolder.tables import Cell

Points = list[tuple[float, float]]
_AXES = {"kimg", "images"}
_FLOOR = "_floor"
_LEARNING_RATE = re.compile(r"(^|[_/.])(lr|learning_rate)($|[_/.])")
_SHARE = re.compile(r"(^|[_/.])(acc|accuracy|auc|precision|recall|coverage|f1|share|rate)($|[_/.])")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One column: its points (kimg, value) without empty cells, and whether it is the floor of another."""

    name: str
    points: Points
    floor: bool = False

    @property
    def last(self) -> float | None:
        """The newest finite value; None where there is none."""
        return next((value for _, value in reversed(self.points) if math.isfinite(value)), None)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The lines that share one drawing."""

    title: str
    lines: tuple[Line, ...]
    unit_range: bool = False


def lines_of(rows: Sequence[Mapping[str, Cell]]) -> dict[str, Line]:
    """Every column of numbers with at least one finite value, against kimg."""
    names = [name for name in (rows[0] if rows else ()) if name not in _AXES]
    drawn = {}
    for name in names:
        points = [(_kimg(row), float(value)) for row in rows if isinstance(value := row[name], int | float)]
        line = Line(name=name, points=points, floor=name.endswith(_FLOOR))
        if line.last is not None:
            drawn[name] = line
    return drawn


def panels(rows: Sequence[Mapping[str, Cell]]) -> list[Panel]:
    """The drawings of a table: distances each with its floor, losses together, shares together, the rest one each."""
    lines = lines_of(rows)
    floors = {name for name in lines if name.endswith(_FLOOR) and name.removesuffix(_FLOOR) in lines}
    kinds: dict[str, list[Line]] = {}
    for name, line in lines.items():
        if name not in floors:
            kinds.setdefault(_kind(line), []).append(line)
    found = [_alone(line, lines) for line in kinds.get("distance", ())]
    found += _together("Losses", kinds.get("loss", ()), lines)
    found += _together("Accuracies and shares", kinds.get("share", ()), lines, unit_range=True)
    found += _together("Gradient norms", kinds.get("gradient", ()), lines)
    found += _together("Learning rates", _moving(kinds.get("lr", ())), lines)
    return found + [_alone(line, lines) for line in _moving(kinds.get("other", ()))]


def _kind(line: Line) -> str:
    name = line.name.lower()
    if name.startswith("fd_"):
        return "distance"
    if _LEARNING_RATE.search(name):
        return "lr"
    if _SHARE.search(name) and _in_unit_range(line):
        return "share"
    if "loss" in name or "adversarial" in name:
        return "loss"
    return "gradient" if "grad_norm" in name else "other"


def _together(title: str, lines: Sequence[Line], known: Mapping[str, Line], *, unit_range: bool = False) -> list[Panel]:
    if not lines:
        return []
    floors = [known[line.name + _FLOOR] for line in lines if line.name + _FLOOR in known]
    return [Panel(title=title, lines=(*lines, *floors), unit_range=unit_range)]


def _alone(line: Line, known: Mapping[str, Line]) -> Panel:
    return _together(line.name, [line], known)[0]


def _moving(lines: Sequence[Line]) -> list[Line]:
    # A setting that stays as it was says nothing as a drawing; the table of measurements has it.
    return [line for line in lines if len(line.points) == 1 or len(set(_finite(line))) > 1]


def _finite(line: Line) -> list[float]:
    return [value for _, value in line.points if math.isfinite(value)]


def _in_unit_range(line: Line) -> bool:
    return all(0 <= value <= 1 for value in _finite(line))


def _kimg(row: Mapping[str, Cell]) -> float:
    for name, unit in (("kimg", 1.0), ("images", 1000.0)):
        value = row.get(name)
        if isinstance(value, int | float):
            return value / unit
    return math.nan
