"""`sparring VERB ...`: parse, call the verb, turn errors into one message and an exit code."""

import contextlib
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Protocol

from sparring import __version__
from sparring.cli import (
    augment,
    catalogue,
    check,
    compare,
    detect,
    diagnose,
    evaluate,
    explain,
    joint,
    predict,
    report,
    sample,
    train,
)
from sparring.errors import LostProcessError, MachineError, SparringError, UsageError, did_you_mean


class Verb(Protocol):
    """A frozen dataclass whose fields are the options of one verb."""

    def run(self) -> None:
        """Do it."""
        ...


VERBS: dict[str, tuple[type[Verb], str]] = {
    "train": (train.Train, train.HELP),
    "sample": (sample.Sample, sample.HELP),
    "augment": (augment.Augment, augment.HELP),
    "predict": (predict.Predict, predict.HELP),
    "detect": (detect.Detect, detect.HELP),
    "evaluate": (evaluate.Evaluate, evaluate.HELP),
    "compare": (compare.Compare, compare.HELP),
    "diagnose": (diagnose.Diagnose, diagnose.HELP),
    "explain": (explain.Explain, explain.HELP),
    "report": (report.Report, report.HELP),
    "joint": (joint.Joint, joint.HELP),
    "check": (check.Check, check.HELP),
    "list": (catalogue.List, catalogue.HELP),
}

HELP = f"""sparring {__version__} trains neural networks as games: pictures in, a generator or a classifier out.

  $ sparring train digits                 a generator of digits in a minute
  $ sparring check photos/                what will be read, and how
  $ sparring train photos/ --minutes 20   a generator of your own pictures
  $ sparring sample runs/latest -n 64     pictures from it
  $ sparring train photos/ --task classify   which class is a picture of? A class a folder
  $ sparring predict runs/latest new/     the classes of other pictures
  $ sparring train normal/ --task anomaly    what is not as these are?
  $ sparring detect runs/latest new/      scores and heat maps of other pictures
  $ sparring evaluate runs/latest         how good they are, beside what real pictures would get

usage: sparring VERB ...   (`sparring VERB --help` tells more, with examples)
"""


class TerminatedError(KeyboardInterrupt):
    """SIGTERM came while nothing was there to be saved."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its code.

    Args:
        arguments: the words after `sparring`; None: those that the process was started with.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    with _terminable(), _silenced():
        code = _guarded(words)
    sys.exit(code)


def _guarded(words: list[str]) -> int:
    try:
        return _run(words)
    except SparringError as error:
        _say(str(error), first=not isinstance(error, LostProcessError))
        return error.exit_code
    except KeyboardInterrupt as stop:
        _say("stopped; nothing was begun that would have to be saved.")
        return 128 + (signal.SIGTERM if isinstance(stop, TerminatedError) else signal.SIGINT)
    except BrokenPipeError:
        # `sparring list | head`: the reader has seen enough. Python must not try to flush what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        from sparring.runfolder.atomic import machine_error

        refusal = machine_error(Path.cwd(), error)
        _say(str(refusal))
        return refusal.exit_code
    except Exception as error:
        return _unforeseen(error)


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_overview())
        return 0
    if words[0] == "--version":
        print(__version__)
        return 0
    if words[0] not in VERBS:
        raise UsageError(f"unknown verb '{words[0]}'. {did_you_mean(words[0], VERBS)} See sparring --help.")
    if words[0] != "train" and _rank() is not None:
        raise UsageError(f"sparring {words[0]} needs one process: start it without torchrun, which is there to train.")
    _parse(words[0], words[1:]).run()
    sys.stdout.flush()
    return 0


def _parse(name: str, words: list[str]) -> Verb:
    import tyro

    kind, text = VERBS[name]
    config = (tyro.conf.DisallowNone, tyro.conf.FlagCreatePairsOff)
    with contextlib.redirect_stderr(sys.stderr if _is_first() else io.StringIO()):
        return tyro.cli(kind, prog=f"sparring {name}", description=text, args=words, config=config)


def _overview() -> str:
    width = max(map(len, VERBS))
    return HELP + "\n".join(f"  {name:<{width}}  {text.splitlines()[0]}" for name, (_, text) in VERBS.items())


def _unforeseen(error: Exception) -> int:
    """A machine without memory says so in many ways; whatever else arrives here is a bug."""
    text = str(error)
    if isinstance(error, MemoryError) or "out of memory" in text.lower() or "can't allocate memory" in text:
        said = f" ({text.splitlines()[0]})" if text else ""
        _say(f"not enough memory{said}. Give a smaller --batch, --size or width, or close other programs.")
        return MachineError.exit_code
    traceback.print_exc()
    _say("this is a bug of sparring: please report the lines above.")
    return SparringError.exit_code


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Inside, SIGTERM unwinds the stack as Ctrl-C does, so that what was half made is cleared away."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        # Whoever is ending for want of another process no longer listens, see `job.together`.
        if signal.getsignal(signal.SIGTERM) is _terminate:
            signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise TerminatedError


def _rank() -> str | None:
    """Which of several processes this one is, as `torchrun` says it; None: there is no other."""
    return os.environ.get("RANK") if os.environ.get("WORLD_SIZE", "1") != "1" else None


def _is_first() -> bool:
    """Whether it is for this process to speak."""
    return _rank() in (None, "0")


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Within it nothing reaches standard output but from the first of several processes."""
    with contextlib.ExitStack() as stack:
        if not _is_first():
            stack.enter_context(contextlib.redirect_stdout(stack.enter_context(Path(os.devnull).open("w"))))
        yield


def _say(message: str, *, first: bool = True) -> None:
    """Print a message of the first process, or of any."""
    if first and not _is_first():
        return
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    print(f"sparring: {message}", file=sys.stderr)
