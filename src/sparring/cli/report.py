"""`sparring report`: the page of a run, built again."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

HELP = """The page of a run: pictures, curves with their floors, hints; one file that needs no network.

$ sparring report runs/latest               (also while it trains)
$ sparring report runs/digits-gan-001 --json
"""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Build report.html of a run again and print where it is; it opens by a double click, and needs no network."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """A run folder, or runs/latest; finished, training, or copied from another machine."""
    json: bool = False
    """Print the place as JSON."""

    def run(self) -> None:
        """Do it."""
        from sparring.report import build_report
        from sparring.runfolder import RunFolder

        folder = RunFolder.open(self.run_folder)
        page = build_report(folder)
        print(json.dumps({"run": str(folder.path), "report": str(page)}) if self.json else page)
