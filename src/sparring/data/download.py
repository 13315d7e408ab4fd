"""Fetch a published file over HTTP, or know that it is there already; its SHA-256 decides, never its name.

A file is written beside its place and moved there when its hash is right, so a reader finds it whole or not at all, and
two processes that fetch it at once do not disturb each other. A file that is there already is never overwritten or
removed: a user may have put it there.
"""

import hashlib
import http.client
import os
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sparring.errors import DataError, MachineError

Progress = Callable[[str, int, int | None], None]
"""Called with the file's name, the bytes so far, and all the bytes where the number is known."""

_CHUNK_BYTES = 1 << 18
_ABANDONED_SECONDS = 24 * 3600
_PAUSE = 0.5


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A published file.

    Args:
        filename: its name in the cache.
        urls: http and https addresses, tried in order.
        sha256: lower-case hexadecimal digest of the content.
        size: in bytes.
    """

    filename: str
    urls: tuple[str, ...]
    sha256: str
    size: int

    def __post_init__(self) -> None:
        assert Path(self.filename).name == self.filename, "a name, not a path"


class DownloadError(DataError):
    """No address gave the file."""


class _AddressFailedError(Exception):
    """One address did not give the file; the next may."""


def fetch(
    file: RemoteFile,
    folder: Path,
    *,
    on_progress: Progress | None = None,
    also: Sequence[RemoteFile] = (),
    timeout: float = 30.0,
) -> Path:
    """Make sure that a file lies in a folder, complete and unchanged.

    Args:
        file: what is wanted.
        folder: where it belongs; made if it is not there.
        on_progress: told after each piece; a file that is there already is not reported.
        also: files that will be asked for next; an error names them too, so that a user fetches all in one go.
        timeout: seconds without a byte after which an address is given up.

    Returns:
        The file's path.

    Raises:
        DownloadError: no address gave the right bytes; the message lists why, and where the file can be put by hand.
        DataError: a file of this name is there with other content.
        MachineError: the folder can't be written, or the disk is full.
    """
    target = folder / file.filename
    if target.exists():
        _check_existing(file, target)
        return target
    reasons = []
    for url in file.urls:
        try:
            return _fetch_from(url, file, target, on_progress, timeout)
        except _AddressFailedError as error:
            reasons.append(f"  {url}: {error}")
    missing = (file, *(other for other in also if not (folder / other.filename).exists()))
    raise DownloadError("\n".join((f"{file.filename} could not be downloaded:", *reasons, _by_hand(missing, folder))))


def describe_remote(url: str, *, timeout: float = 30.0) -> tuple[int | None, str]:
    """The size of what lies at an address, where the server tells, and a text that changes when it does.

    Raises:
        DownloadError: nothing does, or the server can't be reached.
    """
    try:
        try:
            response = _open(url, timeout, method="HEAD")
        except _AddressFailedError:
            response = _open(url, timeout)  # an address that is signed may be signed for reading alone
    except _AddressFailedError as error:
        raise DownloadError(f"{url}: {error}. Check the address.") from error
    with response:
        told = {name: response.headers.get(name, "") for name in ("Content-Length", "ETag", "Last-Modified")}
    length = told["Content-Length"]
    return int(length) if length.isdigit() else None, " ".join(told.values())


def read_small(url: str, *, timeout: float = 30.0) -> bytes | None:
    """A text of up to 1 MiB; None where there is none."""
    try:
        with _open(url, timeout) as response:
            return response.read(1 << 20)
    except (_AddressFailedError, OSError, http.client.HTTPException):
        return None


def fetch_whole(url: str, target: Path, *, size: int | None, tries: int = 5, timeout: float = 30.0) -> None:
    """Write what lies at an address to `target`, which is replaced; whoever knows its hash takes `fetch`.

    Args:
        size: its bytes, where they are known.
        tries: how often to begin anew, after a pause that grows, before it is given up.

    Raises:
        DownloadError: it can't be had, or is not as long as it was said to be.
        MachineError: the disk refused.
    """
    for number in range(1, tries + 1):
        try:
            with _open(url, timeout) as response, _disk(target.parent), target.open("wb") as out:
                done = 0
                while chunk := _receive(response):
                    done += out.write(chunk)
            if size is not None and done != size:
                raise _AddressFailedError(f"the connection ended after {done:,} of {size:,} bytes")
        except _AddressFailedError as error:
            if number == tries:
                raise DownloadError(f"{url}: {error}, {tries} times. Go on when it can be reached again.") from error
            time.sleep(_PAUSE * 2**number)
        else:
            return


def _by_hand(files: Sequence[RemoteFile], folder: Path) -> str:
    lines = [
        f"  {folder / file.filename} ({file.size:,} bytes, sha256 {file.sha256})\n    from {' or '.join(file.urls)}"
        for file in files
    ]
    return "\n".join(("Without a network, fetch on another machine and put here:", *lines))


def _check_existing(file: RemoteFile, target: Path) -> None:
    try:
        with target.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        size = target.stat().st_size
    except OSError as error:
        raise MachineError(f"{target} can't be read: {error.strerror}. Check its permissions.") from error
    if found != file.sha256:
        raise DataError(
            f"{target} is not the published file: found {size:,} bytes with sha256 {found}, "
            f"expected {file.size:,} bytes with sha256 {file.sha256}. "
            "Move it away to have it downloaded, or copy it again."
        )


def _fetch_from(url: str, file: RemoteFile, target: Path, on_progress: Progress | None, timeout: float) -> Path:
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    with _disk(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(target)
    try:
        with _open(url, timeout) as response, _disk(target.parent), temporary.open("xb") as out:
            _copy(response, out, file, on_progress)
            out.flush()
            os.fsync(out.fileno())
        with _disk(target.parent):
            temporary.replace(target)
        return target
    finally:
        # What can't be removed now is removed later (`_remove_abandoned`), and must not hide why it is there.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _copy(response: http.client.HTTPResponse, out: BinaryIO, file: RemoteFile, on_progress: Progress | None) -> None:
    digest, done = hashlib.sha256(), 0
    while chunk := _receive(response):
        digest.update(chunk)
        done += len(chunk)
        if done > file.size:
            raise _AddressFailedError(f"it sends more than the expected {file.size:,} bytes")
        out.write(chunk)
        if on_progress is not None:
            on_progress(file.filename, done, file.size)
    if done < file.size:
        raise _AddressFailedError(f"the connection ended after {done:,} of {file.size:,} bytes")
    if digest.hexdigest() != file.sha256:
        raise _AddressFailedError(f"wrong content: got sha256 {digest.hexdigest()}, expected {file.sha256}")


def _open(url: str, timeout: float, *, method: str = "GET") -> http.client.HTTPResponse:
    with _network():
        request = urllib.request.Request(url, headers={"User-Agent": "sparring"}, method=method)
        response = _web_only().open(request, timeout=timeout)
    assert isinstance(response, http.client.HTTPResponse), "only the http and https handlers are installed"
    return response


def _web_only() -> urllib.request.OpenerDirector:
    # The default opener also follows addresses and redirects to ftp: and file:.
    opener = urllib.request.OpenerDirector()
    handlers = (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        urllib.request.UnknownHandler,
    )
    for handler in handlers:
        opener.add_handler(handler())
    return opener


def _receive(response: http.client.HTTPResponse) -> bytes:
    with _network():
        return response.read1(_CHUNK_BYTES)


@contextmanager
def _network() -> Iterator[None]:
    """Failures of one address, told apart from failures of the disk: both are `OSError`."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise _AddressFailedError(f"the server answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise _AddressFailedError(str(error.reason)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _AddressFailedError(str(error) or type(error).__name__) from error


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MachineError(
            f"{folder} can't be written: {error.strerror or error}. Free some space, or choose another cache folder."
        ) from error


def _remove_abandoned(target: Path) -> None:
    """Remove what a killed download left behind; one that goes on has been written to lately."""
    for left in target.parent.glob(f".{target.name}.*.part"):
        # another process may be done with it, or remove it, right now
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                left.unlink()
