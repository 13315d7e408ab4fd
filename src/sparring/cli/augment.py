"""`sparring augment`: more pictures of a rare class, and whether they help."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from sparring.errors import UsageError

if TYPE_CHECKING:
    from sparring.job.augment import Wish
    from sparring.job.augment_verdict import Proof
    from sparring.job.run import Run

HELP = """More pictures of a rare class from a run, to train with; and whether they help a classifier.

$ sparring augment runs/latest --class hat -n 500 --prove
    (classifiers with and without them, on real pictures held out; stop it and give
     the same command again: it goes on)
$ sparring augment runs/latest --class hat -n 500 --prove --recipe resnet20 --seeds 10
$ sparring augment runs/latest --class hat -n 500 --out made/
    (PNGs made/hat/..., or made/train/hat/... where the run's data came with splits)
"""

_PROVING = ("seeds", "recipe", "kimg", "set", "margin", "json")


@dataclass(frozen=True, kw_only=True)
class Augment:
    """More pictures of a rare class from a run, to train with; and whether they help a classifier."""

    run_folder: Annotated[Positional[Path], arg(metavar="RUN")]
    """A run folder, or runs/latest; one that makes pictures of a class: a conditional GAN, or `cvae`."""
    label: Annotated[str | None, arg(name="class", metavar="NAME", help_behavior_hint="(required)")] = None
    """The class."""
    count: Annotated[int, arg(name="count", aliases=["-n"], metavar="COUNT")] = 500
    """How many pictures."""
    prove: bool = False
    """Write none: train classifiers with and without them, and say whether they help."""
    seeds: Annotated[int, arg(metavar="COUNT")] = 5
    """With --prove: classifiers of each kind; each has made pictures of its own."""
    recipe: Annotated[str, arg(metavar="NAME")] = "quick"
    """With --prove: of the classifiers."""
    kimg: Annotated[float | None, arg(metavar="THOUSANDS", help_behavior_hint="(default: the recipe's)")] = None
    """With --prove: thousands of pictures that each classifier is trained on, repetitions counted."""
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME=VALUE")] = ()
    """With --prove: one setting of the recipe, as in augment.crop=0.6."""
    margin: Annotated[float, arg(metavar="SHARE")] = 0.02
    """With --prove: the least gain that would matter; `no` is said where it is ruled out."""
    seed: Annotated[int, arg(metavar="NUMBER")] = 0
    """Picture n depends on the seed and n alone."""
    truncation: Annotated[float, arg(metavar="PSI")] = 1.0
    """Above 0 and at most 1: less is more typical and less varied."""
    checkpoint: Literal["best", "last"] = "last"
    """The newest, which nothing was chosen by; or `best`, which was chosen by the part validation: then only the part
    test is left to prove it on."""
    out: Annotated[Path | None, arg(metavar="FOLDER", help_behavior_hint="(default: in the run's augment/)")] = None
    """Where to; no file that is there is written over."""
    device: Annotated[str, arg(metavar="NAME", help_behavior_hint="(default: the fastest)")] = "auto"
    """cpu, cuda, cuda:1 or mps."""
    json: bool = False
    """Print the result as JSON, and nothing else, on standard output."""

    def run(self) -> None:
        """Do it."""
        from sparring.job.augment import Wish, known_classes
        from sparring.job.run import Run

        run = Run(self.run_folder, device=self.device, checkpoint=self.checkpoint)
        if self.label is None:
            raise UsageError(f"--class: of which class? {known_classes(run)}")
        wish = Wish(label=self.label, count=self.count, seed=self.seed, truncation=self.truncation)
        if self.prove:
            self._prove(run, wish)
        else:
            self._write(run, wish)

    def _write(self, run: "Run", wish: "Wish") -> None:
        from sparring.job.augment import has_splits, write_class

        defaults = self.__dataclass_fields__
        given = [name for name in _PROVING if name != "json" and getattr(self, name) != defaults[name].default]
        if given:
            raise UsageError(f"--{given[0]} is for --prove: give that as well, or leave it out.")
        written = write_class(run, wish, self.out)
        folder = written[0].parent
        if self.json:
            print(json.dumps({"run": str(run.path), "folder": str(folder), "written": [str(p) for p in written]}))
            return
        place = f"PHOTOS/train/{wish.label}/"
        where = f"the training pictures alone, as {place}"
        if not has_splits(run):
            where = (
                f"real ones in {place}, with others held apart in PHOTOS/test/: in PHOTOS/{wish.label}/ a tenth of "
                "them would be held out, and tested on as though they were real"
            )
        print(f"put them beside {where}\nnext: sparring augment {run.path} --class {wish.label} --prove\n{folder}")

    def _prove(self, run: "Run", wish: "Wish") -> None:
        from sparring.cli.terminal import Terminal
        from sparring.job.augment_proof import Trial, prove
        from sparring.metrics.kept import silent

        trial = Trial(recipe=self.recipe, kimg=self.kimg, settings=self.set, seeds=self.seeds, margin=self.margin)
        with Terminal(quiet=self.json) as terminal:
            found = prove(run, wish, trial, out=self.out, on_progress=terminal.listeners().data or silent)
        if self.json:
            print(json.dumps(found.to_json(), indent=2))
        else:
            _show(found)


def _show(found: "Proof") -> None:
    from sparring.cli.evaluate import print_table
    from sparring.job.augment_verdict import told

    print("\n".join(found.conditions))
    heads = list(found.measures)
    ways = [
        [name, *(f"{100 * mean:.1f} ({100 * sd:.1f})" for mean, sd in zip(means, found.sds[name], strict=True))]
        for name, means in found.means.items()
    ]
    print_table(["trained on (mean, sd, %)", *heads], ways)
    pairs = [
        [f"{each.first}, less {each.second}" if not place else "", gain.measure, told(gain), gain.finding]
        for each in found.comparisons
        for place, gain in enumerate(each.gains)
    ]
    print_table(["differences, points", "", "[95 % interval]", ""], pairs)
    print("intervals: of seeds and of test pictures; repeated: the class's own pictures, as many as are made")
    for warning in found.warnings:
        print(f"warning: {warning}")
    print(f"do they help? {found.verdict}\n{found.written}")
