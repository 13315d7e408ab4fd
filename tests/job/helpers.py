"""What the tests of jobs and of the command line share."""

import hashlib
import os
import re
import sys
from pathlib import Path

import numpy as np
from PIL import Image

TINY = (
    *("--batch", "16", "--precision", "fp32", "--device", "cpu"),
    *("--set", "generator.width=4", "--set", "discriminator.width=4"),
)
"""Options that make a run of the digits take a second."""


def make_pictures(folder: Path, count: int, *, side: int = 12, first: int = 0, bands: int = 3) -> Path:
    """Write so many pictures of noise."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        noise = np.random.default_rng(number).integers(0, 256, (side, side, bands), np.uint8)
        Image.fromarray(noise if bands > 1 else noise[..., 0]).save(folder / f"{number:04}.png")
    return folder


def make_classes(folder: Path, **counts: int) -> Path:
    """Write a folder of pictures for each class."""
    for number, (name, count) in enumerate(counts.items()):
        make_pictures(folder / name, count, first=1000 * number)
    return folder


def digest(root: Path) -> str:
    """Of every name, content and time below a folder."""
    found = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        found.update(f"{path.relative_to(root)} {path.lstat().st_mtime_ns} ".encode())
        found.update(path.read_bytes() if path.is_file() else b"")
    return found.hexdigest()


def last_checkpoint(run: Path) -> dict[str, bytes]:
    """The bytes of every file of a run's last checkpoint, by name."""
    newest = max(entry for entry in (run / "checkpoints").iterdir() if entry.name.isdecimal())
    return {path.name: path.read_bytes() for path in newest.iterdir()}


def report(run: Path) -> bytes:
    """The bytes of a run's report, but for the time that judging took."""
    return re.sub(rb'<p class="cost">.*?</p>', b"", (run / "report.html").read_bytes())


def outputs(run: Path) -> dict[str, bytes]:
    """The bytes of what a run is for: its last checkpoint, its table, its pictures."""
    pictures = {path.name: path.read_bytes() for path in (run / "samples").glob("*.png")}
    return {**last_checkpoint(run), **pictures, "metrics.csv": (run / "metrics.csv").read_bytes()}


def environment(**more: str) -> dict[str, str]:
    """For a process of its own: it imports from where this one does, and computes in one thread."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1", **more}
