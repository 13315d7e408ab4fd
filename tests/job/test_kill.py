"""SIGKILL, SIGINT and SIGTERM against whole processes."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from job.helpers import TINY, environment, make_pictures, outputs

ROOT = Path(__file__).parents[2]
TRAIN = (sys.executable, "-m", "sparring", "train")
WAIT = 60.0

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="signals of POSIX")


def test_killed_three_times_and_resumed_is_the_same_to_the_byte(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    kill_resume = pytest.importorskip("benchmarks.kill_resume", reason="benchmarks are not a part of the package")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    case = kill_resume.Case(recipe="gan", precision="fp32", kimg=1.2, extra=(*TINY[:2], *TINY[6:]))
    outcome = kill_resume.trial(case, kills=3, seed=0, scratch=place)
    assert outcome.kills == 3
    assert outcome.finished >= 1
    assert outcome.different == ()


def test_the_comparison_sees_one_byte(run_folder: Path, finished_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    kill_resume = pytest.importorskip("benchmarks.kill_resume", reason="benchmarks are not a part of the package")
    assert list(kill_resume.differences(run_folder, finished_run)) == []
    weights = next(run_folder.glob("checkpoints/*640/generator_optimizer.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    (run_folder / "samples" / "init.png").unlink()
    assert [name.split("/")[-1] for name in kill_resume.differences(run_folder, finished_run)] == [
        "generator_optimizer.safetensors",
        "init.png",
    ]


@pytest.fixture
def begin(place: Path, tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start a command whose standard output is read by the test; whatever is left of it is killed at the end."""
    processes: list[subprocess.Popen[str]] = []

    def start(*words: object) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [*TRAIN, *map(str, words)],
            cwd=place,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(SPARRING_CACHE=str(tmp_path / "cache")),
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def read_until(stream: IO[str] | None, pattern: str) -> str:
    assert stream is not None
    for line in stream:
        if re.search(pattern, line):
            return line
    raise AssertionError(f"ended before {pattern}")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_whole(
    begin: Callable[..., "subprocess.Popen[str]"], place: Path, number: signal.Signals, code: int
) -> None:
    process = begin("digits", *TINY, "--kimg", "500", "--out", "run")
    read_until(process.stdout, r" kimg  ")
    process.send_signal(number)
    printed, said = process.communicate(timeout=WAIT)
    assert process.returncode == code
    assert printed.splitlines()[-1] == str(place / "run")
    assert said.count("\n") == 1 and f"sparring train --resume {place / 'run'}" in said
    assert outputs(place / "run")


def test_a_second_signal_is_obeyed_at_once(begin: Callable[..., "subprocess.Popen[str]"], place: Path) -> None:
    process = begin("digits", "--kimg", "500", "--out", "run", "--batch", "1024", "--set", "discriminator.width=64")
    while not (place / "run" / "checkpoints" / "000000000000" / "manifest.json").exists():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    started = time.perf_counter()
    process.communicate(timeout=WAIT)
    assert process.returncode in (-signal.SIGINT, 130)
    assert time.perf_counter() - started < 5


def test_ctrl_c_while_packing_leaves_nothing_half_made(
    begin: Callable[..., "subprocess.Popen[str]"], place: Path, tmp_path: Path
) -> None:
    make_pictures(place / "photos", 3_000, side=64)
    process = begin("photos", *TINY)
    while not list((tmp_path / "cache" / "work").glob("*/*")):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    said, complained = process.communicate(timeout=WAIT)
    assert process.returncode == 130
    assert not said and complained.count("\n") == 1 and "nothing was begun" in complained
    assert not (place / "runs").exists()
    assert not list((tmp_path / "cache" / "work").iterdir())
