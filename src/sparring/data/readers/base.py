"""What a reader is, and the index of readers."""

from pathlib import Path
from typing import Protocol

from sparring.data.collection import Collection
from sparring.registry import Registry


class Reader(Protocol):
    """One format of arrays; built without arguments."""

    def accepts(self, path: Path) -> bool:
        """Whether `path`, a file or a folder, is of this format, judged by names; no content is read."""
        ...

    def read(self, path: Path) -> Collection:
        """The pictures as blocks of uint8, [N, H, W] or [N, H, W, C], with their labels and given splits.

        Raises:
            DataError: damaged, cut short, of another kind; the message names the file and what was expected.
        """
        ...


readers: Registry[Reader] = Registry("reader", package="sparring.data.readers")


def reader_for(path: Path) -> Reader | None:
    """The first reader, by name, that accepts `path`; None where it is no source of arrays."""
    built = (readers.build(name) for name in readers)
    return next((reader for reader in built if reader.accepts(path)), None)
