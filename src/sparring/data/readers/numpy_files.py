"""NumPy's own files."""

from pathlib import Path

from sparring.data.arrays import read_npy, read_npz
from sparring.data.collection import Collection
from sparring.data.readers.base import readers


@readers("numpy")
class NumpyFiles:
    """`.npz` with named arrays of pictures and labels, and `.npy` with pictures."""

    def accepts(self, path: Path) -> bool:
        """See `Reader.accepts`."""
        return path.suffix.lower() in {".npz", ".npy"} and path.is_file()

    def read(self, path: Path) -> Collection:
        """See `Reader.read`."""
        return read_npz(path) if path.suffix.lower() == ".npz" else read_npy(path)
