"""`sparring compare`: several runs beside each other."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

if TYPE_CHECKING:
    from sparring.job.compare import Comparison, Measured

HELP = """Runs beside each other: same noise, same axes, what differs in their recipes, and a table of measures.

$ sparring compare runs/digits-gan-001 runs/digits-gan-002
$ sparring compare runs/a runs/b runs/c --seed 3 --out runs/abc
$ sparring compare runs/a runs/b --checkpoint last --json
"""


@dataclass(frozen=True, kw_only=True)
class Compare:
    """Runs beside each other: same noise, same axes, what differs in their recipes, and a table of measures."""

    runs: Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN RUN ...")]
    """Run folders, 2 to 8; they may still be training."""
    out: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: the next runs/compare-NNN)")] = None
    """Folder for compare.html, compare.png and compare.json; absent or empty."""
    seed: Annotated[int, arg(metavar="NUMBER")] = 0
    """Every generator starts from the noise of this seed, in its own dimension."""
    checkpoint: Literal["best", "last"] = "best"
    """Whose pictures are shown: the one the run was judged best by, or the newest."""
    device: Annotated[str, arg(metavar="NAME", help_behavior_hint="(default: the fastest)")] = "auto"
    """cpu, cuda, cuda:1 or mps."""
    json: bool = False
    """Print the comparison as JSON."""

    def run(self) -> None:
        """Do it."""
        from sparring.job.compare import compare

        found = compare(self.runs, out=self.out, seed=self.seed, checkpoint=self.checkpoint, device=self.device)
        if self.json:
            print(json.dumps(found.to_json(), indent=2))
            return
        _show(found)
        print(found.written[0])


def _show(found: "Comparison") -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    for note in found.notes:
        console.print(f"note: {note}")
    differences = {name: [_text(value) for value in values] for name, values in found.differences.items()}
    console.print(_table("setting", found.runs, differences) if differences else "The recipes are alike.")
    if found.measures:
        measures = {name: [found.better[name], *map(_measured, values)] for name, values in found.measures.items()}
        console.print(_table("measure", ["better", *found.runs], measures))


def _table(first: str, runs: Any, rows: dict[str, list[str]]) -> Any:
    from rich.table import Table

    table = Table(first, *runs, box=None, pad_edge=False)
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table


def _measured(value: "Measured") -> str:
    if value.last is None or value.best is None:
        return "–"
    floor = "" if value.floor is None else f"; floor {value.floor:.4g}"
    return f"{value.last:.4g} (best {value.best:.4g} at {value.best_kimg:g} kimg{floor})"


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
