"""Calibrates the hints: makes sound and spoilt runs, and counts what the rules say of them.

    python -m benchmarks.diagnose make --part fit --data digits mnist --mnist mnist.npz
    python -m benchmarks.diagnose make --part report --data digits mnist --mnist mnist.npz
    python -m benchmarks.diagnose judge

`make` goes on where it was stopped. Thresholds are chosen by what `judge --part fit` says; the figures that count are
those of the part `report`, whose runs have other seeds. `judge` writes benchmarks/results/diagnose.json.
"""

import argparse
import json
import os
from pathlib import Path

from benchmarks import record
from benchmarks.diagnose.cases import PARTS, SABOTAGES, cases
from benchmarks.diagnose.judging import figures, judged, table
from benchmarks.diagnose.making import OUTCOME, make
from benchmarks.diagnose.tampering import SOURCES


def main() -> None:
    """Make runs, or judge them."""
    options = _arguments()
    wanted = {part: [case for source in options.data for case in cases(part, source)] for part in options.part}
    if options.verb == "make":
        # Tiny networks lose most of their time to waking threads; the runs share the cores instead.
        os.environ["OMP_NUM_THREADS"] = "1"
        os.environ.setdefault("SPARRING_CACHE", str(options.root.absolute() / "cache"))
        for part in options.part:
            make(wanted[part], options.root.absolute(), mnist=options.mnist, jobs=options.jobs)
        return
    found = {}
    for part in options.part:
        there = [case for case in wanted[part] if (options.root / case.folder / OUTCOME).exists()]
        found[part] = figures(judged(there, options.root))
        print(f"-- {part}: {len(there)} of {len(wanted[part])} runs\n{table(found[part])}\n")
        if options.runs:
            print("\n".join(map(json.dumps, found[part]["runs"])))
    if options.write:
        kinds = {name: list(way.failures) for name, way in SABOTAGES.items()}
        print(record.write("diagnose", {"right_kinds": kinds, **found}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["make", "judge"])
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--data", nargs="+", choices=SOURCES, default=list(SOURCES))
    parser.add_argument("--root", type=Path, default=Path("runs/diagnose"), help="where the runs are")
    parser.add_argument("--mnist", type=Path, default=Path("mnist.npz"), help="the file of MNIST")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time (default: 2)")
    parser.add_argument("--runs", action="store_true", help="print a line on each run")
    parser.add_argument("--write", action=argparse.BooleanOptionalAction, default=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
