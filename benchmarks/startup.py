"""The first impression: `import sparring` and `sparring --help`, each the median of ten fresh processes.

    python -m benchmarks.startup

Wanted: 0.3 s or less. The first process is not counted: it may have to compile and to read from a cold disk.
"""

import statistics
import subprocess
import sys
import time

from benchmarks import record

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import sparring": ["-c", "import sparring"],
    "sparring --help": ["-m", "sparring", "--help"],
    "sparring train --help": ["-m", "sparring", "train", "--help"],
}
PROCESSES = 10
WANTED = 0.3


def seconds(words: list[str]) -> float:
    """Wall-clock time of one fresh process from its start to its exit."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Measure, print, record."""
    figures = {}
    print(f"{'seconds':<24}{'median':>8}{'least':>8}{'most':>8}{'wanted':>8}")
    for name, words in COMMANDS.items():
        seconds(words)
        found = [seconds(words) for _ in range(PROCESSES)]
        figures[name] = {"median": statistics.median(found), "least": min(found), "most": max(found)}
        print(f"{name:<24}{figures[name]['median']:>8.3f}{min(found):>8.3f}{max(found):>8.3f}{WANTED:>8.1f}")
    print(record.write("startup", {"processes": PROCESSES, "seconds": figures}))


if __name__ == "__main__":
    main()
