"""When the best gamma of five shows: the ground that `sparring train --sweep gamma` stands on.

    python -m benchmarks.gammas digits mnist.npz [--kimg 48] [--recipe gan] [--keep runs/gammas]

Whole runs with the five values that a sweep tries; for each its least distance within the first tenth, quarter, half
and in all, in multiples of the floor. Shown is for each moment which value it would have chosen, how much worse that
one is in the end than the best, and Spearman's correlation of its order with the last one.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scipy.stats import spearmanr

from benchmarks import record
from benchmarks.kept import Kept, trained
from sparring.job.options import TrainOptions
from sparring.job.sweep import FACTORS, GAMMA, swept_paths
from sparring.job.train import open_and_plan

SHARES = (0.1, 0.25, 0.5, 1.0)
WORST = 1e6
"""Stands for the distance of a run that diverged or collapsed."""


def least(kept: Kept, share: float) -> float:
    """The least distance in the first `share` of a run, in multiples of its floor."""
    table = kept.run.metrics
    name = next(name for name in ("fd_judge", "fd_conv") if name in table)
    until = share * kept.run.recipe.kimg + 1e-9
    rows = zip(table["kimg"], table[name], table[f"{name}_floor"], strict=True)
    found = [value / floor for kimg, value, floor in rows if value is not None and kimg <= until]
    return min(found, default=WORST)


def figures(source: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The five runs on one source, and what each moment would have chosen."""
    plan = open_and_plan(TrainOptions(data=source, recipe=options.recipe, kimg=options.kimg))[1]
    paths = swept_paths(plan.recipe, GAMMA)
    runs: list[dict[str, Any]] = []
    for factor in FACTORS:
        settings = tuple(f"{path}={value * factor:.4g}" for path, value in paths.items())
        out = folder / f"{Path(source).stem}-{factor:g}"
        kept = trained(source, out, recipe=options.recipe, kimg=options.kimg, settings=settings)
        runs.append({"settings": settings, "ended": kept.ended, "least": [least(kept, share) for share in SHARES]})
        times = "  ".join(f"{value:7.2f}" for value in runs[-1]["least"])
        print(f"{Path(source).stem:<10} {', '.join(settings):<20} {kept.ended:<10} {times}", flush=True)
    return {"runs": runs, "moments": [moment(runs, number) for number in range(len(SHARES))]}


def moment(runs: Sequence[Mapping[str, Any]], number: int) -> dict[str, Any]:
    """What a moment would have chosen, and what that choice comes to in the end."""
    early, late = [run["least"][number] for run in runs], [run["least"][-1] for run in runs]
    chosen = early.index(min(early))
    return {
        "share": SHARES[number],
        "chosen": runs[chosen]["settings"],
        "worse": late[chosen] / min(late),
        "spearman": float(spearmanr(early, late).statistic),
    }


def main() -> None:
    """Train, compare, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+")
    parser.add_argument("--kimg", type=float, default=48.0)
    parser.add_argument("--recipe", default="gan")
    parser.add_argument("--keep", type=Path, default=None, help="keep the runs in this folder, and go on with them")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for source in options.data:
            known = found[Path(source).stem] = figures(source, options, options.keep or Path(scratch))
            for told in known["moments"]:
                print(f"  {told['share']:.0%}: {', '.join(told['chosen'])}, in the end {told['worse']:.2f} x the best;")
                print(f"       correlation of the orders {told['spearman']:.2f}")
            path = record.write("gammas", {"kimg": options.kimg, "recipe": options.recipe, "data": found})
    print(path)


if __name__ == "__main__":
    main()
