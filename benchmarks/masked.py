"""Does guessing hidden patches teach what pictures are? Linear probes and few labels, with and without it.

    python -m benchmarks.masked cifar10/ [--pretrain 300] [--probe 60] [--labels 1000] [--tune 60] [--keep runs/masked]

A small transformer is trained as `masked-autoencoder` on the training pictures without their labels. Then a head alone
is trained on the mean of its tokens (a linear probe: `classifier.frozen=1`), beside the same head on the same network
with random weights; and all of the network is trained from a few labels, beginning with what was learned, and with
random weights. The random one's probe is given the time of both: as many more thousands of pictures as pretraining took
seconds for. Figures are accuracies on the test part, of the last weights. A run that is there already, in the folder
given by --keep, is not trained again; figures are written after each run.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import sparring
from benchmarks import record
from benchmarks.kept import Kept, trained
from sparring.job.evaluate_classifier import evaluate_classifier

SIZES = ("width=96", "depth=4", "heads=3")
PROBE = (
    "classifier.frozen=1",
    "classifier.pool=mean",
    "classifier.normalised=true",
    "classifier.lr=0.03",
    "classifier.decay=0",
    "augment.mixup=0",
    "loss.smoothing=0",
)
"""A linear probe as in arXiv:2111.06377, A.1, by Adam. The tokens of patches and a rate of 0.03 serve both sides: with
hidden patches guessed, 60 kimg of a head on the class token, not normalised, at 0.001 end at 30.3 % and these at 42.4.
"""


def settings(player: str) -> tuple[str, ...]:
    """The network's, as settings of a player."""
    return tuple(f"{player}.{size}" for size in SIZES)


def figures(kept: Kept) -> dict[str, Any]:
    """Accuracy with its interval, and what it took."""
    judged = evaluate_classifier(sparring.load(kept.run.path, checkpoint="last")).judged
    row = next(row for row in judged.rows if row.name == "accuracy")
    return {
        "accuracy": [row.value, row.low, row.high],
        "n": row.count,
        "kimg": kept.run.recipe.kimg,
        "seconds": kept.seconds,
        "commit": record.commit(),
    }


class Comparison:
    """The runs, each in its folder.

    Args:
        folder: where they are kept.
    """

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder, self.options = folder, options
        self.found: dict[str, Any] = record.before("masked")

    def run(self) -> None:
        """Train, judge, write."""
        options = self.options
        learned = trained(
            options.data,
            self.folder / "learned",
            recipe="masked-autoencoder",
            kimg=options.pretrain,
            size=options.size,
            settings=settings("autoencoder"),
        )
        objective = [value for value in learned.run.metrics["validation_objective"] if value is not None]
        self._note("pretraining", {"kimg": options.pretrain, "seconds": learned.seconds, "hidden_mse": objective})
        begun = learned.run.path
        first = self._tried("probe, hidden patches guessed", PROBE, options.probe, begun)
        rate = 1000 * options.probe / first.seconds
        longer = options.probe + learned.seconds * rate / 1000
        self._tried("probe, random weights", PROBE, options.probe, None)
        self._tried("probe, random weights, as long as both", PROBE, longer, None)
        for name, path in (("hidden patches guessed", begun), ("random weights", None)):
            self._tried(f"{options.labels} labels, {name}", (), options.tune, path, labels=options.labels)

    def _tried(
        self, name: str, more: tuple[str, ...], kimg: float, begun: Path | None, *, labels: int | None = None
    ) -> Kept:
        kept = trained(
            self.options.data,
            self.folder / name.replace(" ", "-").replace(",", ""),
            recipe="vit-tiny",
            kimg=kimg,
            size=self.options.size,
            settings=(*settings("classifier"), *more),
            begin_with=begun,
            labels=labels,
        )
        found = figures(kept)
        value, low, high = found["accuracy"]
        told = f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
        print(f"{name:<44} {told}  {found['kimg']:.0f} kimg, {found['seconds']:.0f} s", flush=True)
        self._note(name, found)
        return kept

    def _note(self, name: str, found: dict[str, Any]) -> None:
        self.found[name] = found
        record.write("masked", self.found)


def main() -> None:
    """Train, judge, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--pretrain", type=float, default=300.0, help="thousands of pictures")
    parser.add_argument("--probe", type=float, default=60.0, help="thousands of pictures")
    parser.add_argument("--tune", type=float, default=60.0, help="thousands of pictures")
    parser.add_argument("--labels", type=int, default=1_000)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--keep", type=Path, default=None, help="keep the runs in this folder, and go on with them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        Comparison(options.keep or Path(scratch), options).run()
    print(record.RESULTS / "masked.json")


if __name__ == "__main__":
    main()
