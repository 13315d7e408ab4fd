"""One trainer a folder, and nobody kept out by a dead one."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import sparring.runfolder
from sparring.errors import UsageError
from sparring.runfolder import RunFolder

_HOLD = """
import os, sys, time
from sparring.runfolder import RunFolder
run = RunFolder.open(sys.argv[1])
run.lock()
if "fork" in sys.argv:
    begun, begin = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(begin, b"!")
        time.sleep(30)
        os._exit(0)
    os.read(begun, 1)
    print(child, flush=True)
print("held", flush=True)
time.sleep(30)
"""


@contextmanager
def _holder(path: Path, *more: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path), *more],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(sparring.runfolder.__file__).parents[2])},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_second_trainer_is_refused_until_the_first_is_gone(folder: RunFolder) -> None:
    folder.unlock()
    with _holder(folder.path) as process:
        assert _line(process) == "held"
        with pytest.raises(UsageError, match=rf"\(process {process.pid}\) is training in this run folder"):
            folder.lock()
        process.kill()
        process.wait()
        folder.lock()


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_a_stopped_trainer_is_not_robbed(folder: RunFolder) -> None:
    folder.unlock()
    with _holder(folder.path) as process:
        assert _line(process) == "held"
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(UsageError):
            folder.lock()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_workers_of_a_killed_trainer_do_not_keep_the_lock(folder: RunFolder) -> None:
    folder.unlock()
    with _holder(folder.path, "fork") as process:
        child = int(_line(process))
        assert _line(process) == "held"
        with pytest.raises(UsageError):
            folder.lock()
        process.kill()
        process.wait()
        try:
            os.kill(child, 0)
            folder.lock()
        finally:
            os.kill(child, signal.SIGKILL)


def test_two_in_one_process_exclude_each_other(folder: RunFolder) -> None:
    other = RunFolder.open(folder.path)
    folder.lock()
    with pytest.raises(UsageError, match="another process"):
        other.lock()
    folder.unlock()
    other.lock()
    with pytest.raises(UsageError):
        folder.lock()
    other.unlock()


def test_reading_needs_no_lock(folder: RunFolder) -> None:
    assert RunFolder.open(folder.path).rows() == []


def test_runs_created_at_once_get_names_of_their_own(tmp_path: Path) -> None:
    made: list[RunFolder] = []
    start = threading.Barrier(8)

    def create() -> None:
        start.wait(timeout=10)
        made.append(RunFolder.create(None, name="digits-gan", root=tmp_path / "runs"))

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(run.path.name for run in made) == [f"digits-gan-{number:03d}" for number in range(1, 9)]
    for run in made:
        run.unlock()


def test_of_two_that_create_the_same_folder_one_wins(tmp_path: Path) -> None:
    first = RunFolder.create(tmp_path / "mine", name="x")
    with pytest.raises(UsageError, match="--resume"):
        RunFolder.create(tmp_path / "mine", name="x")
    first.unlock()
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / ".lock").touch()
    begun = RunFolder(tmp_path / "begun")
    begun.lock()
    with pytest.raises(UsageError, match="another process"):
        RunFolder.create(tmp_path / "begun", name="x")
    begun.unlock()
    RunFolder.create(tmp_path / "begun", name="x").unlock()
