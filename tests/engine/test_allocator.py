"""Memory is kept inside the context and given back after it, and lies in huge pages: seen in processes of their own."""

import platform
import subprocess
import sys
from pathlib import Path

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


FLAGS = """
import re
from sparring.engine.allocator import reused_memory

with reused_memory():
    block = bytearray(40_000_000)
    with open("/proc/self/smaps") as smaps:
        areas = re.split(r"^(?=[0-9a-f]+-)", smaps.read(), flags=re.MULTILINE)
    asked = [area for area in areas if re.search(r"^VmFlags:.* hg\\b", area, re.MULTILINE)]
    print(max(int(re.search(r"^Rss: +([0-9]+)", area, re.MULTILINE)[1]) for area in asked))
"""
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or not HUGE_PAGES.exists(), reason="there are no huge pages to be asked for"
)
def test_memory_inside_lies_where_huge_pages_are_asked_for() -> None:
    done = subprocess.run([sys.executable, "-c", FLAGS], capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) > 30_000


LIMITED = """
import resource
from sparring.engine.allocator import reused_memory

limit = 4 << 30
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
with reused_memory():
    bytearray(3 << 30)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators are left alone")
def test_addresses_that_are_limited_are_left_for_the_program() -> None:
    subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True, timeout=60, check=True)
