"""Questions about classifiers, each answered by a few runs that differ in one thing: the figures of docs/questions/.

    python -m benchmarks.classifying [losses depth ...] [--mnist mnist.npz] [--seeds 0 1 2] [--keep runs/classifying]

For each variant the accuracy on examples that it never saw (the test part, or the validation part where there is none)
of its last weights, its loss on training examples at the end, and what its hints said; means over the seeds, with all
values in the JSON. A run that is there already, in the folder given by --keep, is not trained again; figures are
written after each question.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import sparring
from benchmarks import record
from benchmarks.kept import Kept, trained
from sparring.data import open_data
from sparring.job.evaluate_classifier import evaluate_classifier


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way to train: a recipe, what is set, and how much it sees where that differs."""

    recipe: str
    settings: tuple[str, ...] = ()
    labels: int | None = None
    data: str | None = None
    batch: int | None = None


@dataclass(frozen=True, kw_only=True)
class Question:
    """Variants by name, on data, for so many thousands of examples each."""

    data: str
    kimg: float
    variants: Mapping[str, Variant]


def mlp(*settings: str, **more: Any) -> Variant:
    """A fully connected network."""
    return Variant(recipe="mlp", settings=settings, **more)


def hidden(depth: int, width: int) -> Variant:
    """Layers of so many units, none of them left out, in as many steps of as many points."""
    settings = (f"classifier.depth={depth}", f"classifier.width={width}", "classifier.dropout=0", "classifier.lr=0.01")
    return mlp(*settings, batch=32)


SIGMOIDS = ("classifier.depth=10", "classifier.width=64", "classifier.dropout=0", "classifier.lr=0.003")
QUESTIONS: Mapping[str, Question] = {
    "losses": Question(
        data="digits",
        kimg=10.0,
        variants={
            "cross-entropy": mlp(),
            "binary cross-entropy of each class": mlp("loss=binary-cross-entropy"),
            "squared errors of sigmoids": mlp("loss=mse"),
            "focal": mlp("loss=focal"),
        },
    ),
    "vanishing": Question(
        data="digits",
        kimg=40.0,
        variants={
            "ten layers of sigmoids": mlp(*SIGMOIDS, "classifier.activation=sigmoid"),
            "... of tanh": mlp(*SIGMOIDS, "classifier.activation=tanh"),
            "... of ReLU": mlp(*SIGMOIDS),
            "... of sigmoids, with batch norm": mlp(
                *SIGMOIDS, "classifier.activation=sigmoid", "classifier.batch_norm=true"
            ),
            "... of ReLU, with batch norm": mlp(*SIGMOIDS, "classifier.batch_norm=true"),
        },
    ),
    "depth": Question(
        data="digits",
        kimg=60.0,
        variants={
            name: Variant(recipe=name, settings=("augment=none",))
            for name in ("plain20", "plain56", "resnet20", "resnet56")
        },
    ),
    "deep": Question(
        data="spirals",
        kimg=128.0,
        variants={
            "no hidden layer": hidden(0, 1),
            "one of 20": hidden(1, 20),
            "two of 10": hidden(2, 10),
            "one of 200": hidden(1, 200),
            "three of 20": hidden(3, 20),
        },
    ),
    "convolution": Question(
        data="mnist",
        kimg=120.0,
        variants={
            "lenet5": Variant(recipe="lenet5", settings=("augment=none",)),
            "mlp of as many parameters": mlp("classifier.width=70", "classifier.depth=2"),
            "lenet5, pixels permuted": Variant(recipe="lenet5", settings=("augment=none",), data="permuted"),
            "mlp, pixels permuted": mlp("classifier.width=70", "classifier.depth=2", data="permuted"),
        },
    ),
    "batch": Question(
        data="digits",
        kimg=16.0,
        variants={
            f"batches of {size}": mlp(
                "classifier.optimizer=sgd", "classifier.lr=0.02", "classifier.fall=constant", batch=size
            )
            for size in (2, 16, 128, 1_024)
        },
    ),
    "overfitting": Question(
        data="digits",
        kimg=30.0,
        variants={
            "100 labels, nothing": mlp("classifier.dropout=0", "classifier.decay=0", labels=100),
            "dropout 0.5": mlp("classifier.dropout=0.5", "classifier.decay=0", labels=100),
            "L2": mlp("classifier.dropout=0", "classifier.decay=1", labels=100),
            "L1": mlp("classifier.dropout=0", "classifier.decay=0", "objective.l1=0.0003", labels=100),
            "a fifth of the units": mlp(
                "classifier.dropout=0", "classifier.decay=0", "classifier.width=100", labels=100
            ),
            "shifts of a point": mlp(
                "classifier.dropout=0", "classifier.decay=0", "augment=standard", "augment.shift=1", labels=100
            ),
            "all 1,608 labels": mlp("classifier.dropout=0", "classifier.decay=0"),
        },
    ),
    "pooling": Question(
        data="mnist",
        kimg=120.0,
        variants={
            "max pooling": Variant(recipe="lenet5", settings=("augment=none", "classifier.pool=max")),
            "average pooling": Variant(recipe="lenet5", settings=("augment=none",)),
            "a stride of 2 instead": Variant(recipe="lenet5", settings=("augment=none", "classifier.pool=stride")),
            "none: an mlp": mlp("classifier.width=70", "classifier.depth=2"),
            "average pooling, shifted while learning": Variant(
                recipe="lenet5", settings=("augment=standard", "augment.shift=4")
            ),
        },
    ),
}


def figures(kept: Kept, question: str) -> dict[str, Any]:
    """What one run came to."""
    run = sparring.load(kept.run.path, checkpoint="last")
    found = evaluate_classifier(run, robust=question == "pooling")
    rows = {row.name: row for row in found.judged.rows}
    table = run.metrics
    layers = [name for name in table if name.startswith("grad_norm_")]
    shown = {
        "ended": kept.ended,
        "accuracy": rows["accuracy"].value,
        "n": rows["accuracy"].count,
        "log_loss": rows["log_loss"].value,
        "train_loss": [value for value in table["train_loss"] if value is not None][-1],
        "parameters": sum(parameter.numel() for parameter in run.classifier.parameters()),
        "first_to_last_gradient": table[layers[0]][-1] / max(table[layers[-1]][-1], 1e-30),
        "hints": sorted({str(event["values"]["rule"]) for event in run.events if event["kind"] == "hint"}),
    }
    if found.robustness is not None:
        shown["shift"] = {f"{row.strength:g}": row.accuracy for row in found.robustness.rows if row.kind == "shift"}
    return shown


def permuted(mnist: Path, place: Path) -> Path:
    """MNIST with the places of all pictures exchanged by one permutation, written where the runs are."""
    path = place / "permuted.npz"
    if not path.exists():
        data = open_data(str(mnist))
        arrays: dict[str, Any] = {}
        for part in data.parts:
            x, y = np.asarray(data.parts[part].x), data.parts[part].y
            order = np.random.Generator(np.random.Philox(key=0)).permutation(x[0].size)
            name = {"validation": "val"}.get(part, part)
            arrays[f"{name}_images"] = x.reshape(len(x), -1)[:, order].reshape(x.shape)[..., 0]
            arrays[f"{name}_labels"] = y
        np.savez(path, **arrays)
    return path


def shown(name: str, runs: Sequence[Mapping[str, Any]]) -> str:
    """A line of a table."""
    accuracy, loss = (statistics.mean(run[key] for run in runs) for key in ("accuracy", "train_loss"))
    spread = f" +- {100 * statistics.stdev(run['accuracy'] for run in runs):.2f}" if len(runs) > 1 else ""
    hints = sorted({hint for run in runs for hint in run["hints"]} - {"converged"})
    return f"  {name:<42} {100 * accuracy:6.2f} %{spread}   training loss {loss:.4g}   {', '.join(hints)}"


def answered(name: str, question: Question, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All runs of one question."""
    found: dict[str, Any] = {}
    for number, (title, variant) in enumerate(question.variants.items()):
        data = variant.data or question.data
        sources = {"mnist": options.mnist, "permuted": options.mnist and permuted(options.mnist, folder)}
        runs = []
        for seed in options.seeds:
            kept = trained(
                sources.get(data, data),
                folder / f"{name}-{number}-{seed}",
                recipe=variant.recipe,
                kimg=question.kimg,
                seed=seed,
                settings=variant.settings,
                labels=variant.labels,
                batch=variant.batch,
            )
            runs.append({"seed": seed, **figures(kept, name)})
        found[title] = {"recipe": variant.recipe, "settings": variant.settings, "runs": runs}
        print(shown(title, runs), flush=True)
    return found


def main() -> None:
    """Train, measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", nargs="*", default=list(QUESTIONS), choices=[*QUESTIONS, []])
    parser.add_argument("--mnist", type=Path, default=None, help="questions about MNIST are left out without it")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--keep", type=Path, default=None, help="keep the runs in this folder, and go on with them")
    options = parser.parse_args()
    path = record.RESULTS / "classifying.json"
    found = json.loads(path.read_text(encoding="utf-8"))["figures"]["questions"] if path.exists() else {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for name in options.questions:
            question = QUESTIONS[name]
            if question.data == "mnist" and options.mnist is None:
                continue
            print(f"{name}: {question.data}, {question.kimg:g} kimg")
            runs = answered(name, question, options, folder)
            found[name] = {"data": question.data, "kimg": question.kimg, "variants": runs}
            path = record.write("classifying", {"questions": found})
    print(path)


if __name__ == "__main__":
    main()
