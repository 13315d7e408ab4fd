"""Sides of a comparison that take turns, each in a process of its own: what else the machine does meets all alike."""

import multiprocessing
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

WARM_UP = 3

Step = Callable[[], object]
Side = tuple[Callable[..., AbstractContextManager[Step]], tuple[Any, ...]]
"""What gives a side's step, called in its process, and with what; both can be pickled. The context is held for as long
as steps are asked for."""


@dataclass(frozen=True)
class Child:
    """A side's process, ready to make a step."""

    process: multiprocessing.process.BaseProcess
    pipe: Connection

    @classmethod
    def start(cls, side: Side) -> "Child":
        """Start the process."""
        context = multiprocessing.get_context("spawn")
        pipe, far_end = context.Pipe()
        process = context.Process(target=_serve, args=(far_end, side), daemon=True)
        process.start()
        far_end.close()  # the child's death is then an EOFError here, not a wait without end
        return cls(process, pipe)

    def step(self) -> float:
        """Seconds of one step."""
        self.pipe.send(True)
        return float(self.pipe.recv())

    def stop(self) -> None:
        """End the process."""
        self.pipe.send(False)
        self.process.join()


def _serve(pipe: Connection, side: Side) -> None:
    """A child process: one timed step for each message, until the message is False."""
    begin, given = side
    with begin(*given) as step:
        while pipe.recv():
            start = time.perf_counter()
            step()
            pipe.send(time.perf_counter() - start)


def take_turns(sides: Mapping[str, Side], *, rounds: int) -> dict[str, list[float]]:
    """Seconds of each step of each side, the sides taking turns; the first `WARM_UP` of each are not counted."""
    children = {name: Child.start(side) for name, side in sides.items()}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(WARM_UP + rounds):
        for name, child in children.items():
            taken = child.step()
            if number >= WARM_UP:
                seconds[name].append(taken)
    for child in children.values():
        child.stop()
    return seconds
