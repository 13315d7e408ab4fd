"""`sparring predict`: which class each of your pictures or rows is of."""

import csv
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

if TYPE_CHECKING:
    from sparring.job.predict import Answers

HELP = """Which class each picture of a folder or row of a table is of, by a run that classifies: CSV or JSON.

$ sparring predict runs/latest photos/new/
$ sparring predict runs/latest cat.jpg --top 3
$ sparring predict runs/latest photos/new/ --out answers.csv
$ sparring predict runs/a-cvae photos/new/ --strange 0.01
    (by Bayes' rule: P(y|x) of P(x|y) P(y), and log p(x), which tells strangers)
$ sparring predict runs/latest new.csv      (of a run on rows: a table with the same columns)
"""


@dataclass(frozen=True, kw_only=True)
class Predict:
    """Which class each picture of a folder or row of a table is of, by a run that classifies: CSV or JSON."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """A run folder, or runs/latest; one that classifies, whose discriminator does, or a `cvae`."""
    source: Annotated[Positional[Path], arg(metavar="PICTURES|TABLE")]
    """A folder, with whatever folders are in it, one picture, or a table."""
    top: Annotated[int, arg(metavar="COUNT")] = 1
    """So many classes of each, likeliest first."""
    ten_crop: bool = False
    """Average over ten views of each picture: slower, and a little better."""
    strange: Annotated[float | None, arg(metavar="SHARE", help_behavior_hint="")] = None
    """Of a run that goes by Bayes' rule: `none of these` where log p(x) is below what this share of held-out examples
    has."""
    out: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="(default: standard output)")] = None
    """Write to this file; .json gives JSON."""
    checkpoint: Literal["best", "last"] = "best"
    """By what the run was judged by, or the newest."""
    device: Annotated[str, arg(metavar="NAME", help_behavior_hint="(default: the fastest)")] = "auto"
    """cpu, cuda, cuda:1 or mps."""
    json: bool = False
    """JSON instead of CSV."""

    def run(self) -> None:
        """Do it."""
        from sparring.job.predict import predict
        from sparring.job.run import Run

        run = Run(self.run_folder, device=self.device, checkpoint=self.checkpoint)
        answers = predict(run, self.source, top=self.top, ten_crop=self.ten_crop, strange=self.strange)
        for note in run.checkpoint.notes:
            print(f"note: {note}", file=sys.stderr)
        for lost in answers.skipped:
            print(f"skipped: {lost.name}: {lost.reason}", file=sys.stderr)
        as_json = self.json or (self.out is not None and self.out.suffix.lower() == ".json")
        text = json.dumps(answers.to_json(), indent=2) + "\n" if as_json else table(answers)
        if self.out is None:
            sys.stdout.write(text)
            return
        from sparring.runfolder import machine_errors, replace_file

        path = self.out.absolute()
        with machine_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, text.encode())
        print(path)


def table(answers: "Answers") -> str:
    """A line an example: its file or number, then classes and probabilities, likeliest first."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    shown = len(answers.rows[0].classes)
    names = [(f"class_{n}", f"probability_{n}") for n in range(2, shown + 1)]
    weighed = ["log_p", "tail"] if answers.rows[0].log_p is not None else []
    rows.writerow([answers.each, "class", "probability", *(name for pair in names for name in pair), *weighed])
    for row in answers.rows:
        pairs = zip(row.classes, row.probabilities, strict=True)
        cells = [cell for name, share in pairs for cell in (name, f"{share:.6f}")]
        more = [f"{row.log_p:.3f}", f"{row.tail:.4f}"] if weighed else []
        rows.writerow([row.example, *cells, *more])
    return written.getvalue()
