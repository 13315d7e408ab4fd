"""A save against a system that fails: at every single call, and when the power goes between any two."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sparring.errors import MachineError
from sparring.runfolder import RunFolder

from .helpers import Fault, assert_intact, codes, save, saved_names, tree, watched

_MANY = 500


def _run(path: Path) -> RunFolder:
    run = RunFolder.create(path, name="x")
    run.start_table({"kimg": "thousands of reals"})
    for images in (1, 2, 3):
        save(run, images, best=images == 1)
    return run


@pytest.mark.parametrize("images", [3, 4], ids=["same count again", "new count"])
@pytest.mark.parametrize("stays", [False, True], ids=["one call fails", "writing fails from there on"])
def test_a_save_that_fails_at_any_call_loses_nothing(tmp_path: Path, images: int, stays: bool) -> None:
    template = _run(tmp_path / "template")
    template.unlock()
    failed = set()
    for at in range(_MANY):
        shutil.copytree(template.path, tmp_path / f"run{at}")
        run = RunFolder.open(tmp_path / f"run{at}")
        fault = Fault(at, codes()[at % 2], stays=stays)
        if _saves(run, images, fault):
            break
        failed.add(fault.hit)
        checkpoint = run.load_checkpoint()
        assert_intact(checkpoint)
        assert checkpoint.images in (3, images)
        assert checkpoint.notes == ()
        assert 1 in run.saved_at()
        save(run, 5, best=True)
        assert saved_names(run) == [f"{checkpoint.images:012d}", "000000000005", "best.json"]
        shutil.rmtree(run.path)
    assert at > 20
    assert at < _MANY - 1
    assert {"open", "write", "fsync", "close", "mkdir", "rename"} <= failed


def _saves(run: RunFolder, images: int, fault: Fault) -> bool:
    try:
        with watched(fault):
            save(run, images)
    except MachineError as error:
        assert fault.hit
        assert error.exit_code == 6
        words = "the disk is full" if fault.code == errno.ENOSPC else "the disk reports a fault"
        # The standard library closes once more after a failed close, and reports that second failure.
        assert words in str(error) or fault.hit == "close"
        return False
    assert not fault.hit, f"{fault.hit} failed and nobody was told"
    return True


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.EDQUOT, errno.ENOSPC, errno.EIO])
def test_small_files_and_tables_are_whole_or_as_before(folder: RunFolder, code: int) -> None:
    folder.start_table({"kimg": "thousands of reals"})
    folder.append_row({"kimg": 1.0})
    folder.write_text("command.txt", "sparring train digits")
    before = tree(folder.path)
    for write in _writers(folder):
        for at in range(3):
            with watched(Fault(at, code)), pytest.raises(MachineError):
                write()
            assert tree(folder.path) == before


def _writers(folder: RunFolder) -> list[Callable[[], None]]:
    return [lambda: folder.write_json("command.txt", {"other": 1}), lambda: folder.write_text("command.txt", "other")]


@pytest.mark.parametrize("kind", ["row", "event"])
def test_half_a_line_is_taken_back(folder: RunFolder, kind: str) -> None:
    folder.start_table({"kimg": "thousands of reals"})
    folder.append_row({"kimg": 1.0})
    folder.append_event(kimg=1.0, kind="note", severity="info", values={}, text="text")
    before = tree(folder.path)
    with watched(Fault(1, errno.ENOSPC)), pytest.raises(MachineError, match="the disk is full"):
        if kind == "row":
            folder.append_row({"kimg": 2.0})
        else:
            folder.append_event(kimg=2.0, kind="note", severity="info", values={}, text="text")
    assert tree(folder.path) == before
    folder.append_row({"kimg": 2.0})
    assert [row["kimg"] for row in folder.rows()] == [1.0, 2.0]


class Disk:
    """Records what a save does, so that the state after a power cut between any two calls can be built.

    The hardest disk that a correct program must stand: every name is on it at once, the bytes of a file only once it
    was forced there.
    """

    def __init__(self) -> None:
        self.log: list[tuple[str, Any, Any]] = []
        self._paths: dict[int, str] = {}

    def __call__(self, name: str, real: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        path = self._path(args[0], kwargs) if args else ""
        result = real(*args, **kwargs)
        if name == "open":
            self._paths[result] = path
            if args[1] & os.O_CREAT:
                self.log.append(("create", path, None))
        elif name == "write":
            self.log.append(("write", path, bytes(args[1])[:result]))
        elif name in ("rename", "replace"):
            self.log.append(("rename", path, os.fspath(args[1])))
        elif name in ("fsync", "mkdir", "unlink", "rmdir"):
            self.log.append((name, path, None))
        return result

    def _path(self, given: Any, kwargs: dict[str, Any]) -> str:
        if isinstance(given, int):
            return self._paths.get(given, "")
        holder = kwargs.get("dir_fd")
        return os.fspath(given) if holder is None else f"{self._paths[holder]}/{given}"


def _replay(log: list[tuple[str, Any, Any]], original: Path, copy: Path) -> None:
    def move(path: str) -> Path:
        return copy / Path(path).relative_to(original)

    waiting: dict[str, bytes] = {}
    for kind, path, extra in log:
        place = move(path)
        if kind == "create":
            place.write_bytes(b"")
        elif kind == "write":
            waiting[path] = waiting.get(path, b"") + extra
        elif kind == "fsync" and path in waiting:
            place.write_bytes(place.read_bytes() + waiting.pop(path))
        elif kind == "mkdir":
            place.mkdir(exist_ok=True)
        elif kind == "rename":
            place.rename(move(extra))
        elif kind == "unlink":
            place.unlink()
        elif kind == "rmdir":
            place.rmdir()


@pytest.mark.parametrize("images", [3, 4], ids=["same count again", "new count"])
def test_a_power_cut_between_any_two_calls_leaves_a_whole_checkpoint(tmp_path: Path, images: int) -> None:
    run = _run(tmp_path / "run")
    shutil.copytree(run.path, tmp_path / "before")
    disk = Disk()
    with watched(disk):
        save(run, images)
    assert len(disk.log) > 15
    for length in range(len(disk.log) + 1):
        copy = tmp_path / f"cut{length}"
        shutil.copytree(tmp_path / "before", copy)
        _replay(disk.log[:length], run.path, copy)
        checkpoint = RunFolder.open(copy).load_checkpoint()
        assert_intact(checkpoint)
        assert checkpoint.notes == ()
        assert checkpoint.images == images or length < len(disk.log)
        shutil.rmtree(copy)


def test_names_are_forced_to_the_disk_after_the_bytes_and_before_anything_is_let_go(tmp_path: Path) -> None:
    run = _run(tmp_path / "run")
    disk = Disk()
    with watched(disk):
        target = save(run, 4)
    log = [(kind, Path(path).name, extra) for kind, path, extra in disk.log]
    kinds = [(kind, name) for kind, name, _ in log]
    published = next(i for i, entry in enumerate(log) if entry[0] == "rename" and entry[2] == str(target))
    temporary = log[published][1]
    order = [kinds.index(("fsync", name)) for name in ("generator.safetensors", "optimizer.safetensors", "state.json")]
    last_steps = [kinds.index(("fsync", "manifest.json")), kinds.index(("fsync", temporary)), published]
    assert [*order, *last_steps] == sorted([*order, *last_steps])
    assert max(i for i, kind in enumerate(kinds) if kind == ("write", "manifest.json")) < last_steps[0]
    assert log[published + 1][:2] == ("fsync", "checkpoints")
    first_loss = next(i for i, entry in enumerate(log) if entry[0] in ("unlink", "rmdir"))
    assert first_loss > published + 1
    assert kinds.index(("fsync", "metrics.csv")) < min(order)
