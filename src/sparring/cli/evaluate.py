"""`sparring evaluate`: how good a run's samples are, or a file of predictions is."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from sparring.errors import UsageError

if TYPE_CHECKING:
    from sparring.job.evaluation import Evaluation
    from sparring.job.predictions import Judged
    from sparring.job.run import Run
    from sparring.metrics.intervals import Measure
    from sparring.metrics.robust import Robustness

HELP = """All that can be measured of a run, each number beside what real pictures would get in its place.

$ sparring evaluate runs/latest             (the judge of its own data, or conv)
$ sparring evaluate runs/latest -n 2000 --seeds 5 --checkpoint both
$ sparring evaluate runs/latest --against photos/test --extractor inception
    --weights pt_inception-2015-12-05-6726825d.pth
$ sparring evaluate runs/latest --extractor my-network.onnx --json
$ sparring evaluate runs/a-classifier --robust
    (accuracy, F1, calibration and the confusion matrix of its test part)
$ sparring evaluate runs/a-detector --against bottle/
    (how well test/<defect>/ is told from test/good/, and where, by ground_truth/)
$ sparring evaluate predictions.npz --min-recall 0.95
    (of any classifier: arrays labels [N] and probabilities [N, K];
     or a .csv with columns label, p_<class>, ...)
"""

_FILES = (".npz", ".csv")
_WIDTH = 88
_OF_FILES = frozenset({"source", "min_recall", "min_precision", "json"})
_OF_AUTOENCODERS = frozenset(
    {"source", "against", "extractor", "count", "seeds", "checkpoint", "bound", "device", "json"}
)
_OF_DETECTORS = frozenset({"source", "against", "checkpoint", "device", "json"})
_OF_CLASSIFIERS = _OF_FILES | {"against", "checkpoint", "ten_crop", "robust", "device"}


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """All that can be measured of a run, or of a file of predictions, beside what it should be compared with."""

    source: Annotated[Positional[Path], arg(metavar="RUN|FILE")]
    """A run folder or runs/latest; or predictions in a .npz or .csv."""
    against: Annotated[str | None, arg(metavar="DATA", help_behavior_hint="(default: the run's own, unseen part)")] = (
        None
    )
    """Other real pictures to compare with: a folder, an archive, an array file or a name."""
    extractor: Annotated[
        str | None, arg(metavar="NAME|FILE.onnx", help_behavior_hint="(default: judge if it can be trusted, else conv)")
    ] = None
    """judge, conv, inception, dinov2, or an ONNX file of your own; only inception gives FID, KID and IS."""
    weights: Annotated[Path | None, arg(metavar="FILE", help_behavior_hint="")] = None
    """The weights of inception or dinov2; proved by their sha256."""
    sha256: Annotated[str | None, arg(metavar="DIGEST", help_behavior_hint="")] = None
    """Of weights that are not the published ones."""
    count: Annotated[int, arg(name="count", aliases=["-n"], metavar="COUNT")] = 10_000
    """Samples a seed; as many as there are reals where these are fewer."""
    seeds: Annotated[int, arg(metavar="COUNT")] = 3
    """How many sets of samples; the table has their mean and sd."""
    checkpoint: Literal["best", "last", "both"] = "best"
    """By what the run was judged by, the newest, or one table each."""
    cas: bool = False
    """Also train classifiers on samples and on reals, and test each on the other; slow."""
    robust: bool = False
    """Also how the extractor's classes stand up to shifted, turned, lit, blurred and partly covered reals."""
    ten_crop: bool = False
    """Of a classifier: average over ten views of each picture."""
    bound: Annotated[int | None, arg(metavar="COUNT", help_behavior_hint="(default: 100)")] = None
    """Of a variational autoencoder: samples of z for the importance-weighted bound of log p(x)."""
    min_recall: Annotated[float | None, arg(metavar="SHARE", help_behavior_hint="")] = None
    """Of two classes: choose the threshold that reaches this recall."""
    min_precision: Annotated[float | None, arg(metavar="SHARE", help_behavior_hint="")] = None
    """Of two classes: choose the threshold that reaches this precision."""
    device: Annotated[str, arg(metavar="NAME", help_behavior_hint="(default: the fastest)")] = "auto"
    """cpu, cuda, cuda:1 or mps."""
    json: bool = False
    """Print the result as JSON, and nothing else, on standard output."""

    def run(self) -> None:
        """Do it."""
        if self.source.suffix.lower() in _FILES and not self.source.is_dir():
            self._judge_file()
        else:
            self._evaluate_run()

    def _evaluate_run(self) -> None:
        from sparring.job.opened import task_of

        judges = {
            "classify": self._judge_classifier,
            "rebuild": self._judge_autoencoder,
            "anomaly": self._judge_detector,
        }
        judges.get(task_of(self.source), self._judge_generator)()

    def _judge_generator(self) -> None:
        if self.bound is not None:
            raise UsageError("--bound is for variational autoencoders; this run is none.")
        if self.min_recall is not None or self.min_precision is not None or self.ten_crop:
            raise UsageError("--min-recall, --min-precision and --ten-crop are for classifiers; this run is none.")
        from sparring.cli.terminal import Terminal
        from sparring.job.evaluate import evaluate
        from sparring.metrics.kept import silent

        with Terminal(quiet=self.json) as terminal:
            found = evaluate(
                self.source,
                against=self.against,
                extractor=self.extractor,
                weights=self.weights,
                sha256=self.sha256,
                count=self.count,
                seeds=self.seeds,
                checkpoint=self.checkpoint,
                cas=self.cas,
                robust=self.robust,
                device=self.device,
                on_progress=terminal.listeners().data or silent,
            )
        if self.json:
            print(json.dumps(found.to_json(), indent=2))
            return
        for evaluation in found.evaluations:
            _show(evaluation)
        print(f"next: sparring report {self.source}\n{found.written}")

    def _judge_classifier(self) -> None:
        self._refuse_beside(_OF_CLASSIFIERS, f"for runs that make samples; {self.source} is a classifier")
        from sparring.cli.terminal import Terminal
        from sparring.job.evaluate_classifier import evaluate_classifier
        from sparring.metrics.kept import silent

        with Terminal(quiet=self.json) as terminal:
            found = evaluate_classifier(
                self._run_of("a classifier"),
                against=self.against,
                min_recall=self.min_recall,
                min_precision=self.min_precision,
                ten_crop=self.ten_crop,
                robust=self.robust,
                on_progress=terminal.listeners().data or silent,
            )
        if self.json:
            print(json.dumps(found.to_json(), indent=2))
            return
        print("\n".join(found.conditions))
        _show_judged(found.judged)
        if found.robustness is not None:
            _show_robustness("its", found.robustness)
        print(f"next: sparring report {self.source}\n{found.written}")

    def _judge_autoencoder(self) -> None:
        self._refuse_beside(_OF_AUTOENCODERS, f"not for autoencoders; {self.source} is one")
        from sparring.cli.terminal import Terminal
        from sparring.job.evaluate_rebuilding import BOUND, evaluate_rebuilding
        from sparring.metrics.kept import silent

        with Terminal(quiet=self.json) as terminal:
            found = evaluate_rebuilding(
                self._run_of("an autoencoder"),
                against=self.against,
                count=self.count,
                seeds=self.seeds,
                bound=BOUND if self.bound is None else self.bound,
                extractor=self.extractor,
                on_progress=terminal.listeners().data or silent,
            )
        if self.json:
            print(json.dumps(found.to_json(), indent=2))
            return
        print("\n".join(found.conditions))
        print_measures(found.rows)
        for evaluation in () if found.samples is None else found.samples.evaluations:
            _show(evaluation)
        print(f"next: sparring report {self.source}\n{found.written}")

    def _judge_detector(self) -> None:
        self._refuse_beside(_OF_DETECTORS, f"not for detectors; {self.source} is one")
        from sparring.cli.terminal import Terminal
        from sparring.job.evaluate_anomaly import evaluate_anomaly
        from sparring.metrics.kept import silent

        with Terminal(quiet=self.json) as terminal:
            found = evaluate_anomaly(
                self._run_of("a detector"),
                against=self.against,
                on_progress=terminal.listeners().data or silent,
            )
        if self.json:
            print(json.dumps(found.to_json(), indent=2))
            return
        print("\n".join(found.conditions))
        print_measures(found.rows)
        print(f"next: sparring report {self.source}\n{found.written}")

    def _run_of(self, kind: str) -> "Run":
        if self.checkpoint == "both":
            raise UsageError(f"--checkpoint both: of {kind} give best or last.")
        from sparring.job.run import Run

        return Run(self.source, device=self.device, checkpoint=self.checkpoint)

    def _refuse_beside(self, known: frozenset[str], why: str) -> None:
        given = [name for name, field in self.__dataclass_fields__.items() if getattr(self, name) != field.default]
        extra = [name for name in given if name not in known]
        if extra:
            raise UsageError(f"--{extra[0].replace('_', '-')} is {why}.")

    def _judge_file(self) -> None:
        self._refuse_beside(_OF_FILES, f"for runs; {self.source} is a file of predictions")
        from sparring.job.predictions import evaluate_predictions

        found = evaluate_predictions(self.source, min_recall=self.min_recall, min_precision=self.min_precision)
        if self.json:
            print(json.dumps(found.to_json(), indent=2))
        else:
            _show_predictions(found)


def _show(found: "Evaluation") -> None:
    """The conditions, and under them the table they hold for."""
    print("\n".join(found.conditions))
    spoilt = {
        "floor": [row.floor for row in found.rows],
        "blurred": [row.blurred for row in found.rows],
        "no class": [row.class_dropped for row in found.rows],
        "doubled": [row.duplicated for row in found.rows],
    }
    columns = {
        "measure": [row.measure for row in found.rows],
        "value": [_number(row.value) for row in found.rows],
        "sd": [_number(row.sd, 3) for row in found.rows],
        **{head: [_number(value) for value in values] for head, values in spoilt.items() if _any_known(values)},
        "better": [row.better for row in found.rows],
    }
    print_table(list(columns), list(zip(*columns.values(), strict=True)))
    print("floor: real pictures in the place of samples; beside it the same ones blurred, without their commonest")
    print("class, and half of them twice. What each measure is: evaluation.json, or --json")
    if found.robustness is not None:
        _show_robustness(f"{found.extractor}'s", found.robustness)


def _show_robustness(extractor: str, found: "Robustness") -> None:
    print(f"accuracy of {extractor} classes on {found.count:,} pictures it never saw, changed (seed {found.seed})")
    for kind, unit in dict.fromkeys((row.kind, row.unit) for row in found.rows):
        told = [f"{row.strength:.3g}: {100 * row.accuracy:.1f} %" for row in found.rows if row.kind == kind]
        print(f"  {kind} ({unit})  {',  '.join(told)}")


def _any_known(values: Sequence[float | None]) -> bool:
    return any(value is not None for value in values)


def _show_predictions(found: "Judged") -> None:
    print(
        f"{found.source}: {found.count:,} examples, part {found.part}, {len(found.classes)} classes, seed {found.seed}"
    )
    _show_judged(found)
    for note in found.notes:
        print(f"note: {note}")


def _show_judged(found: "Judged") -> None:
    for title, rows in (("", found.rows), ("threshold", found.threshold_rows), ("by class", found.class_rows)):
        if rows:
            print(title) if title else None
            print_measures(rows)
    if found.matrix is not None and len(found.classes) <= 12:
        print("confusion matrix: rows are labels, columns predictions")
        rows_ = zip(found.classes, found.matrix, strict=True)
        print_table(["", *found.classes], [[name, *map(str, counts)] for name, counts in rows_])


def print_measures(rows: "Sequence[Measure]") -> None:
    """A table of measures with their intervals."""
    print_table(["measure", "value", "95 % interval", "N", "note"], [_told(row) for row in rows])


def _told(row: "Measure") -> list[str]:
    interval = "" if row.low is None or row.high is None else f"{_number(row.low)} to {_number(row.high)}"
    return [row.name, _number(row.value), interval, f"{row.count:,}", row.note]


def _number(value: float | None, figures: int = 4) -> str:
    return "" if value is None else f"{value:.{figures}g}"


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table whose first column and notes are words, all others figures."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for number, head in enumerate(heads):
        words = number == 0 or head in ("better", "note")
        table.add_column(head, justify="left" if words else "right", no_wrap=head != "note")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)
    # A narrower terminal wraps lines by itself; a table cut there would lose figures.
    console.width = max(console.width, _WIDTH)
    console.print(table)
