"""Questions about GANs, each answered by a few runs that differ in one thing: the figures of docs/questions/.

    python -m benchmarks.questions [stronger noise rates ...] [--data digits] [--kimg 60] [--seeds 0 1 2]
                                   [--keep runs/questions]

For each variant: how it ended, the best and the last distance to held-out reals in multiples of its floor, coverage,
and the share of pairs that D ranked right over the last tenth; medians over the seeds, with all values in the JSON.
A run that is there already, in the folder given by --keep, is not trained again; figures are written after each
question.
"""

import argparse
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from benchmarks import record
from benchmarks.kept import Kept, trained


@dataclass(frozen=True, kw_only=True)
class Question:
    """A recipe, and its variants by name, each as `--set` takes them; data and budget where they are not the usual.

    Args:
        settings: of every variant, before its own.
        unconditional: nobody is told the classes; only the judge knows them.
        biased: variants on digits of which two classes are most.
    """

    recipe: str
    variants: Mapping[str, tuple[str, ...]]
    settings: tuple[str, ...] = ()
    unconditional: bool = False
    biased: tuple[str, ...] = ()
    data: str | None = None
    kimg: float | None = None


def widths(generator: int, discriminator: int, *more: str) -> tuple[str, ...]:
    """Settings of players of these widths."""
    return (f"generator.width={generator}", f"discriminator.width={discriminator}", *more)


FORCED = "objective.allow_batch_norm=true"
QUESTIONS: Mapping[str, Question] = {
    "stronger": Question(
        recipe="dcgan",
        variants={
            "even": widths(32, 32),
            "G 16 times as wide": widths(64, 4),
            "D 16 times as wide": widths(4, 64),
            "D 16 times as wide, smoothing 0.1": widths(4, 64, "loss.smoothing=0.1"),
            "D 16 times as wide, rate of D a quarter": widths(4, 64, "discriminator.lr=5e-5"),
            "D 16 times as wide, R1": widths(4, 64, "penalties=r1", "r1.gamma=0.03", FORCED),
            "D 16 times as wide, 4 updates of D": widths(4, 64, "discriminator.updates=4"),
        },
    ),
    "stronger-gan": Question(
        recipe="gan",
        variants={
            "even": widths(16, 16),
            "G 16 times as wide": widths(64, 4),
            "D 16 times as wide": widths(4, 64),
            "D 16 times as wide, no R1": widths(4, 64, "r1.gamma=0"),
        },
    ),
    "noise": Question(
        recipe="gan",
        variants={f"z of {size}": (f"generator.z_dim={size}",) for size in (1, 2, 4, 16, 64, 128, 512)},
    ),
    "rates": Question(
        recipe="gan",
        variants={
            "both 0.002": (),
            "D 0.008": ("discriminator.lr=0.008",),
            "D 0.0005": ("discriminator.lr=0.0005",),
            "2 updates of D": ("discriminator.updates=2",),
            "5 updates of D": ("discriminator.updates=5",),
        },
    ),
    "collapse": Question(
        recipe="gan2014",
        data="ring",
        kimg=512.0,
        settings=("generator.width=128", "discriminator.width=48"),
        variants={
            "as it is": (),
            "minimax": ("loss=minimax",),
            "smoothing 0.1": ("loss.smoothing=0.1",),
            "least squares": ("loss=least-squares",),
            "rate of D 4 times": ("discriminator.lr=0.004",),
            "5 updates of D": ("discriminator.updates=5",),
            "historical averaging": ("penalties=historical-averaging",),
            "feature matching": ("penalties=feature-matching", "objective.adversarial=0"),
            "LeCam": ("penalties=lecam",),
            "R1": ("penalties=r1", "r1.gamma=0.1"),
            "relativistic": ("loss=relativistic",),
            "relativistic, R1 and R2": ("loss=relativistic", "penalties=r1,r2", "r1.gamma=0.1", "r2.gamma=0.1"),
            "Wasserstein, clipping, 5 updates": (
                *("loss=wasserstein", "penalties=weight-clipping", "weight-clipping.limit=0.1"),
                "discriminator.updates=5",
            ),
            "Wasserstein, gradient penalty, 5 updates": (
                *("loss=wasserstein", "penalties=gradient-penalty", "gradient-penalty.weight=0.1"),
                "discriminator.updates=5",
            ),
        },
    ),
    "causes": Question(
        recipe="gan",
        unconditional=True,
        variants={
            "as it is": (),
            "biased data": (),
            "vanishing gradient: minimax, 5 updates of D, no R1": (
                *("loss=minimax", "discriminator.updates=5", "r1.gamma=0"),
            ),
            "over-sensitivity: rates times 5, no R1": (*("generator.lr=0.01", "discriminator.lr=0.01", "r1.gamma=0"),),
        },
        biased=("biased data",),
    ),
    "augment": Question(
        recipe="gan",
        variants={"none": (), "diffaugment": ("augment=diffaugment",), "adaptive": ("augment=adaptive",)},
    ),
}


def biased_digits(path: Path) -> Path:
    """The digits, held-out ones as they are, of the others every twentieth of 2 to 9."""
    digits, rng = load_digits(), np.random.default_rng(0)
    pictures = np.round(digits.images * (255 / 16)).astype(np.uint8)
    order = rng.permutation(len(pictures))
    held, rest = order[:300], order[300:]
    rare = digits.target[rest] >= 2
    train = np.concatenate([rest[~rare], rest[rare][::20]])
    np.savez(
        path,
        train_images=pictures[train],
        train_labels=digits.target[train],
        val_images=pictures[held],
        val_labels=digits.target[held],
    )
    return path


def figures(kept: Kept) -> dict[str, Any]:
    """What one run came to."""
    table = kept.run.metrics
    name = next(name for name in ("fd_judge", "fd_conv", "fd_fourier") if name in table)
    pairs = zip(table[name], table[f"{name}_floor"], strict=True)
    times = [value / floor for value, floor in pairs if value is not None and floor]
    late = table["discriminator_accuracy"][-max(1, len(table["kimg"]) // 10) :]
    coverage = [value for value in table["coverage"] if value is not None]
    return {
        "ended": kept.ended,
        "best": min(times),
        "last": times[-1],
        "coverage": coverage[-1],
        **{name: table[name][-1] for name in ("modes", "quality", "class_least", "diversity") if name in table},
        "ranked_right": statistics.mean(late),
    }


def shown(name: str, runs: Sequence[Mapping[str, Any]]) -> str:
    """A line of a table."""
    best, last, coverage, right = (
        statistics.median(run[key] for run in runs) for key in ("best", "last", "coverage", "ranked_right")
    )
    well = sum(run["ended"] == "well" for run in runs)
    cells = f"best {best:7.2f} x   last {last:7.2f} x   coverage {coverage:.2f}   D right {100 * right:5.1f} %"
    if "class_least" in runs[0]:
        cells += "   least class " + ", ".join(f"{run['class_least']:.2f}" for run in runs)
    if "modes" in runs[0]:
        cells += "   modes " + ", ".join(f"{run['modes']:.0f}" for run in runs)
    return f"  {name:<42} {cells}   {well} of {len(runs)} well"


def answered(question: Question, name: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All runs of one question."""
    found: dict[str, Any] = {}
    for number, (variant, own) in enumerate(question.variants.items()):
        settings = (*question.settings, *own)
        runs = []
        for seed in options.seeds:
            out = folder / f"{name}-{number}-{seed}"
            data = question.data or options.data
            kept = trained(
                biased_digits(folder / "biased-digits.npz") if variant in question.biased else data,
                out,
                recipe=question.recipe,
                kimg=question.kimg or options.kimg,
                seed=seed,
                settings=settings,
                unconditional=question.unconditional,
            )
            runs.append({"seed": seed, **figures(kept)})
        found[variant] = {"settings": settings, "runs": runs}
        print(shown(variant, runs), flush=True)
    return found


def main() -> None:
    """Train, measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", nargs="*", default=list(QUESTIONS), choices=[*QUESTIONS, []])
    parser.add_argument("--data", default="digits")
    parser.add_argument("--kimg", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--keep", type=Path, default=None, help="keep the runs in this folder, and go on with them")
    options = parser.parse_args()
    path = record.RESULTS / "questions.json"
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.questions:
            question = QUESTIONS[name]
            data, kimg = Path(question.data or options.data).stem, question.kimg or options.kimg
            print(f"{name}: {question.recipe} on {data}, {kimg:g} kimg")
            found = {
                "recipe": question.recipe,
                "data": data,
                "kimg": kimg,
                "variants": answered(question, name, options, options.keep or Path(scratch)),
            }
            others = record.before("questions").get("questions", {})
            path = record.write("questions", {"questions": {**others, name: found}})
    print(path)


if __name__ == "__main__":
    main()
