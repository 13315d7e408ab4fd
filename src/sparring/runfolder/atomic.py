"""Writing that survives a kill, a full disk and a power cut.

A file is written beside its target, forced to the disk, renamed over the target, and the folder is forced to the disk.
Every step is one call to the system through `os` or `pathlib`, so that a test can record or fail each of them.
"""

import contextlib
import errno
import os
import re
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

from sparring.errors import MachineError

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.sparring-tmp")

_WORDS = {
    errno.ENOSPC: ("the disk is full", "Free some space"),
    errno.EDQUOT: ("your share of the disk is used up", "Free some space or ask for more"),
    errno.EIO: ("the disk reports a fault", "Check the disk, or use another one"),
    errno.EROFS: ("the disk is read-only", "Choose a folder on another disk with --out"),
    errno.EACCES: ("you may not write there", "Change the permissions, or choose another folder with --out"),
    errno.EPERM: ("you may not write there", "Change the permissions, or choose another folder with --out"),
    errno.ENAMETOOLONG: ("the path is too long", "Choose a shorter one with --out"),
}


def machine_error(path: Path, error: OSError, *, also: str = "") -> MachineError:
    """The `MachineError` that says in words what the system refused at `path`, and what to do.

    Args:
        path: what was written or read; used where the error names no file of its own.
        error: what the system said.
        also: a sentence that matters to the user here ("The earlier checkpoints are intact.").
    """
    words, advice = _WORDS.get(error.errno or 0, ("the system refused", "Check the disk and the permissions"))
    place = error.filename if isinstance(error.filename, str) else path
    sentences = [f"{place}: {words} ({error.strerror or error}).", also, f"{advice}, then try again."]
    return MachineError(" ".join(filter(None, sentences)))


@contextlib.contextmanager
def machine_errors(path: Path, *, also: str = "") -> Iterator[None]:
    """Turn any `OSError` inside into a `MachineError` about `path`."""
    try:
        yield
    except OSError as error:
        raise machine_error(path, error, also=also) from error


def token() -> str:
    """Eight hexadecimal digits that nobody can guess, for the names of temporary files."""
    return secrets.token_hex(4)


def write_new(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file that must not exist yet, with the mode that the umask gives.

    Args:
        path: the new file.
        data: all of its bytes.
        durable: force them to the disk before returning.

    Raises:
        OSError: as the system gave it; what was written stays, for the caller to remove.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    if sys.platform == "win32":
        flags |= os.O_BINARY
    handle = os.open(path, flags, 0o666)
    try:
        write_all(handle, data)
        if durable:
            os.fsync(handle)
    finally:
        os.close(handle)


def write_all(handle: int, data: bytes) -> None:
    """Write every byte to an open file: one call to the system may take only a part."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def replace_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file whole or not at all: whoever reads `path` sees the old bytes or the new ones.

    Args:
        path: the file, new or to be replaced.
        data: all of its bytes.
        durable: also outlive a power cut. Without it, only a kill.

    Raises:
        OSError: as the system gave it; the old file is as it was, the temporary one is removed.
    """
    temporary = path.with_name(f".{path.name}.{token()}.sparring-tmp")
    try:
        write_new(temporary, data, durable=durable)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Force the names inside a folder to the disk, where the system knows how to."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems have no such thing; they order renames themselves.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def sync_file(path: Path) -> int:
    """Force a file to the disk, and return its size in bytes; 0 where there is none."""
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return 0
    try:
        os.fsync(handle)
        return os.fstat(handle).st_size
    finally:
        os.close(handle)


def cut_file(path: Path, size: int) -> None:
    """Cut a file to its first `size` bytes, and force that to the disk."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.ftruncate(handle, size)
        os.fsync(handle)
    finally:
        os.close(handle)


def is_temporary(name: str) -> bool:
    """Whether a file of this name was being written by `replace_file`."""
    return _TEMPORARY.fullmatch(name) is not None


def sweep(folder: Path) -> None:
    """Remove what killed writers left in a folder that only the caller writes to."""
    for path in list(folder.iterdir()):
        if is_temporary(path.name):
            path.unlink()
