"""For all tests."""

import os


def pytest_configure() -> None:
    """One thread a process, set before torch is imported: tiny networks lose most of their time to waking others."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
