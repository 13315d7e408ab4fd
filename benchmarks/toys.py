"""Points of a plane in seconds: which recipe finds all modes of the ring of 8 and the grid of 25, and which collapses.

    python -m benchmarks.toys [--data ring grid] [--recipes gan gan2014] [--seeds 0 1 2]

For each a run with the recipe's defaults, `gan2014` with narrower layers, so that it sees as many points in the same
time. Then, of 2,500 samples of its last checkpoint, the modes that are found (a tenth of their even share within
three standard deviations) and the share of samples within three standard deviations of any. Wanted of `gan`: all 8 and
all 25 in under 60 s.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import sparring
from benchmarks import record
from sparring.data import open_data
from sparring.errors import CollapsedError
from sparring.metrics.modes import found_modes

SAMPLES = 2_500
SETTINGS = {"gan2014": ("generator.width=128", "discriminator.width=48")}


def played(data: str, recipe: str, seed: int, *, out: Path) -> dict[str, Any]:
    """One run: what it found, and its seconds from the call to the written report."""
    started, collapsed = time.perf_counter(), False
    cpu = time.process_time()
    try:
        sparring.train(data, recipe=recipe, settings=SETTINGS.get(recipe, ()), seed=seed, out=out, device="cpu")
    except CollapsedError:
        collapsed = True
    seconds, computed = time.perf_counter() - started, time.process_time() - cpu
    run, modes = sparring.load(out, device="cpu", checkpoint="last"), open_data(data).modes
    assert modes is not None
    found = found_modes(run.sample(SAMPLES, seed=1), modes)
    return {
        "data": data,
        "recipe": recipe,
        "seed": seed,
        "seconds": seconds,
        "processor_seconds": computed,
        "kimg": run.recipe.kimg,
        "modes": found.modes,
        "of": len(modes.centres),
        "quality": found.quality,
        "collapsed": collapsed,
        "hints": sorted({str(event["values"]["rule"]) for event in run.events if event["kind"] == "hint"}),
    }


def main() -> None:
    """Train, count, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["ring", "grid"])
    parser.add_argument("--recipes", nargs="+", default=["gan", "gan2014"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--keep", type=Path, default=None, help="keep the runs in this folder")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for data, recipe, seed in [(d, r, s) for d in options.data for r in options.recipes for s in options.seeds]:
            out = (options.keep or Path(scratch)) / f"{data}-{recipe}-{seed}"
            row = played(data, recipe, seed, out=out)
            rows.append(row)
            print(
                f"{data} {recipe} seed {seed}: {row['modes']} of {row['of']} modes, quality {row['quality']:.3f}, "
                f"{row['seconds']:.0f} s ({row['processor_seconds']:.0f} s of the processor), {row['kimg']:g} kimg"
                f"{', collapsed' if row['collapsed'] else ''}",
                flush=True,
            )
    print(record.write("toys", {"samples": SAMPLES, "settings": SETTINGS, "rows": rows}))


if __name__ == "__main__":
    main()
