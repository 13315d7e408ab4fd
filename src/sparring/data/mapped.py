"""Memory-mapped stores that are larger than memory: what was read is not kept in the resident set."""

import mmap
from typing import Any

import numpy as np
import numpy.typing as npt

READ = 32 << 20
"""Bytes that are read between two times of letting go; the system maps up to five times as much around them."""


class Pages:
    """Pages of mapped files that this process reads.

    Reading a page makes it count as this process's memory for as long as the file is mapped, so that a job that reads
    a large store seems to grow until it is as large, and is ended where memory is limited. Let go, a page stays in the
    system's cache, which gives memory back when somebody needs it, and is there at once when it is read again.

    Args:
        every: bytes to be read between two times.
    """

    def __init__(self, every: int = READ) -> None:
        self._every = every
        self._read = 0
        self._mappings: dict[int, mmap.mmap] = {}

    def note(self, stored: npt.NDArray[Any], size: int) -> None:
        """Say that so many bytes of a store were read; nothing happens where it is no file."""
        mapping = mapping_of(stored)
        if mapping is None:
            return
        self._mappings[id(mapping)] = mapping
        self._read += size
        if self._read >= self._every:
            self.let_go()

    def let_go(self) -> None:
        """Take what was read out of the resident set."""
        advice = getattr(mmap, "MADV_DONTNEED", None)  # Windows has none, and trims working sets by itself
        for mapping in self._mappings.values():
            if advice is not None and not mapping.closed:
                mapping.madvise(advice)
        self._mappings.clear()
        self._read = 0


def mapping_of(stored: npt.NDArray[Any]) -> mmap.mmap | None:
    """The mapped file that an array is a view of, or None."""
    base: Any = stored
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None
