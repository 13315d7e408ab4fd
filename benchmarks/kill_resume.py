"""Is a run that was killed again and again, and resumed each time, the same to the byte as one that was never stopped?

    python -m benchmarks.kill_resume --kills 20

One uninterrupted run of a small job on the digits, then the same job killed with SIGKILL again and again, by turns

- at a moment drawn uniformly from the length of its life, which meets its start, its packing and its report as well;
- at a moment drawn uniformly from what is left of its training;
- as such, but then as soon as a checkpoint is just being written.

It goes on with `sparring train --resume`, or is begun anew where it was killed before its first checkpoint; when it
ends before all kills are spent, it is compared and begun once more. Compared are weights, averages, optimizer states,
counters, metrics.csv, events.jsonl, every picture and the report, but for the time that judging took. The exit code is
1 where a byte differs.
"""

import argparse
import itertools
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.record import write

LONGEST_LIFE = 600.0
RUN = "runs/digits"
_ROW = "{:<8}{:<11}{:>8}{:>7}{:>11}{:>9}{:>10}  {}"
COST = re.compile(rb'<p class="cost">.*?</p>')
_TRACES = (".saving-", ".replaced-", ".removing-")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One job: a recipe in a precision on the digits.

    Args:
        extra: further options, such as settings that make the networks small.
    """

    recipe: str
    precision: str
    kimg: float
    extra: tuple[str, ...] = ()

    def command(self) -> list[str]:
        """Begins the run in `RUN` below the working folder."""
        options = ["--recipe", self.recipe, "--precision", self.precision, "--kimg", str(self.kimg), "--device", "cpu"]
        return [*_sparring(), "digits", *options, *self.extra, "--out", RUN]


@dataclass(kw_only=True)
class Outcome:
    """What became of one case.

    Args:
        seconds: life of the uninterrupted run.
        kills: how many were made.
        inside_a_save: of them, how many left a half-written checkpoint.
        before_the_first: of them, how many came before there was a checkpoint.
        resumed: how often `--resume` went on.
        finished: how many runs came to their end and were compared.
        different: files that differ, of any of these runs.
    """

    recipe: str
    precision: str
    seconds: float
    kills: int = 0
    inside_a_save: int = 0
    before_the_first: int = 0
    resumed: int = 0
    finished: int = 0
    different: tuple[str, ...] = ()


def trial(case: Case, *, kills: int, seed: int, scratch: Path) -> Outcome:
    """Kill and resume one job until `kills` were made and the last run has ended.

    Args:
        seed: draws the moments.
        scratch: an empty folder.
    """
    whole, torn = scratch / "whole", scratch / "torn"
    whole.mkdir()
    torn.mkdir()
    started = time.perf_counter()
    _live(case.command(), whole, None)
    outcome = Outcome(recipe=case.recipe, precision=case.precision, seconds=round(time.perf_counter() - started, 2))
    dice = random.Random(f"{seed} {case}")
    while outcome.kills < kills:
        _one_run(case, torn, outcome, kills=kills, dice=dice)
        outcome.finished += 1
        outcome.different += tuple(differences(whole / RUN, torn / RUN))
        shutil.rmtree(torn / RUN)
    return outcome


def differences(one: Path, other: Path) -> Iterator[str]:
    """Names of the files of two runs that differ in a byte, or that only one of them has.

    Of the checkpoints only the last is compared: which earlier ones are kept depends on the clock.
    """
    files, others = _files(one), _files(other)
    for name in sorted(files.keys() | others.keys()):
        if name not in files or name not in others or _content(files[name]) != _content(others[name]):
            yield name


def _content(path: Path) -> bytes:
    """The bytes of a file; of a report without the sentence on the time that judging took."""
    data = path.read_bytes()
    return COST.sub(b"", data) if path.name == "report.html" else data


def _files(run: Path) -> dict[str, Path]:
    checkpoints = run / "checkpoints"
    kept = {max(entry for entry in checkpoints.iterdir() if entry.name.isdecimal())}
    found = {}
    for path in run.rglob("*"):
        inside = checkpoints in path.parents
        if path.is_file() and path.name not in (".lock", "timing.json") and (not inside or kept & set(path.parents)):
            found[path.relative_to(run).as_posix()] = path
    return found


def _one_run(case: Case, place: Path, outcome: Outcome, *, kills: int, dice: random.Random) -> None:
    run = place / RUN
    command = case.command()
    while outcome.kills < kills:
        if _live(command, place, _moment(outcome, run, dice)):
            return
        outcome.kills += 1
        outcome.inside_a_save += _half_saved(run)
        if _has_checkpoint(run):
            outcome.resumed += 1
            command = [*_sparring(), "--resume", RUN]
        else:
            outcome.before_the_first += 1
            shutil.rmtree(run, ignore_errors=True)
            command = case.command()
    _live(command, place, None)


def _moment(outcome: Outcome, run: Path, dice: random.Random) -> "Moment":
    """The next moment to kill at, by turns of three kinds."""
    kind, share = outcome.kills % 3, dice.random()
    if kind == 0:
        return Moment(seconds=share * outcome.seconds)
    return Moment(share=share, saving=run / "checkpoints" if kind == 2 else None, delay=dice.uniform(0, 0.02))


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When to kill a process: after `seconds`; or at a `share` of its training, then perhaps in its next save.

    Args:
        saving: the folder whose checkpoints are watched.
        delay: seconds to wait then.
    """

    seconds: float | None = None
    share: float = 0.0
    saving: Path | None = None
    delay: float = 0.0

    def wait(self, process: "subprocess.Popen[bytes]", said: Path) -> None:
        """Return when it has come, or when the process has ended."""
        if self.seconds is not None:
            _until(process, lambda: False, seconds=self.seconds)
            return
        first: list[float] = []

        def trained_enough() -> bool:
            now, end = _progress(said)
            first.extend([now] if end and not first else [])
            return bool(first) and now >= first[0] + self.share * (end - first[0])

        _until(process, trained_enough)
        if self.saving is not None:
            _until(process, lambda: any(self.saving.glob(".saving-*")) if self.saving else False)
        _until(process, lambda: False, seconds=self.delay)


def _until(process: "subprocess.Popen[bytes]", due: Callable[[], bool], *, seconds: float = LONGEST_LIFE) -> None:
    started = time.perf_counter()
    while process.poll() is None and not due() and time.perf_counter() - started < seconds:
        time.sleep(0.001)


def _progress(said: Path) -> tuple[float, float]:
    """kimg now and at the end, from the last whole line of what was printed; zeros before there is one."""
    points = [line for line in said.read_text(errors="replace").split("\n")[:-1] if " kimg  " in line]
    now, _, end = points[-1].split(" ")[0].partition("/") if points else ("0", "", "0")
    return float(now), float(end)


def _live(command: Sequence[str], place: Path, moment: Moment | None) -> bool:
    """Run a command, and kill it at a moment.

    Returns:
        Whether it came to its end.

    Raises:
        RuntimeError: it failed of itself.
    """
    said = place / "said.txt"
    with said.open("wb") as file:
        process = subprocess.Popen(command, cwd=place, stdout=file, stderr=file, env=_environment())
        try:
            if moment is None:
                process.wait(LONGEST_LIFE)
            else:
                moment.wait(process, said)
        finally:
            process.kill()
            code = process.wait()
    text = said.read_text(errors="replace")
    # Killed between its last word and its end: there is nothing left to go on with.
    if code > 0 and "finished at" not in text:
        raise RuntimeError(f"{command} ended with exit code {code}: {text}")
    return code >= 0


def _half_saved(run: Path) -> bool:
    places = (run / "checkpoints").glob(".*")
    return any(place.name.startswith(_TRACES) for place in places)


def _has_checkpoint(run: Path) -> bool:
    return any((run / "checkpoints").glob("[0-9]*/manifest.json"))


def _sparring() -> list[str]:
    return [sys.executable, "-m", "sparring", "train"]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def main() -> None:
    """Run every case, print a table, write benchmarks/results/kill_resume.json."""
    arguments = _arguments()
    outcomes = []
    print(_ROW.format("recipe", "precision", "life", "kills", "in a save", "resumed", "compared", "different"))
    for recipe, precision in itertools.product(arguments.recipe, arguments.precision):
        case = Case(recipe=recipe, precision=precision, kimg=arguments.kimg)
        with tempfile.TemporaryDirectory() as scratch:
            outcome = trial(case, kills=arguments.kills, seed=arguments.seed, scratch=Path(scratch))
        outcomes.append(outcome)
        print(_line(outcome), flush=True)
    write("kill_resume", {"kimg": arguments.kimg, "seed": arguments.seed, "cases": [asdict(each) for each in outcomes]})
    sys.exit(any(outcome.different for outcome in outcomes))


def _line(outcome: Outcome) -> str:
    counts = (outcome.kills, outcome.inside_a_save, outcome.resumed, outcome.finished)
    different = ", ".join(outcome.different) or "nothing"
    return _ROW.format(outcome.recipe, outcome.precision, f"{outcome.seconds:.1f} s", *counts, different)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="of each case (default: 20)")
    parser.add_argument("--kimg", type=float, default=2.5, help="length of the job (default: 2.5)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    parser.add_argument("--recipe", nargs="+", default=["gan", "dcgan"])
    parser.add_argument("--precision", nargs="+", default=["bf16", "fp32"])
    return parser.parse_args()


if __name__ == "__main__":
    main()
