"""From what a user typed to a collection: which reader it is for, and what to do before its pictures are read."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sparring.data import archive
from sparring.data.cache import Cache
from sparring.data.collection import Collection
from sparring.data.folder import list_folder
from sparring.data.layout import arrange
from sparring.data.listing import PICTURE_SUFFIXES, Listing, suffix
from sparring.errors import DataError, UsageError, did_you_mean

Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, kw_only=True)
class Found:
    """A source that was understood.

    Args:
        collection: what it holds.
        fingerprint: changes when the source does.
        stage: makes the pictures readable where they lie in a compressed tar; to be called before the first is read.
    """

    collection: Collection
    fingerprint: bytes
    stage: Callable[[], None]


@contextmanager
def find_source(source: str, cache: Cache, on_progress: Progress, *, keep: bool) -> Iterator[Found]:
    """Find and list a source; temporary files last as long as the context.

    Args:
        source: a path, or a registered name.
        cache: where downloads, listings of tars and decompressed tars go.
        on_progress: told about downloads and decompression.
        keep: whether the cache may be written, with what a compressed tar contains.

    Raises:
        UsageError: a bare word that is neither a file, nor a folder, nor a known name.
        DataError: no such path, or one that can't be read as pictures.
    """
    if not source.strip():
        raise DataError("the source is empty. Expected a folder or an archive of pictures, or the name of a data set.")
    path = Path(source).expanduser()
    if not os.path.lexists(path):
        yield _named(source, cache, on_progress)
    elif path.is_dir():
        yield _folder(path, source)
    elif path.is_file():
        with ExitStack() as stack:
            yield _file(path, source, cache, on_progress, stack, keep=keep)
    else:
        raise DataError(f"{source}: neither a file nor a folder, or a link to nothing. Expected a folder of pictures.")


def _named(source: str, cache: Cache, on_progress: Progress) -> Found:
    from sparring.data.named import NAMES, read_named, summaries

    if source in NAMES:
        return _arrays(read_named(source, cache=cache.root, on_progress=on_progress))
    if any(mark in source for mark in ("/", "\\", ".", "~")):
        raise DataError(f"{source}: no such file or folder. Check the path, from {Path.cwd()}.")
    raise UsageError(
        f"unknown data set '{source}', and there is no such folder here. {did_you_mean(source, summaries())}"
    )


def _folder(path: Path, source: str) -> Found:
    from sparring.data.arrays import is_array_source, read_arrays

    if is_array_source(path):
        return _arrays(read_arrays(path))
    listing = list_folder(path)
    return _pictures(listing, name=path.resolve().name or "root", source=source)


def _file(path: Path, source: str, cache: Cache, on_progress: Progress, stack: ExitStack, *, keep: bool) -> Found:
    from sparring.data.arrays import is_array_source, read_arrays

    if is_array_source(path):
        return _arrays(read_arrays(path))
    name = archive.short_name(path)
    kind = _kind(path, source)
    if kind == "zip":
        return _pictures(archive.list_zip(path), name=name, source=source)
    if kind == "tar":
        return _pictures(_plain_tar(path, cache, keep=keep), name=name, source=source)
    staged = _Staged(path, cache, on_progress, stack, keep=keep)
    return _pictures(staged.listing(), name=name, source=source, stage=staged.make)


def _kind(path: Path, source: str) -> str:
    try:
        kind = archive.kind_of(path)
    except OSError as error:
        raise DataError(f"{source}: can't be read ({error.strerror}). Check its permissions.") from error
    if kind is not None:
        return kind
    if suffix(path.name) in PICTURE_SUFFIXES:
        raise DataError(f"{source}: this is one picture. Expected a folder or an archive of many.")
    raise DataError(
        f"{source}: not an archive or an array file that is known. Expected a folder, .zip, .tar, .tar.gz, .tar.xz,"
        " .npz, .npy, IDX or CIFAR files."
    )


def _arrays(collection: Collection) -> Found:
    return Found(collection=collection, fingerprint=b"", stage=_nothing)


def _pictures(listing: Listing, *, name: str, source: str, stage: Callable[[], None] | None = None) -> Found:
    collection = arrange(listing, name=name, source=source)
    return Found(collection=collection, fingerprint=listing.fingerprint, stage=stage or _nothing)


def _plain_tar(path: Path, cache: Cache, *, keep: bool) -> Listing:
    return _remembered(path, path, cache) or _remember(archive.list_tar(path, shown=path), cache, keep=keep)


class _Staged:
    """A compressed tar, decompressed when it must be listed or read; the plain tar is removed with the stack."""

    def __init__(self, path: Path, cache: Cache, on_progress: Progress, stack: ExitStack, *, keep: bool) -> None:
        self._path = path
        self._cache = cache
        self._on_progress = on_progress
        self._keep = keep
        self._folder = self._make_folder(stack)
        self._plain = self._folder / "plain.tar"

    def listing(self) -> Listing:
        """What the archive holds: from the cache if it was listed before."""
        known = _remembered(self._path, self._plain, self._cache)
        if known is not None:
            return known
        self.make()
        return _remember(archive.list_tar(self._plain, shown=self._path), self._cache, keep=self._keep)

    def make(self) -> None:
        """Decompress, unless it was done."""
        if not self._plain.exists():
            archive.decompress(self._path, self._plain, self._on_progress)

    def _make_folder(self, stack: ExitStack) -> Path:
        if self._keep:
            return stack.enter_context(self._cache.workspace())
        folder = tempfile.mkdtemp(prefix="sparring-")
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)


def _remembered(path: Path, readable: Path, cache: Cache) -> Listing | None:
    text = cache.read_listing(_listing_key(path))
    if text is None:
        return None
    try:
        return archive.from_json(text, readable)
    except (ValueError, KeyError, TypeError):
        return None


def _remember(listing: Listing, cache: Cache, *, keep: bool) -> Listing:
    if keep:
        cache.prepare()
        cache.write_listing(f"tar-{listing.fingerprint.hex()}", archive.to_json(listing))
    return listing


def _listing_key(path: Path) -> str:
    return f"tar-{archive.stamp(path).hex()}"


def _nothing() -> None:
    """Nothing has to be done before the pictures are read."""
