"""`sparring train`: a new run, a resumed one, or one like another."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from sparring.errors import UsageError

if TYPE_CHECKING:
    from sparring.cli.terminal import Terminal
    from sparring.job.options import TrainOptions

HELP = """Train a generator or a classifier on pictures, or go on with a run.

$ sparring train digits                     (no GPU, no download)
$ sparring train photos/ --minutes 20       (defaults chosen from the data)
$ sparring train photos/ --recipe dcgan --size 64 --batch 64
    --set generator.width=96 --seed 3 --out runs/mine
$ sparring train photos/ --task classify    (a class a folder; resnet20, or any `sparring list` shows)
$ sparring train table.csv --task classify  (rows of numbers; the class in a column `label`)
$ sparring train photos/ --task classify --folds 5
$ sparring train photos/ --task rebuild     (an autoencoder; --recipe vae for one that makes samples)
$ sparring train normal/ --task anomaly     (then sparring detect RUN others/)
$ sparring train photos/ --sweep gamma      (which strength of R1 suits these data? then train with it)
$ sparring train 'x-{000..099}.tar'         (WebDataset shards; also http(s) addresses, hf:OWNER/NAME)
$ sparring train photos/ --dry-run          (the whole plan, nothing written)
$ sparring train --resume runs/latest       (exactly where it stopped)
$ sparring train --resume runs/photos-gan-001 --kimg 800
$ sparring train --like runs/photos-gan-001 --seed 1
"""

_CHOSEN = "(default: chosen from the data)"
_WITH = {
    "resume": frozenset({"resume", "kimg", "minutes", "device", "profile", "json"}),
    "like": frozenset({"like", "out", "seed", "device", "profile", "json"}),
}


@dataclass(frozen=True, kw_only=True)
class Train:
    """Train a generator or a classifier on pictures, or go on with a run."""

    data: Annotated[Positional[str | None], arg(metavar="[DATA]", help_behavior_hint="")] = None
    """A folder, an archive, an array file, a table, tars as `x-{000..009}.tar`, an address of such, hf:OWNER/NAME, or a
    data set by name (`sparring list`)."""
    task: Annotated[
        Literal["generate", "classify", "rebuild", "anomaly"] | None,
        arg(help_behavior_hint="(default: the recipe's, else generate)"),
    ] = None
    """What it is to do: make pictures like these, say which class one is of, rebuild them from few numbers, or find
    what is not as they are."""
    recipe: Annotated[
        str | None,
        arg(
            metavar="NAME",
            help_behavior_hint="(default: gan; by the task resnet20, of rows mlp, autoencoder, or blemishes)",
        ),
    ] = None
    """What to train and how; `sparring list gan` shows every setting."""
    minutes: Annotated[float | None, arg(metavar="MINUTES", help_behavior_hint="")] = None
    """Train for about so long: turned into a budget of pictures once, after a short measurement."""
    kimg: Annotated[float | None, arg(metavar="THOUSANDS", help_behavior_hint="(default: the recipe's)")] = None
    """Train until so many thousands of pictures were seen."""
    size: Annotated[int | None, arg(metavar="PIXELS", help_behavior_hint=_CHOSEN)] = None
    """Side of the pictures, 8 to 256."""
    fit: Literal["crop", "pad", "halves"] = "crop"
    """Cut the middle square out; keep the whole picture and pad it; or take halves: a pair, B right of A."""
    channels: Annotated[int | None, arg(metavar="COUNT", help_behavior_hint=_CHOSEN)] = None
    """1 (grey), 3 (colour) or 4 (with alpha)."""
    batch: Annotated[int | None, arg(metavar="PICTURES", help_behavior_hint="(default: the recipe's)")] = None
    """Pictures of one update."""
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME=VALUE")] = ()
    """One setting of the recipe, as in generator.width=96; `sparring list gan` shows all of them."""
    seed: Annotated[int | None, arg(metavar="NUMBER", help_behavior_hint="(default: 0; with --like, that run's)")] = (
        None
    )
    """Of everything random."""
    out: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: runs/<data>-<recipe>-NNN)")] = None
    """The run's folder, absent or empty."""
    labels: Annotated[int | None, arg(metavar="COUNT", help_behavior_hint="(default: all)")] = None
    """Keep only so many training labels, balanced over the classes and drawn by the seed."""
    unconditional: bool = False
    """Do not use labels."""
    until_converged: bool = False
    """End before the budget is spent when the measures have stopped falling."""
    begin_with: Annotated[Path | None, arg(metavar="RUN", help_behavior_hint="")] = None
    """Begin with the weights of this run, wherever names and shapes agree, instead of random ones."""
    stream: bool = False
    """Read shards anew whenever their pictures are wanted: for what no disk holds. See docs/streaming.md."""
    folds: Annotated[int | None, arg(metavar="COUNT", help_behavior_hint="")] = None
    """Cross-validate a classifier: a run for each of so many folds, and the mean over them."""
    sweep: Annotated[str | None, arg(metavar="NAME", help_behavior_hint="")] = None
    """First try five values of this setting, as gamma (R1, R2) or generator.lr, for half of the budget each."""
    device: Annotated[
        str, arg(metavar="NAME", help_behavior_hint="(default: the fastest; with --resume, the run's)")
    ] = "auto"
    """cpu, cuda, cuda:1 or mps."""
    precision: Annotated[str, arg(metavar="NAME")] = "auto"
    """bf16, fp32 or fp64 (for checks); auto takes bf16 where the processor is fast at it."""
    profile: bool = False
    """Look where the time goes: profile.txt in the run's folder, and a trace of a few rounds."""
    dry_run: bool = False
    """Show the plan, write nothing."""
    resume: Annotated[Path | None, arg(metavar="RUN", help_behavior_hint="")] = None
    """Go on with this run; with --kimg or --minutes, beyond its end."""
    like: Annotated[Path | None, arg(metavar="RUN", help_behavior_hint="")] = None
    """Start again from this run's recipe and data."""
    json: bool = False
    """Print the result as JSON, and nothing else, on standard output."""

    def run(self) -> None:
        """Do it."""
        self._check_modes()
        from sparring.cli.terminal import Terminal

        with Terminal(quiet=self.json) as terminal:
            if self.folds is not None:
                self._refuse_profile("--folds")
                self._cross_validate(terminal, self.folds)
                return
            if self.dry_run:
                self._show_plan(terminal)
                return
            path = self._train(terminal)
        self._end(path)

    def _train(self, terminal: "Terminal") -> Path:
        from sparring.job import train as job

        listeners, profile = terminal.listeners(), self.profile
        device = None if self.device == "auto" else self.device
        if self.resume is not None:
            return job.resume(
                self.resume, kimg=self.kimg, minutes=self.minutes, device=device, listeners=listeners, profile=profile
            )
        if self.like is not None:
            return job.start_like(
                self.like, out=self.out, seed=self.seed, device=device, listeners=listeners, profile=profile
            )
        if self.sweep is not None:
            self._refuse_profile("--sweep")
            from sparring.job.sweep import start_swept

            return start_swept(self._options(), self.sweep, listeners)
        return job.start(self._options(), listeners, profile=profile)

    def _cross_validate(self, terminal: "Terminal", folds: int) -> None:
        from sparring.job.cross_validate import RECORD, cross_validate

        if self.dry_run or self.sweep is not None:
            raise UsageError("--folds does not go with --dry-run or --sweep. Leave one of them out.")
        place, spreads = cross_validate(self._options(), folds, terminal.listeners())
        if self.json:
            print((place / RECORD).read_text(encoding="utf-8"), end="")
            return
        for spread in spreads:
            values = ", ".join(f"{value:.4f}" for value in spread.values)
            print(f"{spread.measure:<10} {spread.mean:.4f} +- {spread.sd:.4f} over {folds} folds ({values})")
        print(place)

    def _options(self) -> "TrainOptions":
        from sparring.job.options import TrainOptions

        assert self.data is not None
        return TrainOptions(
            data=self.data,
            task=self.task,
            recipe=self.recipe,
            size=self.size,
            fit=self.fit,
            channels=self.channels,
            batch=self.batch,
            kimg=self.kimg,
            minutes=self.minutes,
            seed=self.seed or 0,
            out=self.out,
            settings=self.set,
            device=self.device,
            precision=self.precision,
            labels=self.labels,
            unconditional=self.unconditional,
            until_converged=self.until_converged,
            begin_with=self.begin_with,
            stream=self.stream,
        )

    def _check_modes(self) -> None:
        given = [name for name in ("data", "resume", "like") if getattr(self, name) is not None]
        if len(given) != 1:
            raise UsageError(
                "say what to train on: a folder or a name, as in `sparring train digits`; or --resume RUN; "
                "or --like RUN." + (f" Given at once: {', '.join(given)}." if given else "")
            )
        extra = [name for name in self._given() if name not in _WITH.get(given[0], {name})]
        if extra:
            raise UsageError(
                f"--{given[0]} takes the run's own recipe: --{extra[0].replace('_', '-')} does not go with it. "
                "Leave it out, or start a new run."
            )

    def _refuse_profile(self, option: str) -> None:
        if self.profile:
            raise UsageError(f"--profile looks into one run, and {option} makes several: leave one of them out.")

    def _given(self) -> list[str]:
        """Names of the options that differ from their defaults."""
        return [name for name, field in self.__dataclass_fields__.items() if getattr(self, name) != field.default]

    def _show_plan(self, terminal: "Terminal") -> None:
        from sparring.job.rehearse import rehearse

        plan, report = rehearse(self._options(), on_data=terminal.listeners().data)
        if self.json:
            print(json.dumps({**plan.to_json(), "data": report.to_json()}, indent=2))
        else:
            terminal.show_plan(plan, report)

    def _end(self, path: Path) -> None:
        from sparring.runfolder import RunFolder

        folder = RunFolder.open(path)
        if self.json:
            rows = folder.rows()
            print(json.dumps({"run": str(path), "report": str(path / "report.html"), "last": rows[-1]}, indent=2))
            return
        from sparring.report.told import told_of

        then = told_of(folder).then.format(run=path)
        print(f"report: {path / 'report.html'}\nnext: {then}")
        print(path)
