"""What can go wrong in a user's hands, each with the exit code that a script can act on.

Every message names the file or option, what arrived, what was expected, and what to do.
"""

import difflib
from collections.abc import Iterable


class SparringError(Exception):
    """Base of every error that is reported as one message, without a traceback."""

    exit_code = 1


class UsageError(SparringError, ValueError):
    """An option, a name or a combination that can't be; also: the run exists, no such GPU."""

    exit_code = 2


class CollapsedError(SparringError):
    """Training ended because the generator lost its variety."""

    exit_code = 3


class DivergedError(SparringError):
    """Training ended because numbers stopped being finite."""

    exit_code = 4


class DataError(SparringError, ValueError):
    """The pictures, labels or archives given can't be used."""

    exit_code = 5


class MachineError(SparringError):
    """The disk, the memory or the cache refused."""

    exit_code = 6


class LostProcessError(MachineError):
    """One of the processes that train together is gone."""


class OtherProcessError(SparringError):
    """Something that failed in another of the processes that train together, with the exit code that it has there."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class InterruptedRunError(SparringError):
    """A signal ended the run after its state was saved."""

    def __init__(self, message: str, *, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence that names the closest known words, and all of them where they are few.

    >>> did_you_mean("dgcan", ["dcgan", "gan"])
    "Did you mean 'dcgan'? Known: dcgan, gan."
    """
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    hint = f"Did you mean '{close[0]}'? " if close else ""
    listed = ", ".join(names) if len(names) <= 20 else ", ".join(names[:20]) + ", ..."
    return f"{hint}Known: {listed}."
