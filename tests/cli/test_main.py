"""The frame around the verbs: words in, one message and an exit code out."""

import signal
import subprocess
import sys

import pytest

from cli.conftest import Command
from job.helpers import environment
from sparring import __version__
from sparring.cli.check import Check
from sparring.cli.main import VERBS
from sparring.errors import CollapsedError, DataError, DivergedError, MachineError, UsageError


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_overview_names_every_verb_and_a_first_command(sparring: Command, words: tuple[str, ...]) -> None:
    ended = sparring(*words)
    assert ended.code == 0 and not ended.err
    assert "$ sparring train digits" in ended.out
    assert all(f"\n  {verb}" in ended.out for verb in VERBS)


def test_version(sparring: Command) -> None:
    assert sparring("--version").lines == [__version__]


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_teaches_with_examples(sparring: Command, verb: str) -> None:
    ended = sparring(verb, "--help")
    assert ended.code == 0
    assert f"$ sparring {verb}" in ended.out
    assert "None" not in ended.out and "STR" not in ended.out


def test_overview_costs_no_heavy_import() -> None:
    script = (
        "import sys\nfrom sparring.cli.main import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print([name for name in ('torch', 'numpy', 'PIL', 'sklearn', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment(), timeout=60)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("trian", "digits"), "'train'"),
        (("train", "digits", "--recip", "dcgan"), "--recipe"),
        (("train", "digits", "--recipe", "dgcan"), "'dcgan'"),
        (("train", "digts"), "'digits'"),
        (("train", "digits", "--set", "generator.wdth=9"), "'generator.width'"),
        (("train", "digits", "--precision", "fp23"), "fp32"),
        (("train", "digits", "--device", "gpu"), "cuda"),
        (("check", "digts"), "'digits'"),
        (("sample", "nowhere", "--trunkation", "1"), "--truncation"),
        (("list", "dgcan"), "'dcgan'"),
    ],
)
def test_a_typing_error_gets_the_closest_match(sparring: Command, words: tuple[str, ...], meant: str) -> None:
    ended = sparring(*words)
    assert ended.code == 2
    assert not ended.out
    assert meant in ended.err and "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("that can't be"), 2, "that can't be"),
        (CollapsedError("all alike"), 3, "all alike"),
        (DivergedError("nan"), 4, "nan"),
        (DataError("no picture"), 5, "no picture"),
        (MachineError("disk full"), 6, "disk full"),
        (PermissionError(13, "Permission denied", "/secret"), 6, "/secret"),
        (MemoryError(), 6, "not enough memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), 6, "not enough memory (CUDA out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), 6, "not enough memory"),
        (KeyboardInterrupt(), 128 + signal.SIGINT, "stopped"),
    ],
)
def test_every_failure_is_one_message_and_its_code(
    sparring: Command, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, said: str
) -> None:
    def fail(self: Check) -> None:
        raise error

    monkeypatch.setattr(Check, "run", fail)
    ended = sparring("check", "digits")
    assert ended.code == code
    assert said in ended.err and ended.err.startswith("sparring: ")
    assert "Traceback" not in ended.err and not ended.out


def test_a_bug_keeps_its_traceback(sparring: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Check, "run", lambda self: 1 // 0)
    ended = sparring("check", "digits")
    assert ended.code == 1
    assert "ZeroDivisionError" in ended.err and "report" in ended.err


def test_sigterm_unwinds_and_the_handler_is_put_back(sparring: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    cleared = []

    def stopped(self: Check) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            cleared.append(True)

    monkeypatch.setattr(Check, "run", stopped)
    before = signal.getsignal(signal.SIGTERM)
    assert sparring("check", "digits").code == 128 + signal.SIGTERM
    assert cleared and signal.getsignal(signal.SIGTERM) is before


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m sparring list --json | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=60,
    )
    assert done.stdout == "{\n" and not done.stderr
