"""Several runs beside each other: pictures of the same noise, what differs in their recipes, and what they measured."""

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sparring.errors import UsageError
from sparring.job.compare_sheet import Sheet, sheet_of
from sparring.job.options import check_number
from sparring.job.records import read_hashes, read_spec
from sparring.job.run import Run
from sparring.pictures import save_png
from sparring.report.comparison import comparison_page
from sparring.report.groups import Better, Line, Panel, beside
from sparring.runfolder import RunFolder, machine_errors, replace_file
from sparring.runfolder.places import make_given, make_numbered

MOST = 8
PICTURE, PAGE, RECORD = "compare.png", "compare.html", "compare.json"
_UNTOLD = ("reasons", "format")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One measure of one run; None where it was not taken.

    Args:
        best: at its best moment: lowest, highest or nearest to its floor, whichever is better for it.
        floor: the last value of its floor.
    """

    last: float | None
    best: float | None
    best_kimg: float | None
    floor: float | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Runs beside each other; every sequence has one value for each run, in the order they were given.

    Args:
        runs: their names.
        kimg: of the checkpoints whose pictures are shown.
        differences: by dotted name in the recipe; None where a recipe has no such entry.
        measures: by name; none where the runs learned from different data.
        better: "lower", "higher" or "floor" (best where its floor is), by measure.
        notes: what can't be compared, and why.
        seed: of the pictures.
        written: the files, the page first.
    """

    runs: Sequence[str]
    paths: Sequence[Path]
    checkpoint: str
    kimg: Sequence[float]
    differences: Mapping[str, Sequence[Any]]
    measures: Mapping[str, Sequence[Measured]]
    better: Mapping[str, Better]
    notes: Sequence[str]
    seed: int
    written: Sequence[Path] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, texts and numbers."""
        found = dataclasses.asdict(self)
        return {**found, "paths": list(map(str, self.paths)), "written": list(map(str, self.written))}


def compare(
    paths: Sequence[str | Path],
    *,
    out: str | Path | None = None,
    seed: int = 0,
    checkpoint: Literal["best", "last"] = "best",
    device: str | None = None,
) -> Comparison:
    """Compare runs and write compare.html, compare.png and compare.json.

    Args:
        paths: 2 to 8 run folders; nothing in them is changed.
        out: the folder for the files, absent or empty; None: the next free `runs/compare-NNN`.
        seed: each generator starts from the noise of this seed, in its own dimension; labels are alike.

    Raises:
        UsageError: too few or too many runs, one of them twice, one that is none, or a folder that is not empty.
    """
    check_number("seed", seed)
    runs = [Run(path, device=device, checkpoint=checkpoint) for path in paths]
    _check(runs)
    names = _names(runs)
    folders = {name: RunFolder.open(run.path) for name, run in zip(names, runs, strict=True)}
    notes = _different_data(folders)
    drawn = [] if notes else beside({name: folder.rows() for name, folder in folders.items()})
    found = Comparison(
        runs=names,
        paths=[run.path for run in runs],
        checkpoint=checkpoint,
        kimg=[run.checkpoint.images / 1000 for run in runs],
        differences=_differences([run.recipe.to_json() for run in runs]),
        measures={panel.title: [_measured(line, panel.better) for line in panel.lines] for panel in drawn},
        better={panel.title: panel.better for panel in drawn},
        notes=notes or _different_meanings(folders, [panel.title for panel in drawn]),
        seed=seed,
    )
    return _write(found, sheet_of(runs, names, seed), drawn, None if out is None else Path(out))


def _check(runs: Sequence[Run]) -> None:
    if not 2 <= len(runs) <= MOST:
        raise UsageError(f"{len(runs)} runs to compare: expected 2 to {MOST}, as in `sparring compare RUN RUN`.")
    places = [run.path.resolve() for run in runs]
    for number, run in enumerate(runs):
        if places[number] in places[:number]:
            raise UsageError(f"{run.path}: given twice. Leave one out.")


def _names(runs: Sequence[Run]) -> list[str]:
    """The names of the folders, with the folder above where two are alike, or else their numbers."""
    for depth in (1, 2):
        names = ["/".join(run.path.parts[-depth:]) for run in runs]
        if len(set(names)) == len(names):
            return names
    return [f"{number}: {run.path.name}" for number, run in enumerate(runs, start=1)]


def _different_data(folders: Mapping[str, RunFolder]) -> list[str]:
    """A sentence where distances are to different reals: then no measure of one run says anything beside another's."""
    held = [read_hashes(folder).get("validation") for folder in folders.values()]
    shapes = [read_spec(folder).form for folder in folders.values()]
    if len(set(held)) == 1 and len(set(shapes)) == 1:
        return []
    told = ", ".join(
        f"{name}: {folder.read_json('data.json').get('name')} at {shape}"
        for (name, folder), shape in zip(folders.items(), shapes, strict=True)
    )
    return [
        f"The runs learned from different data ({told}). Their distances are to different reals and are not "
        "comparable; only pictures and recipes are shown. `sparring evaluate RUN --against DATA` measures each "
        "against the same."
    ]


def _different_meanings(folders: Mapping[str, RunFolder], names: Sequence[str]) -> list[str]:
    """A sentence for each measure that was not taken alike, such as with another number of samples."""
    meanings = {name: folder.meanings() for name, folder in folders.items()}
    found = []
    for name in names:
        told = {run: known[name] for run, known in meanings.items() if name in known}
        if len(set(told.values())) > 1:
            listed = "; ".join(f"{run}: {meaning}" for run, meaning in told.items())
            found.append(f"{name} was not measured alike and is not comparable ({listed}).")
    return found


def _differences(recipes: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    flat = [dict(_flat(recipe)) for recipe in recipes]
    names = dict.fromkeys(name for entries in flat for name in entries)
    values = {name: [entries.get(name) for entries in flat] for name in names}
    return {name: row for name, row in values.items() if any(value != row[0] for value in row)}


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Entries by dotted name. A penalty goes by its name, so that one more does not shift the others."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in _UNTOLD:
                yield from _flat(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple) and value and all(isinstance(item, Mapping) for item in value):
        for item in value:
            yield from _flat({**item, "name": True}, f"{name}.{item.get('name')}")
    else:
        yield name, list(value) if isinstance(value, tuple) else value


def _measured(line: Line, better: Better) -> Measured:
    floor = line.last_floor
    points = [(value, kimg) for kimg, value in line.points if math.isfinite(value)]

    def badness(point: tuple[float, float]) -> float:
        if better == "floor":
            return math.inf if floor is None else abs(point[0] - floor)
        return point[0] if better == "lower" else -point[0]

    best, best_kimg = min(points, default=(None, None), key=badness)
    return Measured(last=line.last, best=best, best_kimg=best_kimg, floor=floor)


def _write(found: Comparison, sheet: Sheet, drawn: Sequence[Panel], out: Path | None) -> Comparison:
    with machine_errors(out or Path("runs")):
        place = (make_given(out) if out is not None else make_numbered(Path("runs"), "compare")).absolute()
    names = (PAGE, RECORD) if sheet.image is None else (PAGE, PICTURE, RECORD)
    written = [place / name for name in names]
    found = dataclasses.replace(found, written=written)
    if sheet.image is not None:
        save_png(sheet.image, place / PICTURE, {"runs": ", ".join(found.runs), "seed": found.seed})
    picture = None if sheet.image is None else (place / PICTURE).read_bytes()
    page = comparison_page(found.to_json(), picture, drawn, told=sheet.told)
    with machine_errors(place):
        replace_file(place / PAGE, page.encode())
        replace_file(place / RECORD, (json.dumps(found.to_json(), indent=2, ensure_ascii=False) + "\n").encode())
    return found
