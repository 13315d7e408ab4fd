"""Shards made on the spot, and a server on the loopback address that gives them."""

import http.server
import io
import tarfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image


def png(seed: int, side: int = 12) -> bytes:
    """A picture of noise, encoded."""
    data = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)).save(data, "PNG")
    return data.getvalue()


def write_tar(path: Path, members: Mapping[str, bytes] | Sequence[tuple[str, bytes]]) -> Path:
    """A plain tar of these files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:") as archive:
        for name, data in members.items() if isinstance(members, Mapping) else members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def write_shard(path: Path, seeds: Sequence[int], *, classes: Sequence[str] = (), side: int = 12) -> Path:
    """A shard of one picture a seed; with classes, picture n is of number n mod K among them."""
    members: dict[str, bytes] = {}
    for seed in seeds:
        members[f"{seed:06d}.png"] = png(seed, side)
        if classes:
            members[f"{seed:06d}.cls"] = classes[seed % len(classes)].encode()
    return write_tar(path, members)


def write_shards(
    folder: Path, shards: int, each: int, *, classes: Sequence[str] = (), side: int = 12, first: int = 0
) -> str:
    """So many shards of so many pictures each; returns the pattern that stands for them."""
    for number in range(shards):
        start = first + number * each
        write_shard(folder / f"x-{number:03d}.tar", range(start, start + each), classes=classes, side=side)
    return f"{folder}/x-{{000..{shards - 1:03d}}}.tar"


def pixels(seed: int, side: int = 12) -> bytes:
    """What a picture of noise is decoded to."""
    return np.asarray(Image.open(io.BytesIO(png(seed, side)))).tobytes()


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; the server's `broken` files are cut short so many times before they are whole."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        broken: dict[str, int] = self.server.broken  # type: ignore[attr-defined]
        if broken.get(self.path, 0) <= 0:
            super().do_GET()
            return
        broken[self.path] -= 1
        data = Path(self.translate_path(self.path)).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal."""


@contextmanager
def served(folder: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    """A server of a folder; it ends with the context."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    server.daemon_threads = True
    server.asked = []  # type: ignore[attr-defined]
    server.broken = {}  # type: ignore[attr-defined]
    threading.Thread(target=partial(server.serve_forever, poll_interval=0.02), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def address(server: http.server.ThreadingHTTPServer, name: str) -> str:
    """Where a file is to be had."""
    return f"http://127.0.0.1:{server.server_address[1]}/{name}"
