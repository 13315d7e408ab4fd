"""For all tests."""

import os
import signal


def pytest_configure() -> None:
    """Begin alike wherever the tests are started from."""
    # Set before torch is imported: with more threads than one, tiny networks lose most of their time to waking them.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # A shell's background jobs ignore Ctrl-C, and so would every process that a test starts and interrupts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
