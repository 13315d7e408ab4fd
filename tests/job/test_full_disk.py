"""A disk that is really full: a file system of a few megabytes, where the tests may mount one."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from job.conftest import SETTINGS
from job.helpers import digest, last_checkpoint, make_pictures, outputs
from sparring.engine.record import Progress
from sparring.errors import MachineError
from sparring.job import train as job
from sparring.job.options import TrainOptions
from sparring.job.play import Listeners

Mount = Callable[[int], Path]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mount a file system of so many MB; skips where that is not allowed."""
    mounted: list[Path] = []

    def make(megabytes: int) -> Path:
        folder = tmp_path / f"disk-{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("may not mount a file system")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def options(**changed: object) -> TrainOptions:
    given = {"data": "digits", "kimg": 0.32, "batch": 16, "settings": SETTINGS, "precision": "fp32", "device": "cpu"}
    return TrainOptions(**{**given, **changed})  # type: ignore[arg-type]


def fill(folder: Path, *, leaving: int) -> Path:
    """Leave so many bytes free."""
    free = shutil.disk_usage(folder).free
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, free - leaving))
    return ballast


def test_a_disk_without_room_for_a_run(mount: Mount) -> None:
    disk = mount(8)
    fill(disk, leaving=40_000)
    with pytest.raises(MachineError, match=r"full.*ree some space"):
        job.start(options(out=disk / "run"))


def test_a_disk_that_fills_up_while_it_trains(mount: Mount, place: Path) -> None:
    disk = mount(8)
    whole = job.start(options(out=place / "runs" / "one"))
    ballast: list[Path] = []

    def fill_up(progress: Progress) -> None:
        if progress.kimg >= 0.1 and not ballast:
            ballast.append(fill(disk, leaving=8_000))

    run = disk / "runs" / "one"
    with pytest.raises(MachineError, match=r"disk"):
        job.start(options(out=run), Listeners(progress=fill_up))
    assert last_checkpoint(run)
    with pytest.raises(MachineError):
        job.resume(run)
    ballast[0].unlink()
    job.resume(run)
    assert outputs(run) == outputs(whole)


def test_a_cache_without_room(mount: Mount, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = mount(1)
    make_pictures(place / "photos", 200, side=64)
    before = digest(place)
    monkeypatch.setenv("SPARRING_CACHE", str(disk))
    with pytest.raises(MachineError, match=r"needs .* MB, but .* MB are free.*SPARRING_CACHE"):
        job.start(options(data="photos", out=place / "run"))
    assert digest(place) == before
    assert not [path for path in disk.rglob("*") if path.is_file() and path.stat().st_size]
