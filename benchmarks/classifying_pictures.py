"""The pictures of docs/questions/ about classifiers, drawn from the runs that `benchmarks.classifying` kept.

    python -m benchmarks.classifying --mnist mnist.npz --keep runs/classifying
    python -m benchmarks.classifying_pictures runs/classifying [--out docs/pictures]

A question whose runs are not there is left out. Seed 0 is drawn.
"""

import argparse
import json
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from PIL import Image

import sparring
from benchmarks import record
from benchmarks.classifying import QUESTIONS
from sparring.job.regions import MOST, Plane, regions_of
from sparring.planes import class_regions

SIZE = (7.0, 3.2)
DPI = 110


def runs_of(folder: Path, question: str) -> dict[str, sparring.Run]:
    """The runs of a question by variant, as far as they are there."""
    paths = {title: folder / f"{question}-{n}-0" for n, title in enumerate(QUESTIONS[question].variants)}
    return {title: sparring.load(path, checkpoint="last") for title, path in paths.items() if path.is_dir()}


def over_time(
    column: str, label: str, *, logarithmic: bool = False
) -> "Callable[[Axes, Mapping[str, sparring.Run]], None]":
    """A drawing of one column of metrics.csv against the examples seen, a line a run."""

    def draw(axes: Axes, runs: Mapping[str, sparring.Run]) -> None:
        for title, run in runs.items():
            table = run.metrics
            points = [(k, v) for k, v in zip(table["kimg"], table[column], strict=True) if v is not None]
            axes.plot(*zip(*points, strict=True), label=title)
        axes.set(xlabel="thousands of examples seen", ylabel=label, yscale="log" if logarithmic else "linear")

    return draw


def by_layer(axes: Axes, runs: Mapping[str, sparring.Run]) -> None:
    """Gradients from the first layer to the last, at the end of each run."""
    for title, run in runs.items():
        table = run.metrics
        layers = [name for name in table if name.startswith("grad_norm_")]
        axes.plot(range(1, len(layers) + 1), [max(table[name][-1], 1e-14) for name in layers], "o-", ms=3, label=title)
    axes.set(xlabel="layers, from the first to the head", ylabel="gradient by the weights (rms)", yscale="log")


def learned_and_held(axes: Axes, runs: Mapping[str, sparring.Run]) -> None:
    """Loss on training and on held-out examples, of the first and the last variant."""
    titles = list(runs)
    for number, title in enumerate((titles[0], titles[-1])):
        table = runs[title].metrics
        for name, style in (("train_loss", "--"), ("validation_loss", "-")):
            points = [(k, v) for k, v in zip(table["kimg"], table[name], strict=True) if v is not None]
            axes.plot(*zip(*points, strict=True), style, color=f"C{number}", label=f"{title}: {name.split('_')[0]}")
    axes.set(xlabel="thousands of examples seen", ylabel="cross-entropy, nats", yscale="log")


def by_shift(axes: Axes, runs: Mapping[str, sparring.Run]) -> None:
    """Accuracy of shifted test pictures, from the benchmark's figures."""
    told = json.loads((record.RESULTS / "classifying.json").read_text(encoding="utf-8"))["figures"]["questions"]
    for title, found in told["pooling"]["variants"].items():
        tables = [run["shift"] for run in found["runs"]]
        means = [100 * statistics.mean(table[pixels] for table in tables) for pixels in tables[0]]
        axes.plot([float(pixels) for pixels in tables[0]], means, "o-", ms=3, label=title)
    axes.set(xlabel="points that each picture is shifted by", ylabel="accuracy, %")


def regions(folder: Path, out: Path) -> None:
    """What networks of each depth say of the plane, of seed 0; held-out points, crosses where they are wrong."""
    runs = runs_of(folder, "deep")
    if len(runs) < len(QUESTIONS["deep"].variants):
        return
    panels = []
    for title, run in runs.items():
        x, y = run.unseen_labelled(MOST)
        plane = Plane(x)
        panels.append(regions_of(title, run.classify, x, y, plane, run.spec.classes))
    image = class_regions(panels, plane.window)
    # Of few colours and a small size: a page is to be read on a telephone as well.
    image = image.resize((image.width * 3 // 5, image.height * 3 // 5), Image.Resampling.LANCZOS).quantize(
        24, dither=Image.Dither.NONE
    )
    path = out / "deep.png"
    image.save(path, optimize=True)
    print(path)


DRAWN: Mapping[str, Callable[[Axes, Mapping[str, Any]], None]] = {
    "losses": over_time("validation_accuracy", "accuracy on held-out examples"),
    "vanishing": by_layer,
    "depth": over_time("train_loss", "cross-entropy of training examples", logarithmic=True),
    "convolution": over_time("validation_accuracy", "accuracy on held-out examples"),
    "batch": over_time("validation_accuracy", "accuracy on held-out examples"),
    "overfitting": learned_and_held,
    "pooling": by_shift,
}


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("keep", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    options = parser.parse_args()
    regions(options.keep, options.out)
    for question, draw in DRAWN.items():
        runs = runs_of(options.keep, question)
        if len(runs) < len(QUESTIONS[question].variants):
            continue
        figure, axes = plt.subplots(figsize=SIZE, dpi=DPI, layout="constrained")
        draw(axes, runs)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
        path = options.out / f"{question}.png"
        figure.savefig(path, metadata={"Software": None})
        plt.close(figure)
        print(path)


if __name__ == "__main__":
    main()
