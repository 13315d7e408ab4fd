"""The first impression: how long it takes until something is there. The figures are in benchmarks/startup.py."""

import subprocess
import sys
import time

import pytest

import sparring


@pytest.mark.parametrize("words", [("-c", "import sparring"), ("-m", "sparring", "--help")], ids=["import", "help"])
def test_it_starts_at_once(words: tuple[str, ...]) -> None:
    """The best of three fresh processes; loose, for machines that do other things at the same time."""
    durations = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True, capture_output=True, timeout=60)
        durations.append(time.perf_counter() - started)
    assert min(durations) < 1.0


def test_everything_that_is_promised_is_there() -> None:
    assert set(sparring.__all__) <= set(dir(sparring))
    for name in sparring.__all__:
        assert getattr(sparring, name) is not None
        assert getattr(sparring, name) is getattr(sparring, name)


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(AttributeError, match="module 'sparring' has no attribute 'tarin'"):
        _ = sparring.tarin


def test_the_version_is_that_of_the_package() -> None:
    done = subprocess.run([sys.executable, "-m", "sparring", "--version"], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == sparring.__version__
