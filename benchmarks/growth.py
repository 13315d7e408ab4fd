"""How time and memory grow with the number of pictures, their size, the batch and the processes.

    python -m benchmarks.growth FOLDER [--cases packing opening ...] [--most 1000000]

Every case is a process of its own (`benchmarks.growth_cases`) that works in FOLDER, where made pictures and packs stay:
some 2.5 GB for a million. Figures are written after each case, and a case that is there is not measured again; --again
measures all anew. Shown is by which power of its number each figure grows at the end of its range: 1 is in proportion.
"""

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import record
from benchmarks.growth_cases import SIZED

PICTURES = (1_000, 10_000, 100_000, 1_000_000)
Measured = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class Series:
    """One thing that is measured over a range of numbers.

    Args:
        of: what the numbers are.
        total: figures that may grow in proportion to the number, as a whole.
        each: figures of one picture, which may not grow with it at all; of `side` they may with its square.
        often: how often a case is measured; the median counts.
    """

    of: str
    numbers: Sequence[int]
    total: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    often: int = 1


SERIES: Mapping[str, Series] = {
    "packing": Series(of="pictures", numbers=PICTURES, total=("seconds", "peak_mib", "disk_bytes")),
    "opening": Series(of="pictures", numbers=PICTURES, total=("seconds", "clock", "peak_mib"), often=3),
    "dealing": Series(of="pictures", numbers=PICTURES, total=("first", "peak_mib"), each=("seconds",)),
    "training": Series(of="pictures", numbers=PICTURES, total=("seconds", "peak_mib")),
    "sizing": Series(
        of="side",
        numbers=(16, 32, 64, 128, 256),
        total=("packing_peak_mib", "peak_mib"),
        each=("packing_seconds", "seconds"),
    ),
    "batching": Series(of="batch", numbers=(8, 16, 32, 64, 128), total=("peak_mib",), each=("seconds",)),
    "sharing": Series(of="processes", numbers=(1, 2, 4), total=("peak_mib",), each=("seconds",)),
}


# -- measuring ---------------------------------------------------------------------------------------------------------


def measure(case: str, number: int, folder: Path, *, often: int) -> dict[str, float]:
    """The figures of one case, medians over as many processes as it is measured in."""
    runs = [_once(case, number, folder) for _ in range(often)]
    return {name: sorted(run[name] for run in runs)[often // 2] for name in runs[0]}


def _once(case: str, number: int, folder: Path) -> dict[str, float]:
    words = [sys.executable, "-m"]
    several = case == "sharing" and number > 1
    if several:
        words += ["torch.distributed.run", "--standalone", f"--nproc-per-node={number}", "-m"]
    words += ["benchmarks.growth_cases", case, str(number), str(folder)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, timeout=7200, env=_environment(folder))
    lines: list[dict[str, float]] = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return together(lines)


def together(lines: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """What several processes took: seconds are added up, memory is that of the largest."""
    return {
        name: max(line[name] for line in lines) if name == "peak_mib" else sum(line[name] for line in lines)
        for name in lines[0]
    }


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "SPARRING_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}


# -- what follows ------------------------------------------------------------------------------------------------------


def power(measured: Measured, name: str) -> float:
    """The exponent by which a figure grows between the last two numbers that were measured."""
    numbers = sorted(map(int, measured))[-2:]
    low, high = (measured[str(number)][name] for number in numbers)
    return math.log(max(high, 1e-12) / max(low, 1e-12)) / math.log(numbers[1] / numbers[0])


def slope(measured: Measured, name: str) -> float:
    """How much a figure grows with each further picture, between the last two numbers."""
    low, high = sorted(map(int, measured))[-2:]
    return (measured[str(high)][name] - measured[str(low)][name]) / (high - low)


@dataclass(frozen=True, kw_only=True)
class Need:
    """What so many pictures of 64x64 in colour would take, by these figures.

    Args:
        disk: bytes of the pack. memory: bytes of a process that has it open.
        packing, opening: hours of one core, and seconds.
        epoch: hours of one core that training `gan` on each picture once takes.
    """

    pictures: int
    disk: float
    memory: float
    packing: float
    opening: float
    epoch: float


def needed(pictures: int, cases: Mapping[str, Measured]) -> Need:
    """The figures of a million small pictures and of a picture of 64x64, carried on in proportion."""
    large = max(cases["dealing"], key=int)
    base = cases["dealing"][large]["peak_mib"] * 2**20
    sized = cases["sizing"]["64"]
    return Need(
        pictures=pictures,
        disk=pictures * (sized["stored_bytes"] + _beside(cases["packing"])),
        memory=base + (pictures - int(large)) * slope(cases["dealing"], "peak_mib") * 2**20,
        packing=pictures * (sized["packing_seconds"] - _begun(cases["packing"]) / SIZED) / 3600,
        opening=cases["opening"][large]["seconds"] + (pictures - int(large)) * slope(cases["opening"], "seconds"),
        epoch=pictures * sized["seconds"] / 3600,
    )


def _begun(packing: Measured) -> float:
    """Seconds that packing takes however few pictures there are: processes are started, shards looked into."""
    least = min(map(int, packing))
    return packing[str(least)]["seconds"] - least * slope(packing, "seconds")


def _beside(packing: Measured) -> float:
    """Bytes on the disk for each picture beside its 64 pixels."""
    return slope(packing, "disk_bytes") - 64


# -- the report --------------------------------------------------------------------------------------------------------


def shown(case: str, measured: Measured) -> str:
    """A table of one series, with the powers below."""
    names = list(next(iter(measured.values())))
    rows = [f"{case} by {SERIES[case].of}", "".join(f"{name:>18}" for name in ["number", *names])]
    for number in sorted(map(int, measured)):
        figures = measured[str(number)]
        rows.append(f"{number:>18,}" + "".join(f"{figures[name]:>18.4g}" for name in names))
    if len(measured) > 1:
        rows.append(f"{'power':>18}" + "".join(f"{power(measured, name):>18.2f}" for name in names))
    return "\n".join(rows)


def needs_shown(cases: Mapping[str, Measured]) -> str:
    """What larger sets would take."""
    rows = [f"{'pictures':>16}{'disk GB':>12}{'memory GB':>12}{'packing h':>12}{'opening s':>12}{'epoch h':>12}"]
    for pictures in (10**6, 10**7, 10**8, 10**9):
        need = needed(pictures, cases)
        rows.append(
            f"{pictures:>16,}{need.disk / 1e9:>12,.0f}{need.memory / 1e9:>12,.1f}{need.packing:>12,.1f}"
            f"{need.opening:>12,.1f}{need.epoch:>12,.0f}"
        )
    return "\n".join(rows)


def main() -> None:
    """Measure what is missing, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cases", nargs="+", choices=list(SERIES), default=list(SERIES))
    parser.add_argument("--most", type=int, default=PICTURES[-1])
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    cases: dict[str, dict[str, Any]] = record.before("growth").get("cases", {})
    for case in options.cases:
        found = {} if options.again else cases.get(case, {})
        cases[case] = found
        for number in SERIES[case].numbers:
            if str(number) not in found and number <= options.most:
                found[str(number)] = measure(case, number, options.folder, often=SERIES[case].often)
                record.write("growth", {"cases": cases})
        print(shown(case, found), flush=True)
    if {"packing", "opening", "dealing", "sizing"} <= cases.keys():
        print(needs_shown(cases))


if __name__ == "__main__":
    main()
