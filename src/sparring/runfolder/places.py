"""Where run folders are: made, numbered, pointed to by `runs/latest`, and found again."""

import contextlib
import os
from pathlib import Path

from sparring.errors import UsageError, did_you_mean
from sparring.runfolder import lock
from sparring.runfolder.atomic import is_temporary, machine_errors, replace_file
from sparring.runfolder.names import next_number

LATEST = "latest"
MARK = "run.json"
SAMPLES = "samples"
CHECKPOINTS = "checkpoints"


def list_runs(root: Path) -> list[Path]:
    """The run folders directly inside `root`, by name; none where `root` is no folder."""
    if not root.is_dir():
        return []
    return sorted(entry for entry in root.iterdir() if (entry / MARK).is_file())


def make_given(path: Path) -> Path:
    """Make the folder that a user asked for; one that is there must be empty."""
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path}: a file; --out takes a folder that is absent or empty.")
    path.mkdir(parents=True, exist_ok=True)
    refuse_filled(path)
    return path


def refuse_filled(path: Path) -> None:
    """Raise `UsageError` where a folder holds anything but what a `create` that was killed leaves."""
    if all(_is_a_beginning(entry) for entry in path.iterdir()):
        return
    if (path / MARK).is_file():
        raise UsageError(
            f"{path}: holds a run already. Go on with it (`sparring train --resume {path}`), or choose another --out."
        )
    raise UsageError(f"{path}: not empty; --out takes a folder that is absent or empty. Choose another one.")


def make_numbered(root: Path, name: str) -> Path:
    """Make `root/name-NNN` with the next number, safe against others who do the same."""
    root.mkdir(parents=True, exist_ok=True)
    number = next_number(root, name)
    while True:
        path = root / f"{name}-{number:03d}"
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
        else:
            return path


def point_to(path: Path) -> None:
    """Note a run as the latest, unless somebody keeps something else under that name or guards the folder above."""
    pointer = path.parent / LATEST
    if not os.path.lexists(pointer) or _pointed_name(pointer):
        with contextlib.suppress(PermissionError):
            replace_file(pointer, f"{path.name}\n".encode())


def _is_a_beginning(entry: Path) -> bool:
    if entry.name in (SAMPLES, CHECKPOINTS):
        return entry.is_dir() and not any(entry.iterdir())
    return entry.name == lock.NAME or is_temporary(entry.name)


def _pointed_name(pointer: Path) -> str:
    """The name in a file like `runs/latest`; nothing where the file is none."""
    if not pointer.is_file() or pointer.stat().st_size > 1024:
        return ""
    text = pointer.read_bytes().decode(errors="replace").removesuffix("\n")
    return text if text == Path(text).name and text.isprintable() else ""


def follow(path: Path) -> Path:
    """The run that a file like `runs/latest` names; any other path as it is."""
    if not path.is_file():
        return path
    with machine_errors(path):
        name = _pointed_name(path)
    if not name:
        raise UsageError(f"{path}: a file that names no run. Give a run folder. {known_runs(path)}")
    return path.parent / name


def known_runs(path: Path) -> str:
    """A sentence with the runs beside (or inside) a path that is none, the closest first."""
    names = [run.name for run in list_runs(path.absolute().parent)]
    if names:
        return did_you_mean(path.name, names)
    inside = [run.name for run in list_runs(path)]
    return f"Inside it: {did_you_mean(path.name, inside)}" if inside else "Train one with `sparring train`."
