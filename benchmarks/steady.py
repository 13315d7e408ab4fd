"""Whether a recipe can be relied on: how it ends over several seeds, in half a minute of digits and a minute of MNIST.

    python -m benchmarks.steady [mnist.npz] [--recipes gan dcgan ...] [--keep runs/steady]

Digits for 30 s with seeds 0 to 4, MNIST for 60 s with seeds 0 to 2; each run on as many threads as the environment
allows. Shown are how many ended well, and the median of the last distance in multiples of its floor with the worst one.
A run that is there already, in the folder given by --keep, is not trained again; figures are written after each recipe.
"""

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import record
from benchmarks.kept import Kept, trained
from sparring.recipes.base import recipes_for

SEEDS = {"digits": 5, "mnist": 3}
MINUTES = {"digits": 0.5, "mnist": 1.0}


def last_of(kept: Kept, name: str) -> float | None:
    """The newest value of a column of metrics.csv."""
    values = [value for value in kept.run.metrics.get(name, []) if value is not None]
    return float(values[-1]) if values else None


def figures(kept: Kept, seed: int) -> dict[str, Any]:
    """What one run came to."""
    space = next((name for name in ("fd_judge", "fd_conv", "fd_fourier") if name in kept.run.metrics), None)
    found: dict[str, Any] = {"seed": seed, "ended": kept.ended, "kimg": kept.run.metrics["kimg"][-1], "space": space}
    for name in (space, f"{space}_floor", "recall", "coverage"):
        if space is not None and name is not None:
            found[name.replace(space, "distance")] = last_of(kept, name)
    found["class_agreement"] = last_of(kept, "class_agreement")
    return found


def shown(name: str, data: str, runs: list[dict[str, Any]]) -> str:
    """A line of the table."""
    times = [r["distance"] / r["distance_floor"] for r in runs if r.get("distance") and r.get("distance_floor")]
    well = sum(r["ended"] == "well" for r in runs)
    spread = f"{statistics.median(times):8.1f} x floor, worst {max(times):8.1f}" if times else "not measured"
    agreed = [r["class_agreement"] for r in runs if r.get("class_agreement") is not None]
    classes = f"   classes as asked {min(agreed):.2f} and more" if agreed else ""
    return f"{name:<14} {data:<8} {well} of {len(runs)} ended well   {spread}{classes}"


def main() -> None:
    """Train, count, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mnist", type=Path, nargs="?", default=None)
    parser.add_argument("--recipes", nargs="+", default=[name for name in recipes_for("generate") if name != "pix2pix"])
    parser.add_argument("--keep", type=Path, default=None, help="keep the runs in this folder, and go on with them")
    options = parser.parse_args()
    sources: dict[str, str | Path] = {"digits": "digits"} | ({"mnist": options.mnist} if options.mnist else {})
    found: dict[str, dict[str, Any]] = record.before("steady").get("recipes", {})
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        for name in options.recipes:
            found[name] = {}
            for data, source in sources.items():
                runs = []
                for seed in range(SEEDS[data]):
                    out = folder / f"{name}-{data}-{seed}"
                    kept = trained(source, out, recipe=name, minutes=MINUTES[data], seed=seed)
                    runs.append(figures(kept, seed))
                found[name][data] = runs
                print(shown(name, data, runs), flush=True)
            path = record.write("steady", {"minutes": MINUTES, "recipes": found})
    print(path)


if __name__ == "__main__":
    main()
