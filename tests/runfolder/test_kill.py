"""SIGKILL at random moments of a process that does nothing but save."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import sparring.runfolder
from sparring.runfolder import RunFolder

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
_KILLS = 20


def test_twenty_kills_lose_nothing_that_was_saved(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", name="x")
    run.unlock()
    dice = random.Random(5)
    inside = seen = 0
    with _nursery(run.path) as nursery:
        for kill in range(_KILLS):
            # Every fourth while it begins or resumes; the others once it saves, one checkpoint after another.
            _train_and_kill(nursery, dice.uniform(0.0, 0.08), tmp_path if kill % 4 else None)
            wrong = tmp_path / "wrong"
            assert not wrong.exists(), wrong.read_text()
            inside += _diary(tmp_path)[-1:] == ["saving"]
            seen = _check(run, max(seen, _acknowledged(tmp_path)))
        assert nursery.stdin is not None
        nursery.stdin.close()
        assert nursery.wait(timeout=20) == 0
    print(f"{inside} of {_KILLS} kills fell inside a save; {_acknowledged(tmp_path)} checkpoints were saved")
    assert inside >= 0.3 * _KILLS
    assert _acknowledged(tmp_path) >= _KILLS // 2


def _nursery(path: Path) -> "subprocess.Popen[str]":
    source = Path(sparring.runfolder.__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("nursery.py")), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(source)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _train_and_kill(nursery: "subprocess.Popen[str]", seconds: float, saving: Path | None) -> None:
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    before = _acknowledged(saving) if saving else 0
    nursery.stdin.write("train\n")
    nursery.stdin.flush()
    child = int(nursery.stdout.readline())
    if saving is not None:
        _wait_for_a_save(saving, before)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    assert int(nursery.stdout.readline()) in (-signal.SIGKILL, 1)


def _wait_for_a_save(path: Path, before: int) -> None:
    deadline = time.monotonic() + 20
    while _acknowledged(path) <= before and not (path / "wrong").exists():
        assert time.monotonic() < deadline, "nothing was saved in 20 s"
        time.sleep(0.002)


def _acknowledged(path: Path) -> int:
    return max((int(line) for line in _diary(path) if line.isdigit()), default=0)


def _diary(path: Path) -> list[str]:
    file = path / "diary"
    return file.read_text().split() if file.exists() else []


def _check(run: RunFolder, at_least: int) -> int:
    """The count of the last checkpoint: that which is known to be saved, or the one that was about to be."""
    if not run.saved_at() and not at_least:
        return 0
    checkpoint = run.load_checkpoint()
    assert checkpoint.notes == ()
    assert checkpoint.images in (at_least, at_least + 1)
    assert checkpoint.state == {"step": checkpoint.images}
    best = checkpoint.images // 5 * 5
    assert not best or run.load_checkpoint("best").images == best
    return checkpoint.images
