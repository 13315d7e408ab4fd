"""From few labels: the test error of everything here that learns from pictures without one, beside the labels alone.

    python -m benchmarks.few_labels mnist.npz [--labels 20 100 1000] [--methods fixmatch ssgan ...] [--minutes 3]
                                    [--seeds 1] [--keep runs/few]

Each method has the same time for all that it trains, and is taken as it is at its end: nothing is chosen by labels
that were not given. `alone` is the network of `fixmatch`, and `vit-alone` that of `masked`, with the labelled pictures
and no others. `clusters` are of an autoencoder's codes, `masked` a vision transformer that begins with what a masked
autoencoder learned; for both four fifths of the time go into learning without labels. Published errors on MNIST, in per
cent, with 100 labels: M2 11.97, M1 + M2 3.33 (Kingma et al., arXiv:1406.5298, table 1), improved GAN 0.93 (Salimans et
al., arXiv:1606.03498, table 1); with 1,000: M2 3.60. A run that is there already, in the folder given by --keep, is not
trained again; figures are written after each method, and those of other data, labels and times stay.
"""

import argparse
import functools
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import sparring
from benchmarks import masked, record
from benchmarks.kept import Kept, trained
from sparring.baselines.clusters import ClusterThenLabel
from sparring.data import Data, open_data

Answers = npt.NDArray[np.int64]
FEW_SHARE = 0.2
"""Of the time that what was learned without labels is brought to classes in."""

TRANSFORMER = (*masked.settings("classifier"), "classifier.pool=mean", "classifier.normalised=true")
"""Of minutes on a CPU that of the paper sees next to nothing."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One draw of labels.

    Args:
        minutes: for all that a method trains.
        folder: of its runs.
    """

    data: Path
    labels: int
    seed: int
    minutes: float
    folder: Path

    @functools.cached_property
    def opened(self) -> Data:
        """The data, with these labels alone in the training part."""
        return open_data(str(self.data), labels=self.labels, seed=self.seed)

    def run(self, recipe: str, *, share: float = 1.0, told: bool = True, **options: Any) -> Kept:
        """A run of a recipe, for a share of the time; the same for any number of labels where it is not `told` them."""
        labels = self.labels if told else None
        name = f"{recipe}-{labels}-{self.seed}-{share * self.minutes:g}"
        begun = "-begun" if options.get("begin_with") else ""
        return trained(
            self.data,
            self.folder / (name + begun),
            recipe=recipe,
            minutes=share * self.minutes,
            seed=self.seed,
            labels=labels,
            **options,
        )


def answers(kept: Kept, pictures: npt.NDArray[np.uint8]) -> Answers:
    """Classes of pictures, by a run as it is at its end."""
    found: Answers = sparring.load(kept.run.path, checkpoint="last").classify(pictures).argmax(1)
    return found


def by_recipe(recipe: str, *settings: str) -> Callable[[Task, npt.NDArray[np.uint8]], tuple[Answers, float]]:
    """A method that is one run."""

    def method(task: Task, pictures: npt.NDArray[np.uint8]) -> tuple[Answers, float]:
        kept = task.run(recipe, settings=settings)
        return answers(kept, pictures), kept.run.checkpoint.images / 1000

    return method


def by_clusters(task: Task, pictures: npt.NDArray[np.uint8]) -> tuple[Answers, float]:
    """Codes of an autoencoder, in as many groups as there are labels."""
    kept = task.run("conv-autoencoder", share=1 - FEW_SHARE)
    run, train = sparring.load(kept.run.path, checkpoint="last"), task.opened.parts["train"]
    assert train.y is not None
    found = ClusterThenLabel(seed=task.seed).fit(run.encode(np.asarray(train.x)), train.y)
    return found.predict(run.encode(pictures)), kept.run.checkpoint.images / 1000


def by_masked(task: Task, pictures: npt.NDArray[np.uint8]) -> tuple[Answers, float]:
    """A transformer that guessed hidden patches before it was told classes."""
    begun = task.run(
        "masked-autoencoder", share=1 - FEW_SHARE, told=False, batch=64, settings=masked.settings("autoencoder")
    )
    kept = task.run("vit-tiny", share=FEW_SHARE, begin_with=begun.run.path, settings=TRANSFORMER)
    return answers(kept, pictures), begun.run.checkpoint.images / 1000


METHODS = {
    "alone": by_recipe("quick"),
    "vit-alone": by_recipe("vit-tiny", *TRANSFORMER),
    "clusters": by_clusters,
    "masked": by_masked,
    "m2": by_recipe("m2"),
    "ssgan": by_recipe("ssgan"),
    "fixmatch": by_recipe("fixmatch"),
}


def figures(method: str, task: Task) -> dict[str, Any]:
    """The error of one method on one draw of labels, in per cent."""
    data = task.opened
    pictures = np.asarray(data.parts["test"].x)
    found, kimg = METHODS[method](task, pictures)
    error = 100 * float((found != data.labels["test"]).mean())
    return {"seed": task.seed, "error": error, "kimg": kimg, "tested": len(pictures), "commit": record.commit()}


def main() -> None:
    """Train, judge, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--labels", type=int, nargs="+", default=[20, 100, 1000])
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--keep", type=Path, default=None, help="keep the runs in this folder, and go on with them")
    options = parser.parse_args()
    name = f"{options.data.stem}, {options.minutes:g} minutes"
    path = None
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        for labels in options.labels:
            for method in options.methods:
                for seed in options.seeds:
                    task = Task(data=options.data, labels=labels, seed=seed, minutes=options.minutes, folder=folder)
                    row = figures(method, task)
                    known = record.before("few_labels")
                    rows = known.setdefault(name, {}).setdefault(str(labels), {}).setdefault(method, [])
                    rows[:] = sorted([r for r in rows if r["seed"] != seed] + [row], key=lambda r: r["seed"])
                    path = record.write("few_labels", known)
                errors = [row["error"] for row in rows]
                print(
                    f"{labels:>6} labels  {method:<10} {statistics.mean(errors):6.2f} %  {len(errors)} seeds",
                    flush=True,
                )
    print(path)


if __name__ == "__main__":
    main()
