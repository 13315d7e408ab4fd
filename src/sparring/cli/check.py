"""`sparring check`: what will be read and how, before any training."""

import json
import shlex
from dataclasses import dataclass
from typing import Annotated, Literal

from tyro.conf import Positional, arg

HELP = """Look at data without training: layout, classes, what is skipped and why, the size to be used.

$ sparring check photos/
$ sparring check photos.zip --size 64 --json
"""

_CHOSEN = "(default: chosen from the data)"


@dataclass(frozen=True, kw_only=True)
class Check:
    """Look at data without training: the layout, the classes, what is skipped and why, the size that would be used."""

    data: Annotated[Positional[str], arg(metavar="DATA")]
    """A folder, an archive, an array file, a table, tars as `x-{000..009}.tar`, an address of such, hf:OWNER/NAME, or a
    data set by name."""
    size: Annotated[int | None, arg(metavar="PIXELS", help_behavior_hint=_CHOSEN)] = None
    """Side of the pictures, 8 to 256."""
    fit: Literal["crop", "pad", "halves"] = "crop"
    """Cut the middle square out; keep the whole picture and pad it; or take halves: a pair, B right of A."""
    channels: Annotated[int | None, arg(metavar="COUNT", help_behavior_hint=_CHOSEN)] = None
    """1 (grey), 3 (colour) or 4 (with alpha)."""
    json: bool = False
    """Print the report as JSON."""

    def run(self) -> None:
        """Do it."""
        from sparring.cli.terminal import Terminal
        from sparring.data import describe, inspect_data

        with Terminal(quiet=self.json) as terminal:
            report = inspect_data(
                self.data, size=self.size, fit=self.fit, channels=self.channels, on_progress=terminal.listeners().data
            )
        if self.json:
            print(json.dumps(report.to_json(), indent=2))
            return
        print("\n".join(describe(report)))
        more = " --recipe pix2pix" if report.source_channels else ""
        more = " --task classify" if report.columns and report.parts["train"].classes else more
        print(f"next: sparring train {shlex.quote(self.data)}{more}")
