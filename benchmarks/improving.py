"""Whether the discriminator gets better while the generator trains: each D of a run against each G of it.

    python -m benchmarks.improving digits [--recipe gan] [--kimg 1 2 4 8 16 32 60] [--keep runs/improving]

One run that is stopped at each kimg, copied and gone on with, exactly. D at one moment ranks held-out reals against
samples of G at another: the area under the ROC curve in %, 50 fooled, 100 perfect. Down a column D grows up against a G
that stands still; along the diagonal both move, and D's own accuracy need not rise though D gets better.
"""

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import sparring
from benchmarks import record
from benchmarks.features import discriminator_of
from sparring.data import open_data
from sparring.engine.deal import to_unit
from sparring.metrics.logits import ranked_right

SAMPLES = 1_000
Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


def stages(data: str, folder: Path, options: argparse.Namespace) -> list[sparring.Run]:
    """The run as it was at each kimg."""
    going = folder / "going-on"
    found = []
    for kimg in options.kimg:
        out = folder / f"at-{kimg:g}"
        if not out.exists():
            if going.exists():
                sparring.resume(going, kimg=kimg)
            else:
                sparring.train(data, recipe=options.recipe, kimg=kimg, seed=options.seed, out=going)
            shutil.copytree(going, out)
        found.append(sparring.load(out, checkpoint="last"))
    return found


@torch.no_grad()
def logits(run: sparring.Run, pictures: Pixels, labels: Labels | None) -> npt.NDArray[np.float64]:
    """D's logits of pictures."""
    module = discriminator_of(run, trained=True)
    label_B: Tensor | None = None if labels is None else torch.from_numpy(labels)
    found: npt.NDArray[np.float64] = module(to_unit(torch.from_numpy(pictures)), label_B).double().numpy()
    return found


def matrix(runs: list[sparring.Run]) -> list[list[float]]:
    """Rows are Ds, columns are Gs; in %."""
    data = open_data(
        runs[0].recipe.data.source, size=runs[0].picture_spec.height, channels=runs[0].picture_spec.channels
    )
    held = data.parts["validation"]
    rows = np.arange(min(SAMPLES, len(held)))
    reals, real_labels = np.asarray(held.x[rows]), None if held.y is None else held.y[rows]
    fakes = [(run.sample(SAMPLES, seed=1), run.labels(SAMPLES, seed=1)) for run in runs]
    found = []
    for judge in runs:
        of_reals = logits(judge, reals, real_labels)
        found.append([100 * ranked_right(of_reals, logits(judge, *made)) for made in fakes])
    return found


def main() -> None:
    """Train in stages, rank, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--recipe", default="gan")
    parser.add_argument("--kimg", type=float, nargs="+", default=[1, 2, 4, 8, 16, 32, 60])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=None, help="keep the runs in this folder, and go on with them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        found = matrix(stages(options.data, folder, options))
    print("D at kimg, down; G at kimg, across: " + "".join(f"{kimg:>7g}" for kimg in options.kimg))
    for kimg, row in zip(options.kimg, found, strict=True):
        print(f"{kimg:>35g} " + "".join(f"{value:7.1f}" for value in row))
    known: dict[str, Any] = {"recipe": options.recipe, "data": Path(options.data).stem, "seed": options.seed}
    print(record.write("improving", {**known, "kimg": options.kimg, "samples": SAMPLES, "percent": found}))


if __name__ == "__main__":
    main()
