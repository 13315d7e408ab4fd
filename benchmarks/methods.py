"""Methods beside each other for the same time: the distance to unseen reals, recall and coverage.

    python -m benchmarks.methods mnist.npz cifar10/ [--recipes wgan-gp sngan r3gan gan dcgan] [--minutes 5] [--seed 0]

Each recipe trains for the same time, conditional on the class; 10,000 samples of its best checkpoint are measured
against 10,000 test reals in the features of the judge of the data set, beside what as many training reals have. Times
are those of a CPU: published FIDs (docs/questions, gan-methods) come from days on GPUs and from other features.
A run that is there already, in the folder given by --keep, is not trained again; figures are written after each run,
and those of other recipes and data, for the same minutes and seed, stay.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import sparring
from benchmarks import record
from benchmarks.kept import Kept, trained
from sparring.job.evaluation import Evaluations

MEASURES = ("fd_judge", "precision", "recall", "coverage", "class_agreement")
PUBLISHED = {
    "wgan-gp": "FID 22.3 on CIFAR-10 (mimicry, 50,000 samples, unconditional)",
    "sngan": "FID 16.8 on CIFAR-10 (mimicry, 50,000 samples, unconditional)",
    "r3gan": "FID 1.96 on CIFAR-10 (arXiv:2501.05441, conditional)",
}


def figures(kept: Kept, *, count: int) -> dict[str, Any]:
    """The measures of one run, each with its floor."""
    found: dict[str, Any] = {
        "ended": kept.ended,
        "kimg": kept.run.recipe.kimg,
        "best_kimg": kept.run.checkpoint.images / 1000,
        "generator_z": kept.run.generator.z_dim,
        "parameters": sum(p.numel() for p in kept.run.generator.parameters()),
    }
    evaluated = sparring.evaluate(kept.run.path, count=count, seeds=1)
    assert isinstance(evaluated, Evaluations)
    evaluation = evaluated.evaluations[0]
    for row in evaluation.rows:
        if row.measure in MEASURES:
            found[row.measure] = {"value": row.value, "floor": row.floor}
    return found | {"n": evaluation.n_fake, "part": evaluation.part, "extractor": evaluation.extractor}


def shown(name: str, data: str, found: dict[str, Any]) -> str:
    """A line of the table."""
    cells = [
        f"{measure} {found[measure]['value']:.3g} ({found[measure]['floor']:.3g})"
        for measure in ("fd_judge", "recall", "coverage")
        if measure in found
    ]
    return f"{data:<10} {name:<10} {found['kimg']:>8.1f} kimg  {'   '.join(cells)}   {found['ended']}"


def main() -> None:
    """Train, measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--recipes", nargs="+", default=["wgan-gp", "sngan", "r3gan", "gan", "dcgan"])
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--keep", type=Path, default=None, help="keep the runs in this folder, and go on with them")
    options = parser.parse_args()
    before = record.before("methods")
    same = all(before.get(name) == getattr(options, name) for name in ("minutes", "seed"))
    rows: dict[str, dict[str, Any]] = before["data"] if same else {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        for data in options.data:
            for name in options.recipes:
                out = folder / f"{name}-{data.stem}-{options.seed}"
                kept = trained(data, out, recipe=name, minutes=options.minutes, seed=options.seed)
                found = {**figures(kept, count=options.count), "published": PUBLISHED.get(name)}
                rows.setdefault(data.stem, {})[name] = found | {"commit": record.commit()}
                print(shown(name, data.stem, found), flush=True)
                path = record.write("methods", {"minutes": options.minutes, "seed": options.seed, "data": rows})
    print(path)


if __name__ == "__main__":
    main()
