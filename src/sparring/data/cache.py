"""The folder that packed pictures are kept in: never the user's own, safe against two processes and a kill at any
moment.

<cache>/packs/<key>/      complete, or absent: a folder appears by one rename
<cache>/locks/<key>       held by the process that makes <key>
<cache>/listings/         what plain and compressed tars contain
<cache>/work/<name>/      being made; its lock is held for as long as its process lives, so leftovers can be told
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from sparring.errors import MachineError

_REMEDY = "Set SPARRING_CACHE to a folder that can be written and has room."


def default_cache() -> Path:
    """Where packed pictures go unless told otherwise: SPARRING_CACHE, else the usual place of the operating system."""
    asked = os.environ.get("SPARRING_CACHE")
    if asked:
        return Path(asked).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "sparring"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "sparring" / "cache"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "sparring"


class Cache:
    """A cache folder.

    Args:
        root: the folder; made when something is first written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.packs = self.root / "packs"
        self.listings = self.root / "listings"
        self._locks = self.root / "locks"
        self._work = self.root / "work"

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            MachineError: they can't be made or written to.
        """
        with self.guarded():
            for folder in (self.packs, self.listings, self._locks, self._work):
                folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._work):
                pass

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Inside, an `OSError` becomes a `MachineError` that names this folder and the way out."""
        try:
            yield
        except OSError as error:
            raise MachineError(f"the cache {self.root} can't be used: {error.strerror or error}. {_REMEDY}") from error

    def room_for(self, needed: int) -> None:
        """Check the free space before anything large is written.

        Raises:
            MachineError: there are fewer than `needed` bytes.
        """
        with self.guarded():
            free = shutil.disk_usage(self.root).free
        if free < needed:
            raise MachineError(
                f"the cache {self.root} needs {needed / 1e6:,.0f} MB, but {free / 1e6:,.0f} MB are free. {_REMEDY}"
            )

    def lock(self, key: str) -> FileLock:
        """The lock on one key; it is released by the system when its process ends in whatever way."""
        return FileLock(self._locks / key, thread_local=False)

    @contextmanager
    def exclusive(self, key: str, *, on_wait: Callable[[], None]) -> Iterator[None]:
        """Hold the lock on a key; `on_wait` is called where another process has it."""
        lock = self.lock(key)
        with self.guarded():
            try:
                lock.acquire(timeout=0)
            except Timeout:
                on_wait()
                lock.acquire()
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A folder of one's own on the cache's disk, removed at the end."""
        self.prepare()
        self.sweep()
        with ExitStack() as stack:
            with self.guarded():
                folder = Path(tempfile.mkdtemp(dir=self._work))
                stack.enter_context(self.lock(f"work-{folder.name}"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            yield folder

    def sweep(self) -> None:
        """Remove workspaces whose process is gone; one made a moment ago may not be locked yet and is left alone."""
        with self.guarded():
            leftovers = [folder for folder in self._work.iterdir() if folder.is_dir()]
        for folder in leftovers:
            lock = self.lock(f"work-{folder.name}")
            try:
                with lock.acquire(timeout=0):
                    if _is_settled(folder):
                        shutil.rmtree(folder, ignore_errors=True)
            except (Timeout, OSError):
                continue

    def write_listing(self, key: str, text: str) -> None:
        """Keep a text by atomic replacement; that it can't be kept costs time, not correctness."""
        try:
            handle, name = tempfile.mkstemp(dir=self.listings)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(self.listings / key)
        except OSError:
            return

    def read_listing(self, key: str) -> str | None:
        """The text that was kept, if any."""
        try:
            return (self.listings / key).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None


def publish(folder: Path, target: Path) -> None:
    """Let a complete folder appear at its place by one rename, its bytes on the disk before its name.

    Raises:
        OSError: the disk refused.
    """
    for file in folder.iterdir():
        _sync(file)
    _sync(folder)
    if target.exists():
        shutil.rmtree(target)
    folder.rename(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    if sys.platform == "win32" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_settled(folder: Path) -> bool:
    """Whether a workspace is old enough to have been locked by its maker (between the two calls lie microseconds)."""
    try:
        newest = folder.stat().st_mtime
    except OSError:
        return False
    return _file_clock(folder.parent) - newest > 5


def _file_clock(folder: Path) -> float:
    """The time by the file system's own clock, which a network disk does not share with us."""
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.fstat(file.fileno()).st_mtime
