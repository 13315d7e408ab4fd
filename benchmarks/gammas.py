"""Whether a tenth of a run tells which gamma suits it: the ground that `sparring train --sweep gamma` stands on.

    python -m benchmarks.gammas digits mnist.npz [--kimg 48] [--recipe gan] [--keep runs/gammas]

Whole runs with the five values that a sweep tries; for each its least distance within the first tenth, and its least in
the end, in multiples of the floor. Shown is which value each of them would have chosen, and Spearman's correlation of
the two orders.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from scipy.stats import spearmanr

from benchmarks import record
from benchmarks.kept import Kept, trained
from sparring.job.options import TrainOptions
from sparring.job.sweep import FACTORS, GAMMA, SHARE, swept_paths
from sparring.job.train import open_and_plan

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
    rows = []
    for factor in FACTORS:
        settings = tuple(f"{path}={value * factor:.4g}" for path, value in paths.items())
        out = folder / f"{Path(source).stem}-{factor:g}"
        kept = trained(source, out, recipe=options.recipe, kimg=options.kimg, settings=settings)
        rows.append({"settings": settings, "ended": kept.ended, "early": least(kept, SHARE), "late": least(kept, 1.0)})
        print(f"{Path(source).stem:<10} {', '.join(settings):<18} {kept.ended:<10}", end="")
        print(f"  first tenth {rows[-1]['early']:8.2f} x floor   whole {rows[-1]['late']:8.2f} x floor", flush=True)
    early, late = [row["early"] for row in rows], [row["late"] for row in rows]
    chosen = {when: rows[values.index(min(values))]["settings"] for when, values in (("early", early), ("late", late))}
    return {"rows": rows, "chosen": chosen, "spearman": float(spearmanr(early, late).statistic)}


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
            print(f"early {known['chosen']['early']}, late {known['chosen']['late']}: {known['spearman']:.2f}")
            path = record.write("gammas", {"kimg": options.kimg, "recipe": options.recipe, "data": found})
    print(path)


if __name__ == "__main__":
    main()
