"""A job that several processes do together: who of them speaks and writes, and what they must have in common."""

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sparring.data import Data
from sparring.engine.denormals import start_workers
from sparring.engine.distributed import agreed, asked, by_first, joined
from sparring.errors import DataError, LostProcessError, UsageError
from sparring.job.listeners import Listeners
from sparring.nn import ranks
from sparring.runfolder import RunFolder


@contextmanager
def together(listeners: Listeners) -> Iterator[Listeners]:
    """Join the other processes that `torchrun` started, where it did; only rank 0 tells what happens.

    Before anything is computed, the threads that compute are started.

    Raises:
        UsageError: the environment makes no sense. LostProcessError: one of them did not come, or was lost later.
    """
    start_workers()
    others = asked()
    if others is None or ranks.world().ranks > 1:
        yield listeners
        return
    with joined(*others) as here:
        yield listeners if here.rank == 0 else Listeners()


def refuse_several(option: str) -> None:
    """Refuse an option whose runs follow from each other's records, where several processes were started.

    Raises:
        UsageError: names it.
    """
    others = asked()
    if others is not None:
        raise UsageError(f"{option} does not go with {others[1]} processes: start it in one, without torchrun.")


def refuse_other_data(data: Data) -> None:
    """Refuse to go on where the processes read different pictures; each of them has to ask.

    Raises:
        DataError: names the part.
    """
    own = _digests(data)
    first = by_first(lambda: own)

    def compare() -> None:
        other = [name for name in first if own.get(name) != first[name]]
        if other:
            raise DataError(
                f"{data.report.source}: the {' and '.join(other)} part is not the same as in process 0. All processes "
                "must read the same pictures: copy them anew, or share one folder."
            )

    agreed(compare)


def _digests(data: Data) -> Mapping[str, str]:
    return {name: part.hash for name, part in data.report.parts.items()}


@contextmanager
def survived(folder: RunFolder) -> Iterator[None]:
    """Within it a process that is lost ends the run as its last checkpoint left it.

    Raises:
        LostProcessError: says how to go on.
    """
    try:
        yield
    except LostProcessError as error:
        _end_undisturbed()
        raise LostProcessError(
            f"{error} The run is kept as of its last checkpoint. Go on, with as many processes as you like: "
            f"sparring train --resume {folder.path}"
        ) from error


def _end_undisturbed() -> None:
    """torchrun ends the survivors of a lost process by a signal: they are ending already, and are to say why."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
