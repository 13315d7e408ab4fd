"""What a person sees while a job runs: a bar on a terminal, else a line a log point, or nothing."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sparring.errors import SparringError

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from sparring.data import Data, DataReport
    from sparring.engine.record import Event, Progress
    from sparring.job.plan import Plan
    from sparring.job.train import Listeners
    from sparring.metrics.base import Extractor


SHOWN = 3


class Terminal:
    """Draws a job's progress; use as a context, so that the bar is taken away whatever happens.

    Args:
        quiet: print nothing on standard output (`--json`).
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._path: Path | None = None
        self._bar: Bar | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._clear()
        # A run that ended before its end: its folder is the last line all the same.
        if isinstance(error, SparringError) and self._path is not None and not self._quiet:
            print(self._path, flush=True)

    def listeners(self) -> "Listeners":
        """The listeners to give to a job."""
        from sparring.job.train import Listeners

        return Listeners(
            data=self._data if self._live else None,
            plan=self._plan,
            folder=self._folder,
            progress=self._progress,
            judge=self._judge,
            hint=self._hint,
            note=self._note,
        )

    def show_plan(self, plan: "Plan", report: "DataReport") -> None:
        """Print a whole plan: data, recipe, reasons, sizes, memory and time."""
        from sparring.data import describe

        print("\n".join([*describe(report), *plan_lines(plan), "nothing was written (--dry-run)"]))

    def _plan(self, plan: "Plan", data: "Data") -> None:
        self._clear()
        for note in data_notes(data.report):
            self._note(note)
        if not self._quiet:
            print("\n".join([data_line(data), *plan_lines(plan)]), flush=True)

    def _folder(self, path: Path) -> None:
        self._clear()
        self._path = path
        if not self._quiet:
            print(path, flush=True)

    def _note(self, text: str) -> None:
        print(f"note: {text}", file=sys.stderr)

    def _judge(self, extractor: "Extractor", seconds: float) -> None:
        if not self._quiet:
            print(judge_line(extractor, seconds), flush=True)

    def _hint(self, event: "Event") -> None:
        text = f"{event.severity}: {event.values['rule']}: {event.text}"
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        elif event.severity != "info":
            print(text, file=sys.stderr, flush=True)
        elif not self._quiet:
            print(text, flush=True)

    def _data(self, text: str, done: int, total: int | None) -> None:
        bar = self._shown_bar()
        if text not in self._tasks:
            self._tasks[text] = bar.add_task(text, total=total, facts="")
        bar.update(self._tasks[text], completed=done, total=total)

    def _progress(self, progress: "Progress") -> None:
        facts = progress_facts(progress)
        if not self._live:
            if self._quiet:
                return
            print(f"{progress.kimg:g}/{progress.until_kimg:g} kimg  {facts}", flush=True)
            return
        bar = self._shown_bar()
        if "training" not in self._tasks:
            self._tasks["training"] = bar.add_task("training", total=progress.until_kimg, facts="")
        bar.update(
            self._tasks["training"],
            completed=progress.kimg,
            facts=f"{progress.kimg:g}/{progress.until_kimg:g} kimg  {facts}",
        )

    def _shown_bar(self) -> "Bar":
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.percentage:>3.0f}%"),
                TextColumn("{task.fields[facts]}"),
                console=Console(stderr=True),
            )
            self._bar.start()
        return self._bar

    def _clear(self) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._bar = None
        self._tasks = {}


def data_line(data: "Data") -> str:
    """How the data were understood, and how many pictures each part has."""
    counts = ", ".join(f"{len(part):,} {name}" for name, part in data.parts.items())
    return f"data: {data.report.layout}: {counts}"


def data_notes(report: "DataReport") -> list[str]:
    """What a user should know of the data before training: what is odd, and what was left out."""
    notes = [*report.notes]
    if report.skipped:
        shown = "; ".join(f"{skipped.name}: {skipped.reason}" for skipped in report.skipped[:SHOWN])
        more = "; ..." if len(report.skipped) > SHOWN else ""
        notes.append(f"{len(report.skipped):,} skipped ({shown}{more}); data.json in the run's folder names all")
    return notes


def plan_lines(plan: "Plan") -> list[str]:
    """The recipe with its reasons, sizes, and what was measured of memory and time."""
    recipe, spec = plan.recipe, plan.spec
    kind = f"conditional on {len(spec.classes)} classes" if spec.classes else "unconditional"
    kind = "pairs" if spec.source_channels else kind
    sizes = ", ".join(f"{name} {count:,}" for name, count in plan.parameters.items())
    lines = [
        f"recipe: {recipe.name}, {kind}, {spec.form}, batch {recipe.batch}, "
        f"{recipe.kimg:g} kimg ({1000 * recipe.kimg / plan.examples:.3g} epochs), "
        f"{plan.precision.name} on {plan.precision.device}",
        f"parameters: {sizes}",
    ]
    lines += [f"  {name} = {why}" for name, why in recipe.reasons.items()]
    if plan.seconds is not None:
        memory = "" if plan.memory is None else f"; memory {plan.memory / 2**20:,.0f} MiB"
        lines.append(f"measured: {plan.images_per_second:.0f} images/s, {clock(plan.seconds)} in all{memory}")
    return lines


def progress_facts(progress: "Progress") -> str:
    """Speed, time left, losses and accuracies, and how it was judged where it was."""
    row = progress.row
    words = [f"{progress.images_per_second:.0f} images/s", f"{clock(progress.seconds_left)} left"]
    told = next((facts for column, facts in _FACTS.items() if column in row), _gan_facts)
    return "  ".join([*words, *told(row)])


def _classifier_facts(row: Mapping[str, Any]) -> list[str]:
    words = [f"loss {_number(row['classifier_loss'])}", f"right {100 * row['classifier_right']:.1f} %"]
    if "validation_accuracy" in row:
        floor = 100 * row["validation_accuracy_floor"]
        words.append(f"held out: right {100 * row['validation_accuracy']:.2f} % (floor {floor:.1f} %)")
    return words


def _gan_facts(row: Mapping[str, Any]) -> list[str]:
    words = [
        f"D right {100 * row.get('discriminator_accuracy', float('nan')):.0f} %",
        f"loss D {_number(row.get('discriminator_adversarial'))} G {_number(row.get('generator_adversarial'))}",
    ]
    return words + _distance_facts(row)


def _distance_facts(row: Mapping[str, Any]) -> list[str]:
    words = []
    distance = next((name for name in row if name.startswith(("fd_", "FID")) and f"{name}_floor" in row), None)
    if distance is not None:
        words.append(f"{distance} {_number(row[distance])} (floor {_number(row[distance + '_floor'])})")
        words.append(f"coverage {_number(row.get('coverage'))} ({_number(row.get('coverage_floor'))})")
    return words


def _autoencoder_facts(row: Mapping[str, Any]) -> list[str]:
    words = [f"rebuilt {_number(row['autoencoder_reconstruction'])}"]
    if "autoencoder_kl" in row:
        words.append(f"kl {_number(row['autoencoder_kl'])}")
    if "validation_mse" in row:
        error, floor = _number(row["validation_mse"]), _number(row["validation_mse_floor"])
        words.append(f"held out: squared error {error} (floor {floor})")
    return words + _distance_facts(row)


def _boltzmann_facts(row: Mapping[str, Any]) -> list[str]:
    words = [f"data over chains {_number(row['autoencoder_divergence'])} nats"]
    if "validation_pseudo_likelihood" in row:
        words.append(f"held out: pseudo-likelihood {_number(row['validation_pseudo_likelihood'])}")
    return words + _distance_facts(row)


def _detector_facts(row: Mapping[str, Any]) -> list[str]:
    words = [f"loss {_number(row['detector_loss'])}", f"blemishes seen {100 * row['detector_found']:.0f} %"]
    if "validation_point_auc" in row:
        words.append(f"held out: AUC {row['validation_point_auc']:.4f} (floor 0.5)")
    return words


_FACTS: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "classifier_loss": _classifier_facts,
    "autoencoder_reconstruction": _autoencoder_facts,
    "autoencoder_divergence": _boltzmann_facts,
    "detector_found": _detector_facts,
}
"""By a column that only rows of such a game have."""


def judge_line(extractor: "Extractor", seconds: float) -> str:
    """What the samples are measured with, and how good it is."""
    from sparring.metrics.judge import Judge

    if not isinstance(extractor, Judge):
        return f"judged by: {extractor.name}, features that need no labels"
    record = extractor.record
    fitted = f", fitted in {seconds:.1f} s (once for these data)" if seconds >= 1 else ""
    return (
        f"judged by: a classifier that is right on {100 * record.accuracy:.1f} % of {record.held:,} held-out "
        f"pictures{fitted}"
    )


def clock(seconds: float) -> str:
    """Seconds as people read them.

    >>> clock(75), clock(3700)
    ('1:15', '1:01:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.3g}"
