"""Calibrates the hints on runs with one player: sound and ill ones, and what the rules say of them.

    python -m benchmarks.hints [--seeds 0 1 2] [--keep runs/hints]

Each case is trained on digits, points or a small table, with what should be said of it, and everything that may be; a
sound run may have none of the four rules. Found: the rule spoke at any time of the run, or the run ended itself as
diverged. A false alarm: one of the four spoke of something else. A run whose illness did no harm is not counted as
missed: harm is a last log loss on held-out examples of a tenth and 0.02 nats above the best one's (overfitting), a
training loss of over half of what knows nothing (the others). Runs that are there already, in the folder given by
--keep, are not trained again.
"""

import argparse
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits, load_wine, make_classification

from benchmarks import record
from benchmarks.kept import trained
from sparring.diagnose import Records, history
from sparring.metrics.intervals import wilson
from sparring.runfolder import RunFolder

RULES = ("overfitting", "underfitting", "vanishing-gradient", "exploding-gradient")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way to train.

    Args:
        data: a name, or one of `TABLES`.
        settings: what `--set` takes.
        ill: what a rule should say; None: it is sound.
        also: what may be said as well.
    """

    data: str
    settings: tuple[str, ...] = ()
    kimg: float = 24.0
    ill: str | None = None
    also: tuple[str, ...] = ()
    labels: int | None = None


NOTHING = ("classifier.dropout=0", "classifier.decay=0")
DEEP = ("classifier.depth=10", "classifier.width=32", "classifier.dropout=0", "classifier.activation=sigmoid")
WILD = ("classifier.optimizer=sgd", "classifier.fall=constant", "classifier.warmup=0", "classifier.dropout=0")
UNDER, OVER, VANISHING, EXPLODING = "underfitting", "overfitting", "vanishing-gradient", "exploding-gradient"
CASES: Mapping[str, Case] = {
    "digits": Case(data="digits", kimg=48.0),
    "digits, softmax regression": Case(data="digits", settings=("classifier.depth=0",), kimg=48.0),
    "digits, batch norm": Case(data="digits", settings=("classifier.batch_norm=true",), kimg=24.0),
    "moons": Case(data="moons"),
    "moons, softmax regression": Case(data="moons", settings=("classifier.depth=0",)),
    "spirals": Case(data="spirals", settings=("classifier.dropout=0",), kimg=64.0),
    "wine": Case(data="wine"),
    "wine, softmax regression": Case(data="wine", settings=("classifier.depth=0",)),
    "rare (2.4 %)": Case(data="rare", kimg=48.0),
    "rare, softmax regression": Case(data="rare", settings=("classifier.depth=0",), kimg=48.0),
    "rare, weighted": Case(data="rare", settings=("objective.balance=weights",), kimg=48.0),
    "digits, a third of the labels wrong": Case(data="noisy", settings=NOTHING, kimg=120.0, ill=OVER),
    "digits, 50 labels": Case(data="digits", settings=NOTHING, labels=50, ill=OVER),
    "few rows of many columns": Case(data="wide", settings=NOTHING, ill=OVER),
    "rare, no limits": Case(data="rare", settings=(*NOTHING, "classifier.width=256"), kimg=64.0, ill=OVER),
    "spirals, softmax regression": Case(data="spirals", settings=("classifier.depth=0",), kimg=64.0, ill=UNDER),
    "spirals, three units": Case(data="spirals", settings=("classifier.depth=1", "classifier.width=3"), ill=UNDER),
    "digits, one unit": Case(
        data="digits", settings=("classifier.depth=1", "classifier.width=1", "classifier.lr=0.02"), kimg=64.0, ill=UNDER
    ),
    "digits, L2 of 300": Case(data="digits", settings=("classifier.decay=300",), ill=UNDER),
    "digits, ten layers of sigmoids": Case(data="digits", settings=DEEP, kimg=32.0, ill=VANISHING, also=(UNDER,)),
    "moons, ten layers of sigmoids": Case(data="moons", settings=DEEP, ill=VANISHING, also=(UNDER,)),
    "wine, ten layers of sigmoids": Case(data="wine", settings=DEEP, ill=VANISHING, also=(UNDER,)),
    "digits, a rate of 0.7": Case(
        data="digits", settings=(*WILD, "classifier.lr=0.7", "classifier.depth=4"), ill=EXPLODING, also=(UNDER,)
    ),
    "moons, a rate of 3": Case(data="moons", settings=(*WILD, "classifier.lr=3"), ill=EXPLODING, also=(UNDER,)),
    "wine, a rate of 3": Case(data="wine", settings=(*WILD, "classifier.lr=3"), ill=EXPLODING, also=(UNDER,)),
    "moons, 30 labels": Case(data="moons", settings=NOTHING, labels=30, ill=OVER),
}


def save(path: Path, **arrays: Any) -> None:
    """Rows or pictures with a third held out."""
    name, x, y = ("x" if arrays["x"].ndim == 2 else "images"), arrays["x"], arrays["y"]
    labels = "y" if name == "x" else "labels"
    held = np.random.default_rng(0).permutation(len(x)) < len(x) // 3
    parts = {f"train_{name}": x[~held], f"train_{labels}": y[~held], f"val_{name}": x[held], f"val_{labels}": y[held]}
    np.savez(path, **parts)


def table(name: str, folder: Path) -> Path:
    """The file of a data set that is made here: wine, rare, wide, or digits with wrong labels."""
    path, draw = folder / f"{name}.npz", np.random.default_rng(1)
    if path.exists():
        return path
    if name == "noisy":
        digits = load_digits()
        y = np.where(draw.random(1_797) < 1 / 3, draw.integers(0, 10, 1_797), digits.target)
        save(path, x=np.round(digits.images * (255 / 16)).astype(np.uint8), y=y)
    elif name == "wine":
        wine = load_wine()
        save(path, x=wine.data, y=wine.target)
    else:
        shape = {"rare": (6_000, 6, 5, 0.977), "wide": (240, 60, 4, 0.5)}[name]
        x, y = make_classification(
            shape[0],
            shape[1],
            n_informative=shape[2],
            n_redundant=0,
            weights=[shape[3]],
            flip_y=0.002 if name == "rare" else 0.2,
            class_sep=1.6,
            random_state=0,
        )
        save(path, x=x, y=y)
    return path


TABLES = ("noisy", "wine", "rare", "wide")


def judged(case: Case, out: Path, seed: int, folder: Path) -> dict[str, Any]:
    """A run, what was said of it, and whether it was harmed."""
    data = table(case.data, folder) if case.data in TABLES else case.data
    kept = trained(data, out, recipe="mlp", kimg=case.kimg, seed=seed, settings=case.settings, labels=case.labels)
    records = Records.read(RunFolder.open(out))
    said = sorted({telling.hint.rule for telling in history(records) if telling.hint.rule in RULES})
    train, held = records.series("train_loss"), records.series("validation_loss")
    counts = np.array(list(records.class_counts.values()), float)
    shares = counts / counts.sum()
    nothing = -float((shares * np.log(shares)).sum())
    worse = held.last > 1.1 * held.best + 0.02 if len(held) else True
    poor = not len(train) or not math.isfinite(train.last) or train.last > nothing / 2
    return {
        "seed": seed,
        "said": said,
        "ended": kept.ended,
        "harmed": bool(worse if case.ill == OVER else poor) if case.ill else False,
        "train_loss": train.last if len(train) else None,
        "validation_loss": [held.best, held.last] if len(held) else None,
        "knows_nothing": nothing,
    }


def counted(cases: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Of each rule: found of the harmed runs that it should speak of, and false alarms among all it should not."""
    found = {}
    for rule in RULES:
        meant = [run for case in cases.values() if case["ill"] == rule for run in case["runs"] if run["harmed"]]
        others = [run for c in cases.values() if rule not in (c["ill"], *c["also"]) for run in c["runs"]]
        sound = [run for case in cases.values() if case["ill"] is None for run in case["runs"]]
        found[rule] = {
            "found": share([rule in run["said"] or run["ended"] == "diverged" for run in meant]),
            "false_alarms_on_sound": share([rule in run["said"] for run in sound]),
            "false_alarms": share([rule in run["said"] for run in others]),
        }
    return found


def share(hits: Sequence[bool]) -> dict[str, Any]:
    """k of n with Wilson's interval of 95 %."""
    low, high = wilson(sum(hits), len(hits)) if hits else (None, None)
    return {"k": sum(hits), "n": len(hits), "low": low, "high": high}


def main() -> None:
    """Train, judge, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--keep", type=Path, default=None, help="keep the runs in this folder, and go on with them")
    options = parser.parse_args()
    cases: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.keep or Path(scratch)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        for number, (name, case) in enumerate(CASES.items()):
            runs = [judged(case, folder / f"{number}-{seed}", seed, folder) for seed in options.seeds]
            cases[name] = {"ill": case.ill, "also": case.also, "settings": case.settings, "runs": runs}
            told = "; ".join(
                f"{', '.join(run['said']) or '-'}{'' if run['harmed'] or not case.ill else ' (no harm)'}"
                for run in runs
            )
            print(f"{name:<40} {case.ill or 'sound':<20} {told}", flush=True)
    found = counted(cases)
    for rule, shares in found.items():
        told = ", ".join(f"{kind.replace('_', ' ')} {of['k']} of {of['n']}" for kind, of in shares.items())
        print(f"{rule:<20} {told}")
    print(record.write("hints", {"seeds": options.seeds, "rules": found, "cases": cases}))


if __name__ == "__main__":
    main()
