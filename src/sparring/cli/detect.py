"""`sparring detect`: what in your pictures is not as in those that a run was trained on."""

import csv
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

if TYPE_CHECKING:
    from sparring.job.detect import Findings

HELP = """What in pictures is not as in those that a run was trained on: scores, heat maps, and which are alarms.

$ sparring train normal/ --task anomaly
$ sparring detect runs/latest new-pictures/
$ sparring detect runs/latest new-pictures/ --false-alarms 0.001 --out found/
$ sparring detect runs/latest new-pictures/ --defects known-faults/
$ sparring detect runs/latest bottle/       (laid out as MVTec AD: test/good, test/<defect>, ground_truth/)
$ sparring detect runs/an-autoencoder new-pictures/      (by what it can't rebuild)
"""

TABLE = "scores.csv"


@dataclass(frozen=True, kw_only=True)
class Detect:
    """What in pictures is not as in those that a run was trained on: scores, heat maps, and which are alarms."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """A run folder, or runs/latest; with --task anomaly, or an autoencoder."""
    source: Annotated[Positional[Path], arg(metavar="PICTURES")]
    """A folder, with whatever folders are in it, or one picture."""
    false_alarms: Annotated[float, arg(metavar="SHARE")] = 0.01
    """Of normal pictures, above the threshold; it is found by held-out normal ones."""
    defects: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="")] = None
    """Pictures that are known to be faulty: choose the threshold by these instead."""
    by: Annotated[
        Literal["either", "memory", "blemishes", "error"] | None,
        arg(help_behavior_hint="(default: memory; of an autoencoder error)"),
    ] = None
    """memory: unlike all that is remembered of normal pictures; blemishes: what it was trained to see; either: the
    stronger of both; error: what can't be rebuilt."""
    out: Annotated[
        Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: in the run's folder, detector/found-...)")
    ] = None
    """Folder for scores.csv and the heat maps."""
    checkpoint: Literal["best", "last"] = "best"
    """By what the run was judged by, or the newest."""
    device: Annotated[str, arg(metavar="NAME", help_behavior_hint="(default: the fastest)")] = "auto"
    """cpu, cuda, cuda:1 or mps."""
    json: bool = False
    """Print the result as JSON, and nothing else, on standard output."""

    def run(self) -> None:
        """Do it."""
        from sparring.job.detect import detect
        from sparring.job.finder import FOLDER
        from sparring.job.run import Run
        from sparring.runfolder import machine_errors, replace_file
        from sparring.runfolder.names import fit_name

        run = Run(self.run_folder, device=self.device, checkpoint=self.checkpoint)
        name = f"found-at-{run.checkpoint.images / 1000:g}-kimg-in-{self.source.resolve().name}"
        out = (self.out or run.path / FOLDER / fit_name(name)).absolute()
        found = detect(run, self.source, out=out, by=self.by, false_alarms=self.false_alarms, defects=self.defects)
        for note in [*run.checkpoint.notes, *found.notes]:
            print(f"note: {note}", file=sys.stderr)
        for lost in found.skipped:
            print(f"skipped: {lost.name}: {lost.reason}", file=sys.stderr)
        with machine_errors(out):
            replace_file(out / TABLE, table(found).encode())
        if self.json:
            print(json.dumps({**found.to_json(), "out": str(out)}, indent=2))
            return
        self._tell(found)
        print(out / TABLE)

    def _tell(self, found: "Findings") -> None:
        from sparring.cli.evaluate import print_measures

        above = sum(row.above for row in found.rows)
        print(f"{found.run}, by {found.by}: {found.cut.told}")
        print(f"{above:,} of {len(found.rows):,} pictures are above it")
        for row in sorted(found.rows, key=lambda row: -row.score)[:10]:
            print(f"  {'ABOVE' if row.above else '     '}  {row.score:.4g}  {row.file}")
        if found.measures:
            print_measures(found.measures)


def table(found: "Findings") -> str:
    """A line a picture, in the order of their names."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    known = ["kind"] if any(row.kind is not None for row in found.rows) else []
    rows.writerow(["file", "score", "above", "as_high", *known, "picture"])
    for row in found.rows:
        kind = [row.kind] if known else []
        rows.writerow([row.file, f"{row.score:.6g}", int(row.above), f"{row.as_high:.6g}", *kind, row.picture])
    return written.getvalue()
