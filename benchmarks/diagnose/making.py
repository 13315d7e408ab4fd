"""Makes the runs, several at a time and a process each, and measures how far each came by a yardstick of its own.

The yardstick is fitted to the sound data, whatever the run was trained on and was judged by itself.
"""

import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.diagnose import tampering
from benchmarks.diagnose.cases import KIMG, Case
from sparring.engine.game import Game
from sparring.errors import CollapsedError, DivergedError

OUTCOME = "outcome.json"
SAMPLES = 1_000


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended.

    Args:
        kimg: thousands of pictures at its end.
        seconds: what it took.
        stopped: what it said when it ended itself; empty where it came to its end.
        distance: fd_judge of 1,000 samples of the last generator to the sound held-out part; None where it diverged.
        agreement: share of those samples that the judge takes for the class asked for; None without classes.
        copies, copies_floor: the run's own, at its last measurement.
    """

    kimg: float
    seconds: float
    stopped: str
    distance: float | None
    agreement: float | None
    copies: float | None
    copies_floor: float | None


def make(wanted: Sequence[Case], root: Path, *, mnist: Path, jobs: int) -> None:
    """Make the runs that are not there yet; a line on each."""
    rest = [case for case in wanted if not (root / case.folder / OUTCOME).exists()]
    print(f"{len(wanted) - len(rest)} of {len(wanted)} runs are there")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, max_tasks_per_child=1) as pool:
        futures = {pool.submit(make_one, case, root, mnist): case for case in rest}
        for done, future in enumerate(as_completed(futures), start=1):
            print(f"{done}/{len(rest)} {futures[future].folder}: {_line(future.result())}", flush=True)


def read(case: Case, root: Path) -> Outcome:
    """What `make` noted."""
    return Outcome(**json.loads((root / case.folder / OUTCOME).read_text(encoding="utf-8")))


def make_one(case: Case, root: Path, mnist: Path) -> Outcome:
    """Train one run and measure it; whatever an earlier try left is removed."""
    import torch

    torch.set_num_threads(1)
    place = root / case.folder
    # Several `make` may run at once.
    if (place / OUTCOME).exists():
        return read(case, root)
    shutil.rmtree(place, ignore_errors=True)
    arrays = tampering.sound_data(case.source, mnist)
    data = tampering.write_data(arrays, case.way.data, place / "data.npz", seed=case.seed)
    started = time.perf_counter()
    stopped, kimg = _train(case, place / "run", data)
    seconds = time.perf_counter() - started
    sound = _sound_file(case.source, arrays, root)
    outcome = _measured(place / "run", sound, stopped=stopped, kimg=kimg, seconds=seconds)
    (place / OUTCOME).write_text(json.dumps(asdict(outcome), indent=2) + "\n", encoding="utf-8")
    return outcome


def _sound_file(source: tampering.Source, arrays: tampering.Arrays, root: Path) -> Path:
    """The sound data as a file, written once: other processes read it."""
    path = root / f"{source}.npz"
    if not path.exists():
        tampering.write_data(arrays, "as-is", root / f"{source}-{os.getpid()}.npz", seed=0).replace(path)
    return path


def _train(case: Case, run: Path, data: Path) -> tuple[str, float]:
    from sparring.job.build import build_game
    from sparring.job.options import TrainOptions
    from sparring.job.train import start

    games: list[Game] = []

    def tampered(*arguments: Any) -> Game:
        games.append(tampering.tamper(build_game(*arguments), case.way.game))
        return games[-1]

    options: dict[str, Any] = {"kimg": KIMG, "seed": case.seed, "settings": case.way.settings, **case.way.options}
    try:
        with mock.patch("sparring.job.play.build_game", tampered):
            start(TrainOptions(data=str(data), out=run, device="cpu", **options))
    except (CollapsedError, DivergedError) as error:
        return type(error).__name__, games[-1].kimg
    return "", games[-1].kimg


def _measured(run: Path, sound: Path, *, stopped: str, kimg: float, seconds: float) -> Outcome:
    from sparring.diagnose import Records
    from sparring.runfolder import RunFolder

    records = Records.read(RunFolder.open(run))
    copies = records.measured("copies")
    distance, agreement = (None, None) if stopped == DivergedError.__name__ else _distance(run, sound)
    return Outcome(
        kimg=kimg,
        seconds=round(seconds, 1),
        stopped=stopped,
        distance=distance,
        agreement=agreement,
        copies=None if copies is None else copies.series.last,
        copies_floor=None if copies is None else copies.floor,
    )


def _distance(run: Path, sound: Path) -> tuple[float, float | None]:
    from sparring.data import open_data
    from sparring.job.run import Run
    from sparring.metrics.frechet import frechet_distance
    from sparring.metrics.judge_training import judge_for

    data = open_data(str(sound))
    judge = judge_for(data)
    opened = Run(run, device="cpu", checkpoint="last")
    seen = judge(opened.sample(SAMPLES, seed=1))
    asked = opened.labels(SAMPLES, seed=1)
    assert seen.probabilities is not None
    agreement = None
    if asked is not None and opened.spec.classes == data.spec.classes:
        agreement = float((seen.probabilities.argmax(1) == asked).mean())
    return frechet_distance(seen.vectors, judge(data.parts["validation"].x).vectors), agreement


def _line(outcome: Outcome) -> str:
    distance = "diverged" if outcome.distance is None else f"fd_judge {outcome.distance:.4g}"
    return f"{distance} at {outcome.kimg:g} kimg, {outcome.seconds:.0f} s"
