"""Downloads from a server on the loopback address that fails in every way that servers do."""

import hashlib
import http.server
import multiprocessing
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparring.data.download import DownloadError, RemoteFile, fetch
from sparring.errors import DataError, MachineError

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Remembers what was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.asked: list[str] = []

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Answers(http.server.BaseHTTPRequestHandler):
    """The path says how the server behaves."""

    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        behaviour = getattr(self, f"_{self.path.strip('/')}", None)
        if behaviour is None:
            self.send_error(404)
        else:
            behaviour()

    def _good(self) -> None:
        self._send(CONTENT)

    def _wrong(self) -> None:
        self._send(CONTENT[:-1] + b"?")

    def _longer(self) -> None:
        self._send(CONTENT + b"?")

    def _cut(self) -> None:
        self._send(CONTENT[:300_000], length=len(CONTENT))

    def _silent(self) -> None:
        self.server.asked.append(f"waited {self.rfile.read(1)!r}")

    def _moved(self) -> None:
        self._redirect(self.server.address("/good"))

    def _to_file(self) -> None:
        self._redirect("file:///etc/hostname")

    def _to_ftp(self) -> None:
        self._redirect(self.server.address("/good").replace("http", "ftp"))

    def _send(self, data: bytes, length: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        self.wfile.write(data)

    def _redirect(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join(timeout=10)


def remote(*urls: str) -> RemoteFile:
    return RemoteFile(filename="a.bin", urls=urls, sha256=SHA256, size=len(CONTENT))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_download_with_progress(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    folder = tmp_path / "deep" / "folder"
    path = fetch(remote(server.address("/good")), folder, on_progress=lambda *step: seen.append(step))
    assert path == folder / "a.bin"
    assert path.read_bytes() == CONTENT
    assert names(folder) == ["a.bin"]
    assert {(name, total) for name, _, total in seen} == {("a.bin", len(CONTENT))}
    done = [count for _, count, _ in seen]
    assert done == sorted(set(done)) and done[-1] == len(CONTENT) and len(done) > 1


def test_the_file_can_be_read_by_others(server: Server, tmp_path: Path) -> None:
    path = fetch(remote(server.address("/good")), tmp_path)
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_a_file_that_is_there_needs_no_network(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(CONTENT)
    assert fetch(remote(server.address("/good")), tmp_path) == tmp_path / "a.bin"
    assert server.asked == []


def test_a_file_that_is_there_with_other_content_stays(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"mine")
    with pytest.raises(DataError, match="Move it away") as refused:
        fetch(remote(server.address("/good")), tmp_path)
    found = hashlib.sha256(b"mine").hexdigest()
    for word in (str(tmp_path / "a.bin"), "found 4 bytes", found, SHA256, f"{len(CONTENT):,}"):
        assert word in str(refused.value)
    assert (tmp_path / "a.bin").read_bytes() == b"mine"
    assert server.asked == []


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        ("/wrong", f"wrong content: got sha256 {hashlib.sha256(CONTENT[:-1] + b'?').hexdigest()}, expected {SHA256}"),
        ("/absent", "the server answers 404 Not Found"),
        ("/cut", f"of {len(CONTENT):,} bytes"),
        ("/longer", f"more than the expected {len(CONTENT):,} bytes"),
        ("/to_file", "not allowed"),
        ("/to_ftp", "unknown url type: ftp"),
    ],
)
def test_an_address_that_fails_and_a_second_that_does_not(
    server: Server, tmp_path: Path, behaviour: str, words: str
) -> None:
    with pytest.raises(DownloadError) as refused:
        fetch(remote(server.address(behaviour)), tmp_path)
    assert f"{server.address(behaviour)}: " in str(refused.value)
    assert words in str(refused.value)
    assert names(tmp_path) == []
    path = fetch(remote(server.address(behaviour), server.address("/good")), tmp_path)
    assert path.read_bytes() == CONTENT
    assert names(tmp_path) == ["a.bin"]
    assert server.asked == [behaviour, behaviour, "/good"]


def test_a_redirect_is_followed(server: Server, tmp_path: Path) -> None:
    assert fetch(remote(server.address("/moved")), tmp_path).read_bytes() == CONTENT


def test_a_server_that_says_nothing_is_given_up(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="timed out"):
        fetch(remote(server.address("/silent")), tmp_path, timeout=0.2)


def test_a_refused_connection_says_what_to_put_where(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/a.bin"
        later = RemoteFile(filename="b.bin", urls=("https://b.example/b.bin",), sha256="ab" * 32, size=7_000)
        there = RemoteFile(filename="c.bin", urls=("https://c.example/c.bin",), sha256="cd" * 32, size=8)
        (tmp_path / "c.bin").write_bytes(b"x")
        with pytest.raises(DownloadError) as refused:
            fetch(remote(address), tmp_path, also=(later, there))
    assert refused.value.exit_code == 5
    message = str(refused.value)
    assert "Connection refused" in message
    assert f"{tmp_path / 'a.bin'} ({len(CONTENT):,} bytes, sha256 {SHA256})\n    from {address}" in message
    assert f"{tmp_path / 'b.bin'} (7,000 bytes, sha256 {'ab' * 32})\n    from https://b.example/b.bin" in message
    assert "c.bin" not in message


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/a", "data:,x", "nothing", "http://"])
def test_only_web_addresses(tmp_path: Path, url: str) -> None:
    with pytest.raises(DownloadError, match=r"a\.bin could not be downloaded"):
        fetch(remote(url), tmp_path)
    assert names(tmp_path) == []


def test_a_full_disk_is_the_machine_and_leaves_nothing(server: Server, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
    try:
        with pytest.raises(MachineError, match="can't be written") as refused:
            fetch(remote(server.address("/good"), server.address("/good")), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(tmp_path) in str(refused.value)
    assert refused.value.exit_code == 6
    assert names(tmp_path) == []
    assert server.asked == ["/good"], "another address does not help a full disk"


def test_a_folder_that_can_not_be_made_is_the_machine(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MachineError, match="choose another cache folder"):
        fetch(remote(server.address("/good")), tmp_path / "file" / "cache")
    assert server.asked == []


def test_an_interruption_leaves_nothing(server: Server, tmp_path: Path) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(remote(server.address("/good")), tmp_path, on_progress=interrupt)
    assert names(tmp_path) == []


def test_what_a_killed_download_left_is_removed_a_day_later(server: Server, tmp_path: Path) -> None:
    old, young, other = (tmp_path / name for name in (".a.bin.1.part", ".a.bin.2.part", ".b.bin.1.part"))
    for path in (old, young, other):
        path.write_bytes(b"half")
    for path in (old, other):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    fetch(remote(server.address("/good")), tmp_path)
    assert names(tmp_path) == [".a.bin.2.part", ".b.bin.1.part", "a.bin"]


def test_a_left_over_that_vanishes_meanwhile_is_no_error(server: Server, tmp_path: Path) -> None:
    (tmp_path / ".a.bin.1.part").symlink_to(tmp_path / "gone")
    assert fetch(remote(server.address("/good")), tmp_path).read_bytes() == CONTENT


def test_two_processes_at_once(server: Server, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    file = remote(server.address("/good"))
    processes = [context.Process(target=fetch, args=(file, tmp_path)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert names(tmp_path) == ["a.bin"]
