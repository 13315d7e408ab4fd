"""Shards on their way, in threads of their own: whoever stops waits for none of them."""

import queue
import shutil
import tempfile
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sparring.data.shard_rows import fetch_shard
from sparring.data.shards import Shard


@dataclass(frozen=True)
class Fetched:
    """A shard that is there: its plain tar, and the folder to be removed with `forget`."""

    tar: Path
    folder: Path

    def forget(self) -> None:
        """Remove what was fetched; a file of the user's own lies elsewhere."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Fetching:
    """Fetches shards ahead.

    Args:
        work: where to; to be removed by whoever made it.
        connections: how many at once.
    """

    def __init__(self, work: Path, connections: int = 1) -> None:
        self._work = work
        self._under_way: dict[Shard, Future[Fetched]] = {}
        self._waiting: queue.SimpleQueue[tuple[Shard, Future[Fetched]] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(connections)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for future in self._under_way.values():
            future.cancel()
        for _ in self._threads:
            self._waiting.put(None)

    def begin(self, shard: Shard) -> None:
        """Have a shard fetched, unless it is on its way."""
        if shard not in self._under_way:
            self._under_way[shard] = Future()
            self._waiting.put((shard, self._under_way[shard]))

    def take(self, shard: Shard) -> Fetched:
        """Wait for a shard.

        Raises:
            DataError, MachineError: as `fetch_shard`.
        """
        self.begin(shard)
        return self._under_way.pop(shard).result()

    def _run(self) -> None:
        while (asked := self._waiting.get()) is not None:
            shard, future = asked
            if not future.set_running_or_notify_cancel():
                continue
            try:
                folder = Path(tempfile.mkdtemp(dir=self._work))
                future.set_result(Fetched(fetch_shard(shard, folder), folder))
            except BaseException as error:  # carried to whoever waits for it
                future.set_exception(error)
