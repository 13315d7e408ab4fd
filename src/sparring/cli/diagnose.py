"""`sparring diagnose`: what a run's records say is wrong, with the evidence and one action each."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

if TYPE_CHECKING:
    from sparring.diagnose import Hint, Records, Telling

HELP = """Say in words what is wrong with a run, finished or still going on.

$ sparring diagnose runs/latest
$ sparring diagnose runs/latest --json

Exit code 0: nothing grave; 3: the generator collapsed; 4: numbers stopped being finite.
"""


@dataclass(frozen=True, kw_only=True)
class Diagnose:
    """Say in words what is wrong with a run, finished or still going on."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """A run's folder, or runs/latest."""
    json: bool = False
    """Print the hints as JSON, and nothing else, on standard output."""

    def run(self) -> None:
        """Do it, and end with the code of the gravest hint."""
        from sparring.diagnose import Records, diagnose, exit_code, history
        from sparring.runfolder import RunFolder

        records = Records.read(RunFolder.open(self.run_folder))
        hints = diagnose(records)
        earlier = over(history(records), hints)
        if self.json:
            print(_as_json(records, hints, earlier))
        else:
            print("\n".join(lines(records, hints, earlier)))
        if code := exit_code(hints):
            sys.stdout.flush()
            sys.exit(code)


def over(told: "list[Telling]", holding: "list[Hint]") -> "list[Telling]":
    """What was told as a warning or worse while the run went on and holds no more; each rule once, the last time."""
    now = {hint.rule for hint in holding}
    last = {
        telling.hint.rule: telling for telling in told if telling.what != "over" and telling.hint.severity != "info"
    }
    return [telling for rule, telling in last.items() if rule not in now]


def lines(records: "Records", hints: "list[Hint]", earlier: "list[Telling]") -> list[str]:
    """The hints as text, the gravest first."""
    head = f"{len(records.rows)} rows until {records.kimg:g} kimg"
    if not any(hint.severity != "info" for hint in hints):
        head += ": nothing wrong is seen"
    told = [
        f"{hint.severity}: {hint.rule} (since {hint.kimg:g} kimg): {hint.text}\n  do: {hint.advice}" for hint in hints
    ]
    gone = [f"over: {telling.hint.rule} (told at {telling.kimg:g} kimg): {telling.hint.text}" for telling in earlier]
    return [head, *told, *gone]


def _as_json(records: "Records", hints: "list[Hint]", earlier: "list[Telling]") -> str:
    return json.dumps(
        {
            "kimg": records.kimg,
            "hints": [hint.to_json() for hint in hints],
            "over": [{"told": telling.kimg, **telling.hint.to_json()} for telling in earlier],
        },
        indent=2,
    )
