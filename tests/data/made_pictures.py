"""What the tests of the data layer share beside fixtures."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

Maker = Callable[..., Path]


def noise(seed: int, *shape: int) -> np.ndarray:
    """uint8 noise of a shape."""
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def tree_state(root: Path) -> str:
    """A digest over every name, content, mode and time below a folder."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        digest.update(f"{path.relative_to(root)} {status.st_mode} {status.st_mtime_ns}\n".encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()
