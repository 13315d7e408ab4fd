"""The format of MNIST and its relatives."""

from pathlib import Path

from sparring.data.collection import Collection
from sparring.data.idx import is_idx_source, read_idx
from sparring.data.readers.base import readers


@readers("idx")
class IdxFiles:
    """IDX files, plain or gzip-compressed, alone or in a folder with their labels."""

    def accepts(self, path: Path) -> bool:
        """See `Reader.accepts`."""
        return is_idx_source(path)

    def read(self, path: Path) -> Collection:
        """See `Reader.read`."""
        return read_idx(path)
