"""One trainer a run folder: a lock of the operating system, which ends with the process that holds it.

A killed process never blocks the next one, and a stopped one is not robbed.
"""

import contextlib
import errno
import os
import sys
import weakref
from pathlib import Path

from sparring.errors import UsageError
from sparring.runfolder.atomic import machine_errors

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

NAME = ".lock"
_BUSY = (errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK, errno.EDEADLK)
_FAR = 1 << 30  # on Windows a locked byte can't be read: lock one behind the process number


class FolderLock:
    """The lock of one folder; the file that carries it stays when the lock is given back.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._handle: int | None = None
        self._leaves_forks = False

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._handle is not None

    def acquire(self) -> None:
        """Take the lock, at once or not at all; taking it twice does nothing.

        Raises:
            UsageError: another process trains in this folder; names its process number where it is known.
            MachineError: the folder can't be written to, or its file system knows no locks.
        """
        if self.held:
            return
        with machine_errors(self.path):
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                self._lock_or_refuse(handle)
                os.ftruncate(handle, 0)
                os.write(handle, f"{os.getpid()}\n".encode())
            except BaseException:
                os.close(handle)
                raise
        self._handle = handle
        self._leave_forks_without()

    def release(self) -> None:
        """Give the lock back; giving back what is not held does nothing."""
        handle, self._handle = self._handle, None
        if handle is not None:
            with machine_errors(self.path):
                os.close(handle)

    def _lock_or_refuse(self, handle: int) -> None:
        try:
            _lock(handle)
        except OSError as error:
            if error.errno not in _BUSY:
                raise
            raise UsageError(self._refusal(handle)) from None

    def _refusal(self, handle: int) -> str:
        with contextlib.suppress(OSError):
            os.lseek(handle, 0, os.SEEK_SET)
            number = os.read(handle, 20)
            if number.strip().isdigit():
                return self._busy(f" (process {number.decode().strip()})")
        return self._busy("")

    def _busy(self, who: str) -> str:
        return (
            f"{self.path.parent}: another process{who} is training in this run folder. "
            "Wait for it or stop it, or train into another folder with --out."
        )

    def _leave_forks_without(self) -> None:
        # A forked worker inherits the open file and would keep the lock alive after its parent was killed.
        if sys.platform == "win32" or self._leaves_forks:
            return
        self._leaves_forks = True
        owner = weakref.ref(self)

        def forget() -> None:
            lock = owner()
            if lock is not None:
                lock.release()

        os.register_at_fork(after_in_child=forget)


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        os.lseek(handle, _FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
