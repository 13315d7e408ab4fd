"""Time and peak memory of the measures of samples beside reals, and their time beside that of the references.

    python -m benchmarks.measures [--count 50000] [--axes 64] [--limit-mib 4096] [--beside 5000]

Every measure has a process of its own; its peak counts everything, imports and features too. The references (prdc and
torch-fidelity, extra `reference`) hold all pairs at once, so they are timed at a size of their own; without the extra
that part is left out. Features are drawn from normal distributions, a quarter of a standard deviation apart.
"""

import argparse
import contextlib
import io
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks import record
from sparring.metrics.base import Floats
from sparring.metrics.bins import Bins
from sparring.metrics.copying import authenticity, copies, copying_test
from sparring.metrics.frechet import frechet_distance
from sparring.metrics.kernel import kernel_distance
from sparring.metrics.neighbours import Neighbourhood
from sparring.metrics.variety import diversity, duplicates

K = 5
REPEATS = 3
Measure = Callable[[Floats, Floats], object]

MEASURES: dict[str, Measure] = {
    "frechet_distance": frechet_distance,
    "kernel_distance": kernel_distance,
    "precision, recall, density, coverage": lambda fakes, reals: Neighbourhood(reals, k=K).measure(fakes),
    "diversity": diversity,
    "duplicates": duplicates,
    "copies": lambda fakes, reals: copies(fakes, reals, reals[: len(reals) // 5] + 0.1),
    "copying_test": lambda fakes, reals: copying_test(fakes, reals, reals[: len(reals) // 5] + 0.1),
    "authenticity": authenticity,
    "bins": lambda fakes, reals: Bins(reals).measure(fakes),
}


def by_prdc(fakes: Floats, reals: Floats) -> object:
    """Precision, recall, density and coverage by prdc, which prints its sizes."""
    with contextlib.redirect_stdout(io.StringIO()):
        return import_module("prdc").compute_prdc(reals, fakes, K)


def by_fidelity(fakes: Floats, reals: Floats) -> object:
    """Precision and recall alone, by torch-fidelity."""
    import torch

    a, b = torch.from_numpy(fakes), torch.from_numpy(reals)
    settings = {"prc_neighborhood": K, "prc_batch_size": 10_000, "save_cpu_ram": False, "verbose": False}
    return import_module("torch_fidelity.metric_prc").prc_features_to_metric(a, b, **settings)


def kernel_by_fidelity(fakes: Floats, reals: Floats) -> object:
    """100 subsets of 1,000 by torch-fidelity."""
    import torch

    module = import_module("torch_fidelity.metric_kid")
    return module.kid_features_to_metric(torch.from_numpy(fakes), torch.from_numpy(reals), verbose=False)


REFERENCES: dict[str, tuple[str, Measure]] = {
    "prdc": ("precision, recall, density, coverage", by_prdc),
    "torch-fidelity PRC (no density, no coverage)": ("precision, recall, density, coverage", by_fidelity),
    "torch-fidelity KID": ("kernel_distance", kernel_by_fidelity),
}


def features(count: int, axes: int) -> tuple[Floats, Floats]:
    """Samples and reals, float64 [count, axes] each."""
    draw = np.random.default_rng(0)
    return draw.normal(size=(count, axes)) + 0.25, draw.normal(size=(count, axes))


def timed(measure: Measure, fakes: Floats, reals: Floats) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    measure(fakes, reals)
    return time.perf_counter() - start


def child(name: str, count: int, axes: int) -> None:
    """Take one measure in this process, and print its time and this process's peak."""
    fakes, reals = features(count, axes)
    before = time.process_time()
    seconds = timed(MEASURES[name], fakes, reals)
    used = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "processor_seconds": used, "peak_mib": peak}))


def in_child(name: str, count: int, axes: int) -> dict[str, float]:
    """The same in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.measures", "--only", name, "--count", str(count), "--axes", str(axes)]
    done = subprocess.run(words, check=True, capture_output=True, text=True, timeout=3600)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def beside_references(count: int, axes: int) -> list[dict[str, Any]]:
    """Seconds of ours and of each reference, the best of three after one call to warm up."""
    if not (find_spec("prdc") and find_spec("torch_fidelity")):
        return []
    fakes, reals = features(count, axes)
    rows = []
    for name, (ours, theirs) in REFERENCES.items():
        mine, other = (
            min([timed(measure, fakes, reals) for _ in range(REPEATS + 1)][1:]) for measure in (MEASURES[ours], theirs)
        )
        times = {"our_seconds": mine, "reference_seconds": other, "times_as_fast": other / mine}
        rows.append({"reference": name, "ours": ours, **times})
    return rows


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--axes", type=int, default=64)
    parser.add_argument("--limit-mib", type=float, default=4096.0)
    parser.add_argument("--beside", type=int, default=5_000, help="pictures of each kind, beside the references")
    parser.add_argument("--only", choices=MEASURES, default=None, help="take one measure in this process")
    options = parser.parse_args()
    if options.only:
        child(options.only, options.count, options.axes)
        return
    found = {}
    for name in MEASURES:
        found[name] = row = in_child(name, options.count, options.axes)
        verdict = "under" if row["peak_mib"] < options.limit_mib else "OVER"
        times = f"{row['seconds']:>7.1f} s, {row['processor_seconds']:.0f} s of all cores"
        print(f"{name:<38} {times:<32} peak {row['peak_mib']:>6,.0f} MiB, {verdict} the limit", flush=True)
    rows = beside_references(options.beside, options.axes)
    for beside in rows:
        print(
            f"{beside['reference']:<46} {beside['reference_seconds']:>6.2f} s   ours {beside['our_seconds']:>6.2f} s   "
            f"{beside['times_as_fast']:.1f} times as fast"
        )
    sizes = {"count": options.count, "axes": options.axes, "beside": options.beside, "limit_mib": options.limit_mib}
    print(record.write("measures", {**sizes, "measures": found, "references": rows}))


if __name__ == "__main__":
    main()
