"""Jobs of two processes: one writes, any number goes on, and all end together."""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.together import begin, ended
from job import ranks_worker
from job.helpers import TINY, last_checkpoint
from job.ranks_worker import ALL, SHARDED, options
from job.test_kill import read_until
from sparring.job import train as job
from sparring.runfolder import RunFolder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="gloo over the loopback interface")


def filled(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def assert_same(run: Path, other: Path) -> None:
    """The same measures, as far as sums in another order are the same."""
    rows, expected = RunFolder.open(run).rows(), RunFolder.open(other).rows()
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        assert filled(row) == pytest.approx(filled(wanted), rel=1e-5, abs=1e-5)
    assert sorted(p.name for p in (run / "samples").iterdir()) == sorted(p.name for p in (other / "samples").iterdir())


def test_runs_go_on_in_another_number_of_processes_and_one_alone_writes(place: Path) -> None:
    job.start(options(place / "one"))
    job.start(options(place / "one shard", settings=SHARDED))
    shutil.copytree(place / "one", place / "alone")
    (code, _, said), (other_code, nothing, silence) = ended(begin(ranks_worker.__file__, cwd=place))
    assert (code, other_code) == (0, 0), said + silence
    assert (nothing, silence) == ("", ""), "the first speaks for all"
    assert said.count("2 processes can't share it evenly. Give a batch that 2 divides, as 16") == 1
    assert said.count("--nonsense") == 1
    assert said.count("--sweep does not go with 2 processes") == 1
    assert said.count("sparring: process 1 of 2: gone") == 1, "what fails in one fails in all, and the first says so"
    assert RunFolder.open(place / "two").read_json("environment.json")["processes"] == 2
    shutil.copytree(place / "shards", place / "kept")
    for run in ("alone", "two", "shards"):
        job.resume(place / run, kimg=ALL)
    for run in ("one", "two", "one shard", "shards"):
        assert_same(place / run, place / "alone")
    job.start(options(place / "begun alone", begin_with=place / "alone"))
    assert_same(place / "begun", place / "begun alone")
    assert_whole(place / "kept", place / "alone")


def assert_whole(run: Path, other: Path) -> None:
    """What was saved of pieces has the names and shapes of what was saved in one."""
    tensors, expected = (RunFolder.open(path).load_checkpoint("last").tensors for path in (run, other))
    assert {s: {n: t.shape for n, t in named.items()} for s, named in tensors.items() if s != "window"} == {
        s: {n: t.shape for n, t in named.items()} for s, named in expected.items() if s != "window"
    }


@pytest.fixture
def pair(place: Path) -> Iterator[Callable[..., "list[subprocess.Popen[str]]"]]:
    """Start two processes that train into `run`, and wait until they do."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: object) -> "list[subprocess.Popen[str]]":
        processes = begin("-m", "sparring", "train", *words, cwd=place)
        started.extend(processes)
        read_until(processes[0].stdout, r" kimg  ")
        return processes

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_signal_to_one_ends_all_and_a_lost_one_ends_the_others(
    pair: Callable[..., "list[subprocess.Popen[str]]"], place: Path
) -> None:
    processes = pair("digits", *TINY, "--kimg", "500", "--out", "run")
    processes[1].send_signal(signal.SIGTERM)
    (code, _, said), (other_code, printed, silence) = ended(processes)
    assert (code, other_code) == (143, 143), said + silence
    assert said.count("\n") == 1 and "and saved. Go on with: sparring train --resume" in said
    assert (printed, silence) == ("", "")
    kept = last_checkpoint(place / "run")

    processes = pair("--resume", "run")
    processes[0].kill()
    started = time.monotonic()
    _, (code, _, said) = ended(processes)
    assert time.monotonic() - started < 60
    assert code == 6
    assert re.fullmatch(
        r"sparring: process 1 of 2: another one is gone or does not answer any more \(.*\)\. The run is kept as of its "
        r"last checkpoint\. Go on, with as many processes as you like: sparring train --resume .*/run\n",
        said,
    )
    assert last_checkpoint(place / "run").keys() == kept.keys()
