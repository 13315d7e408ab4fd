"""How many of the processor's threads a network is worth."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

TINY = 16 * 16
"""Pictures of so many places or fewer train as fast on one thread as on two. Threads that share their cores with other
programs wait for each other at every small kernel: on a busy machine two were ten times slower than one."""


@contextmanager
def threads_for(places: int) -> Iterator[None]:
    """Within it, one thread computes where pictures have at most `TINY` places (height times width)."""
    before = torch.get_num_threads()
    if places <= TINY:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
