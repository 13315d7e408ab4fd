"""Memory is kept inside the context and given back after it: seen in page faults, in a process of its own."""

import platform
import subprocess
import sys

import pytest

COUNT = """
import resource
from sparring.engine.allocator import reused_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        block = bytearray(b"x") * 40_000_000
        del block
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()

outside = faults()
with reused_memory():
    faults()
    inside = faults()
    kept = resident()
print(outside, inside, kept - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators need no advice")
def test_memory_is_kept_inside_and_given_back_after() -> None:
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, timeout=60, check=True)
    outside, inside, given_back = map(int, done.stdout.split())
    assert inside * 10 < outside
    assert given_back > 30_000_000
