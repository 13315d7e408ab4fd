"""The grey band behind a user's curves: the lowest and highest value of several runs that differ in their seed alone.

    python -m benchmarks.reference_curves runs/digits-gan-001 runs/digits-gan-002 runs/digits-gan-003

Writes src/sparring/recipes/reference/<recipe>-<data>.json: for each measure with a floor, at every kimg at which all
runs measured it, the minimum and maximum over the runs. The runs must be alike but for their seed.
"""

import argparse
import json
import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sparring
from sparring.report.reference import SHAPE
from sparring.runfolder import RunFolder
from sparring.runfolder.tables import Cell

PLACE = Path(sparring.__file__).parent / "recipes" / "reference"
FIGURES = 5
_FLOOR = "_floor"
_OWN = ("seed", "reasons")
Rows = Sequence[Mapping[str, Cell]]


def curves(folders: Sequence[RunFolder]) -> dict[str, Any]:
    """What a file of reference curves holds.

    Raises:
        SystemExit: the runs differ in more than their seed.
    """
    recipes = [folder.read_json("recipe.json") for folder in folders]
    data = [folder.read_json("data.json") for folder in folders]
    plain = [{name: value for name, value in recipe.items() if name not in _OWN} for recipe in recipes]
    if (
        len(folders) < 2
        or any(recipe != plain[0] for recipe in plain)
        or any(d["parts"] != data[0]["parts"] for d in data)
    ):
        raise SystemExit("expected two runs or more that differ in nothing but --seed")
    tables = [folder.rows() for folder in folders]
    moments = common(tables)
    return {
        "recipe": recipes[0]["name"],
        "data": data[0]["name"],
        "spec": {name: data[0]["spec"][name] for name in SHAPE},
        "kimg": moments,
        "columns": {name: band(name, tables, moments) for name in measures(tables[0])},
        "runs": len(folders),
        "command": command(folders[0], [recipe["seed"] for recipe in recipes]),
    }


def command(folder: RunFolder, seeds: Sequence[int]) -> str:
    """What the runs began with: their seeds together, paths cut to their names."""
    words = shlex.split(folder.read_text("command.txt"))
    for option in ("--seed", "--out"):
        if option in words:
            at = words.index(option)
            del words[at : at + 2]
    short = [Path(word).name if Path(word).is_absolute() else word for word in words]
    return f"{shlex.join(short)} --seed {'|'.join(map(str, seeds))}"


def measures(rows: Rows) -> list[str]:
    """The columns that have a floor: those are of samples, and mean the same in every run on the same data."""
    names = list(rows[0]) if rows else []
    return [name for name in names if name + _FLOOR in names]


def common(tables: Sequence[Rows]) -> list[float]:
    """Every kimg at which all runs took measures."""
    taken = [{_kimg(row) for row in rows if any(row[name] is not None for name in measures(rows))} for rows in tables]
    return sorted(set.intersection(*taken))


def band(name: str, tables: Sequence[Rows], moments: Sequence[float]) -> dict[str, list[float | None]]:
    """The lowest and the highest value of one measure at each moment; None where a run has no finite one."""
    found = [{_kimg(row): row[name] for row in rows} for rows in tables]
    values = [[table[kimg] for table in found] for kimg in moments]
    return {"low": [_of(min, row) for row in values], "high": [_of(max, row) for row in values]}


def _of(pick: Any, values: Sequence[Cell]) -> float | None:
    known = [value for value in values if isinstance(value, int | float) and math.isfinite(value)]
    return float(f"{pick(known):.{FIGURES}g}") if len(known) == len(values) else None


def _kimg(row: Mapping[str, Cell]) -> float:
    kimg = row["kimg"]
    assert isinstance(kimg, int | float)
    return float(kimg)


def main() -> None:
    """Read the runs, write the file, print its path."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--place", type=Path, default=PLACE)
    options = parser.parse_args()
    found = curves([RunFolder.open(run) for run in options.runs])
    options.place.mkdir(parents=True, exist_ok=True)
    path = options.place / f"{found['recipe']}-{found['data']}.json"
    path.write_text(json.dumps(found) + "\n", encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
