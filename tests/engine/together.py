"""Starts a script in several processes of this machine that know of each other, as `torchrun` would, but sooner."""

import os
import socket
import subprocess
import sys
from pathlib import Path

WAIT = 300.0
HERE = Path(__file__).parents[1]


def begin(*words: object, ranks: int = 2, cwd: Path | None = None, **more: str) -> "list[subprocess.Popen[str]]":
    """Start `python words...` as each of the ranks."""
    path = os.pathsep.join([str(HERE), *filter(None, sys.path)])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    shared |= {"WORLD_SIZE": str(ranks), "GLOO_SOCKET_IFNAME": "lo", **more}
    return [
        subprocess.Popen(
            [sys.executable, *map(str, words)],
            cwd=cwd,
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(ranks)
    ]


def ended(processes: "list[subprocess.Popen[str]]") -> list[tuple[int, str, str]]:
    """Exit code, standard output and error of each; whoever takes too long is killed."""
    try:
        return [(process.returncode, *said) for process in processes if (said := process.communicate(timeout=WAIT))]
    finally:
        for process in processes:
            process.kill()
            process.wait()
