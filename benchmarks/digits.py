"""The first minute: `sparring train digits` from a cold start, and what an SVM fitted on real digits sees in samples.

    python -m benchmarks.digits [--seeds 0 1 2]

For each seed a fresh process trains with the defaults and an empty cache. Then, of 1,000 samples, the share of each
class as the SVM sees it (wanted: 5 to 15 %), and of 200 samples asked for each class the share that the SVM agrees with
(95 %).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

import sparring
from benchmarks import record


def fitted_svm() -> tuple[SVC, float]:
    """An SVM fitted on all real digits, and the accuracy of its like on a quarter held out."""
    pictures, labels = load_digits(return_X_y=True)
    split = train_test_split(pictures, labels, test_size=0.25, random_state=0, stratify=labels)
    held_out = SVC(gamma=0.001, C=10).fit(split[0], split[2]).score(split[1], split[3])
    return SVC(gamma=0.001, C=10).fit(pictures, labels), float(held_out)


def trained(seed: int, folder: Path) -> tuple[Path, float]:
    """The run of a fresh process with an empty cache, and its seconds from start to exit."""
    run = folder / f"seed-{seed}"
    words = [sys.executable, "-m", "sparring", "train", "digits", "--seed", str(seed), "--out", str(run)]
    started = time.perf_counter()
    subprocess.run(
        words,
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "SPARRING_CACHE": str(folder / f"cache-{seed}")},
        timeout=600,
    )
    return run, time.perf_counter() - started


def seen(run: sparring.Run, svm: SVC) -> dict[str, Any]:
    """Shares of the classes among 1,000 samples, and the agreement for each class that was asked for, in %."""

    def predict(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        found: npt.NDArray[np.int64] = svm.predict(pictures[..., 0].reshape(len(pictures), -1) / 255 * 16)
        return found

    shares = np.bincount(predict(run.sample(1000, seed=1)), minlength=10) / 10
    asked = [100 * float((predict(run.sample(200, label=str(k), seed=2)) == k).mean()) for k in range(10)]
    return {"shares_percent": shares.tolist(), "asked_percent": asked}


def main() -> None:
    """Train, judge, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    svm, held_out = fitted_svm()
    print(f"SVM on held-out reals: {100 * held_out:.1f} %")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in options.seeds:
            path, seconds = trained(seed, Path(folder))
            row = {"seed": seed, "seconds": seconds, **seen(sparring.load(path, device="cpu"), svm)}
            rows.append(row)
            shares, asked = row["shares_percent"], row["asked_percent"]
            print(
                f"seed {seed}: {seconds:.1f} s; shares {min(shares):.1f} to {max(shares):.1f} %; "
                f"asked for a class: {min(asked):.1f} to {max(asked):.1f} % are it",
                flush=True,
            )
    print(record.write("digits", {"svm_held_out": held_out, "rows": rows}))


if __name__ == "__main__":
    main()
