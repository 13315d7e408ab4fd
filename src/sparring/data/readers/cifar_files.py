"""The formats of CIFAR-10 and CIFAR-100."""

from pathlib import Path

from sparring.data.cifar import is_cifar_source, read_cifar
from sparring.data.collection import Collection
from sparring.data.readers.base import readers


@readers("cifar")
class CifarFiles:
    """CIFAR batches, binary or of Python's kind; no pickled code is run."""

    def accepts(self, path: Path) -> bool:
        """See `Reader.accepts`."""
        return is_cifar_source(path)

    def read(self, path: Path) -> Collection:
        """See `Reader.read`."""
        return read_cifar(path)
