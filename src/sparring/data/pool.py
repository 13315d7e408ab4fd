"""The decoding processes, seen from the parent: jobs in, facts out; a dead process costs a picture, never a hang."""

import base64
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np

from sparring.data.collection import FilePlace, PairPlace, ZipPlace
from sparring.data.facts import FACT, Facts
from sparring.errors import MachineError

Place = FilePlace | ZipPlace | PairPlace
Progress = Callable[[str, int, int | None], None]
_CHUNK_PICTURES = 512
_CHUNK_BYTES = 4 << 20
_SECONDS_A_JOB = 60.0
_SECONDS_A_PICTURE = 2.0
_MOST_CRASHES = 50


@dataclass(frozen=True, kw_only=True)
class Output:
    """Where decoded pictures go: rows of `size * size * channels` bytes, of pairs twice as many, in the file `path`."""

    path: str
    size: int
    channels: int
    fit: str
    paired: bool = False


@dataclass(frozen=True, kw_only=True)
class Job:
    """Neighbouring pictures that one process decodes together."""

    first: int
    places: Sequence[Place]
    row: int
    output: Output | None

    def line(self) -> bytes:
        """The job as a worker reads it."""
        record: dict[str, Any] = {"places": self.places}
        if self.output is not None:
            record |= {"out": self.output.path, "row": self.row, "size": self.output.size}
            record |= {"channels": self.output.channels, "fit": self.output.fit, "paired": self.output.paired}
        return json.dumps(record).encode("ascii") + b"\n"

    def alone(self) -> Iterator["Job"]:
        """One job a picture: how the guilty one is found."""
        for step, place in enumerate(self.places):
            yield Job(first=self.first + step, places=[place], row=self.row + step, output=self.output)


@dataclass(kw_only=True)
class Answer:
    """What came back for a job."""

    job: Job
    facts: Facts
    errors: list[tuple[int, str]] = field(default_factory=list)


def make_jobs(places: Sequence[Place], *, output: Output | None, workers: int) -> Iterator[Job]:
    """Cut neighbouring places into jobs: small enough that every process has several and progress is seen."""
    limit = max(1, min(_CHUNK_PICTURES, len(places) // (workers * 4)))
    start, weight = 0, 0
    for index, place in enumerate(places):
        weight += sum(map(_weight, place if isinstance(place, PairPlace) else (place,)))
        if index + 1 - start >= limit or weight >= _CHUNK_BYTES:
            yield Job(first=start, places=places[start : index + 1], row=start, output=output)
            start, weight = index + 1, 0
    if start < len(places):
        yield Job(first=start, places=places[start:], row=start, output=output)


def _weight(place: FilePlace | ZipPlace) -> int:
    return place.size or 0 if isinstance(place, FilePlace) else _CHUNK_BYTES // 32


def usable_cores() -> int:
    """Processor cores that this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(allowed(0)) if allowed else os.cpu_count() or 1


class _StoppedError(Exception):
    """The pool is being closed: what a thread still had to do is of no use."""


class Pool:
    """Decoding processes; a context manager that leaves none behind.

    Args:
        workers: how many processes.
    """

    def __init__(self, workers: int) -> None:
        self.size = workers
        self._workers = [_Worker() for _ in range(workers)]
        self._answers: queue.SimpleQueue[Answer | BaseException | None] = queue.SimpleQueue()
        self._crashes = 0
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for worker in self._workers:
            worker.end()

    def run(self, jobs: Sequence[Job]) -> Iterator[Answer]:
        """Answers as they come, in no fixed order.

        Raises:
            MachineError: the disk refused, or processes can't be started or die again and again.
        """
        waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
        for job in jobs:
            waiting.put(job)
        for worker in self._workers:
            threading.Thread(target=self._feed, args=(worker, waiting), daemon=True).start()
        running = len(self._workers)
        while running:
            answer = self._answers.get()
            if isinstance(answer, BaseException):
                raise answer
            if answer is None:
                running -= 1
            else:
                yield answer

    def _feed(self, worker: "_Worker", waiting: "queue.SimpleQueue[Job]") -> None:
        try:
            while not self._stop.is_set():
                try:
                    job = waiting.get_nowait()
                except queue.Empty:
                    break
                for answer in self._work(worker, job):
                    self._answers.put(answer)
            self._answers.put(None)
        except BaseException as error:  # carried to the thread that asked
            self._answers.put(error)

    def _work(self, worker: "_Worker", job: Job) -> Iterator[Answer]:
        death = worker.ask(job)
        if isinstance(death, Answer):
            yield death
            return
        self._note_crash(worker, death)
        if len(job.places) == 1:
            yield Answer(job=job, facts=np.zeros(1, FACT), errors=[(0, f"decoding it {death}")])
            return
        for single in job.alone():
            yield from self._work(worker, single)

    def _note_crash(self, worker: "_Worker", death: str) -> None:
        if self._stop.is_set():
            raise _StoppedError
        self._crashes += 1
        if self._crashes > _MOST_CRASHES:
            raise MachineError(
                f"decoding processes ended {self._crashes} times (the last one {death}). If memory ran out, close other"
                " programs; else check the pictures with `sparring check`."
            )
        worker.start()


class _Worker:
    """One process, started again after it died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False

    def start(self) -> None:
        """Start without waiting: the interpreter loads while the parent goes on."""
        self.end()
        # The parent's own search path, and nothing else: a `random.py` beside the user's script must not be imported.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONSAFEPATH": "1"}
        environment["OPENBLAS_NUM_THREADS"] = "1"  # numpy would start a thread a core, for nothing
        command = [sys.executable, "-m", "sparring.data.worker"]
        pipe = subprocess.PIPE
        self._ready = False
        try:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, bufsize=-1)
        except OSError as error:
            raise MachineError(f"can't start a process to decode pictures ({sys.executable}): {error}") from error

    def ask(self, job: Job) -> Answer | str:
        """The answer to a job, or how the process ended over it."""
        assert self._process is not None
        self._wait_until_ready(self._process)
        limit = _SECONDS_A_JOB + _SECONDS_A_PICTURE * len(job.places)
        overdue = threading.Event()
        watch = threading.Timer(limit, _kill_overdue, args=(self._process, overdue))
        watch.daemon = True
        watch.start()
        try:
            reply = self._exchange(self._process, job.line())
        finally:
            watch.cancel()
        if reply.endswith(b"\n"):
            return self._parse(job, reply)
        return f"took more than {limit:.0f} seconds" if overdue.is_set() else self._how_it_ended(self._process)

    def end(self) -> None:
        """End the process, at once, and wait for it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                _close(stream)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None and process.stderr is not None
        if self._ready:
            return
        if not process.stdout.readline():
            text = process.stderr.read().decode("utf-8", "replace").strip()
            raise MachineError(f"a process to decode pictures did not start ({sys.executable}): {text[-2000:]}")
        self._ready = True

    @staticmethod
    def _exchange(process: subprocess.Popen[bytes], line: bytes) -> bytes:
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(line)
            process.stdin.flush()
            return process.stdout.readline()
        except (OSError, ValueError):
            return b""

    @staticmethod
    def _parse(job: Job, reply: bytes) -> Answer:
        record = json.loads(reply)
        if "bug" in record:
            raise RuntimeError(f"the decoding process failed:\n{record['bug']}")
        if "disk" in record:
            path = job.output.path if job.output else "the cache"
            raise MachineError(f"{path}: {record['disk']}. Set SPARRING_CACHE to a folder that has room.")
        facts = np.frombuffer(base64.b64decode(record["facts"]), FACT)
        return Answer(job=job, facts=facts, errors=[(int(index), str(reason)) for index, reason in record["errors"]])

    @staticmethod
    def _how_it_ended(process: subprocess.Popen[bytes]) -> str:
        code = process.wait()
        return f"killed the process (signal {-code})" if code < 0 else f"ended the process (exit code {code})"


def _kill_overdue(process: subprocess.Popen[bytes], overdue: threading.Event) -> None:
    overdue.set()
    process.kill()


def _close(stream: Any) -> None:
    with contextlib.suppress(OSError):  # a pipe whose other end died may hold bytes that nobody will read
        stream.close()
