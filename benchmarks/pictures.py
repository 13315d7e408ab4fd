"""Drawings of docs/, from the figures in benchmarks/results/ or from a computation of a second.

    python -m benchmarks.pictures [NAME ...]
    python -m benchmarks.pictures --good RUN --bad RUN        # two runs on points, for mode-collapse
    python -m benchmarks.pictures --long RUN                  # for when-to-stop

Written to docs/pictures/ as SVG that looks the same on light and dark pages; the same figures give the same bytes.
"""

import argparse
import io
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sparring
from benchmarks import record

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
SIZE = (6.4, 3.2)
INK = "#77808c"
COLOURS = ("#3b7dd8", "#e07b39", "#3a9d6e", "#b0569f", "#9a8c2c")
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "sparring",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": f"cycler(color={COLOURS})",
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.bbox": "tight",
}


def does_d_improve(figure: Figure) -> None:
    """Every D against every G, as a table of colours."""
    found = record.before("improving")
    percent, kimg = np.array(found["percent"]), [f"{at:g}" for at in found["kimg"]]
    axes = figure.subplots()
    axes.imshow(percent, cmap="RdBu", vmin=0, vmax=100, aspect="auto")
    for row, column in np.ndindex(percent.shape):
        dark = abs(percent[row, column] - 50) > 35
        axes.text(
            column,
            row,
            f"{percent[row, column]:.0f}",
            ha="center",
            va="center",
            color="white" if dark else "black",
            fontweight="bold" if row == column else "normal",
        )
    axes.set_xticks(range(len(kimg)), kimg)
    axes.set_yticks(range(len(kimg)), kimg)
    axes.set_xlabel("G at kimg")
    axes.set_ylabel("D at kimg")
    axes.set_title("pairs that D ranks right, in % (50: fooled)", fontsize=9)


def gamma(figure: Figure) -> None:
    """Least distance so far of five gammas, at shares of the budget."""
    found = record.before("gammas")
    shares = [moment["share"] for moment in next(iter(found["data"].values()))["moments"]]
    for axes, (data, of) in zip(figure.subplots(1, 2), found["data"].items(), strict=True):
        for run in of["runs"]:
            axes.plot(shares, run["least"], marker="o", ms=3, label=run["settings"][0].partition("=")[2])
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_title(data)
        axes.set_xlabel("share of the run")
        axes.set_xticks(shares, [f"{share:g}" for share in shares])
        axes.legend(title="gamma", fontsize=7, title_fontsize=7)
    figure.axes[0].set_ylabel("least fd_judge so far,\nmultiples of the floor")


def noise(figure: Figure) -> None:
    """Distance and coverage by the size of z."""
    variants = record.before("questions")["questions"]["noise"]["variants"]
    sizes = [int(name.split()[-1]) for name in variants]
    for axes, key, label in zip(
        figure.subplots(1, 2), ("best", "coverage"), ("fd_judge, multiples of the floor", "coverage"), strict=True
    ):
        values = [[run[key] for run in of["runs"]] for of in variants.values()]
        for size, of_size in zip(sizes, values, strict=True):
            axes.plot([size] * len(of_size), of_size, "o", ms=3, color=INK)
        axes.plot(sizes, [statistics.median(of_size) for of_size in values])
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.set_xlabel("numbers in z")
        axes.set_ylabel(label)


def stronger_side(figure: Figure) -> None:
    """Best and last distance by which side is the stronger one."""
    variants = record.before("questions")["questions"]["stronger-gan"]["variants"]
    axes = figure.subplots()
    for offset, key in ((0.18, "best"), (-0.18, "last")):
        places = np.arange(len(variants)) + offset
        medians = [statistics.median(run[key] for run in of["runs"]) for of in variants.values()]
        axes.barh(places, medians, height=0.34, label=key)
        for place, of in zip(places, variants.values(), strict=True):
            axes.plot([run[key] for run in of["runs"]], [place] * len(of["runs"]), "o", ms=3, color=INK)
    axes.set_yticks(range(len(variants)), list(variants))
    axes.invert_yaxis()
    axes.set_xlabel("fd_judge, multiples of the floor: median and each of three seeds")
    axes.legend()


def frozen(figure: Figure) -> None:
    """The paths of docs/questions/frozen.md: in turn and at once, without a penalty and with R1."""
    for axes, penalty in zip(figure.subplots(1, 2), (0.0, 0.3), strict=True):
        for in_turn, label in ((False, "at once"), (True, "in turn")):
            axes.plot(*_path(penalty, in_turn=in_turn, rounds=150), linewidth=1, label=label)
        axes.plot(0, 0, "+", ms=9, color=INK)
        axes.set_aspect("equal")
        axes.set_title(f"Wasserstein, R1 {penalty:g}")
        axes.set_xlabel("theta: where the fakes are")
    figure.axes[0].set_ylabel("psi: D's slope")
    figure.axes[1].legend()


def _path(penalty: float, *, in_turn: bool, rounds: int, rate: float = 0.1) -> tuple[list[float], list[float]]:
    theta, psi = [1.0], [0.0]
    for _ in range(rounds):
        new = psi[-1] - rate * (theta[-1] + penalty * psi[-1])
        theta.append(theta[-1] + rate * (new if in_turn else psi[-1]))
        psi.append(new)
    return theta, psi


def accuracy_misleads(figure: Figure) -> None:
    """What one and the same test is worth where what it looks for is rare: 44 % found, 0.2 % false alarms."""
    share = np.logspace(-3, np.log10(0.5), 200)
    found, alarms = 57 / 130, 12 / 5_462
    right = share * found + (1 - share) * (1 - alarms)
    axes = figure.subplots()
    axes.plot(share, right, label="accuracy of this test")
    axes.plot(share, 1 - share, linestyle="--", label="accuracy of always 'healthy'")
    axes.plot(share, np.full_like(share, found), label="recall of this test")
    axes.plot(share, share * found / (share * found + (1 - share) * alarms), label="precision of this test")
    axes.axvline(130 / 5_592, color=INK, linewidth=0.8)
    axes.text(130 / 5_592, 0.02, " here", fontsize=8)
    axes.set_xscale("log")
    axes.set_ylim(0, 1.03)
    axes.set_xticks([0.001, 0.01, 0.1, 0.5], ["0.1 %", "1 %", "10 %", "50 %"])
    axes.set_xlabel("share of what is looked for")
    axes.legend(fontsize=8)


def thresholds(figure: Figure) -> None:
    """Recall and precision of docs/questions/thresholds.md by threshold, on both halves of the held-out tumours."""
    x, y = load_breast_cancer(return_X_y=True)
    malignant = (y == 0).astype(int)
    given = train_test_split(x[:, :2], malignant, test_size=0.6, stratify=malignant, random_state=0)
    x_train, x_held, y_train, y_held = given
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x_train, y_train)
    said = model.predict_proba(x_held)[:, 1]
    axes = figure.subplots()
    for part, style in ((0, "--"), (1, "-")):
        precision, recall, at = precision_recall_curve(y_held[part::2], said[part::2])
        name = ("validation", "test")[part]
        axes.plot(at, recall[:-1], style, color=COLOURS[0], label=f"recall, {name}")
        axes.plot(at, precision[:-1], style, color=COLOURS[1], label=f"precision, {name}")
    for value, label in ((0.5, " habit"), (0.259, " --min-recall 0.95")):
        axes.axvline(value, color=INK, linewidth=0.8)
        axes.text(value, 0.36, label, fontsize=8)
    axes.set_xlabel("threshold for 'malignant'")
    axes.legend(fontsize=8)


def descent(figure: Figure) -> None:
    """Paths of docs/questions/batch-size.md on the squared error of a line with two weights, and their errors."""
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    x, y, best = valley()
    across, along = np.meshgrid(np.linspace(-2.6, 1.6, 40), np.linspace(-2.4, 1.8, 40))
    places = np.stack([across.ravel(), along.ravel()], 1)
    height = np.array([excess(weights, x, y, best) for weights in places]).reshape(across.shape)
    left.contour(across, along, height, levels=[0.01, 0.1, 0.3, 0.7, 1.3, 2.1], colors=INK, linewidths=0.5, alpha=0.7)
    for size, colour in zip(STEPPED, COLOURS, strict=False):
        path = descended(size, x, y, seed=0)
        steps = np.unique([*range(min(60, len(path))), *range(0, len(path), max(1, len(path) // 100))])
        shown = path[steps]
        left.plot(*shown.T, ".-" if size == len(x) else "-", ms=4, linewidth=0.8, color=colour)
        errors = [excess(weights, x, y, best) for weights in shown]
        told = f"{size} at a time" if size < len(x) else f"all {size} at once"
        right.plot(steps * size, errors, color=colour, linewidth=1, label=told)
    left.plot(*best, "+", ms=9, color=INK)
    left.set(xlabel="first weight", ylabel="second weight")
    right.set(yscale="log", ylim=(1e-5, 3e2), xlabel="examples seen", ylabel="squared error above the least")
    right.yaxis.set_minor_locator(NullLocator())
    right.legend(fontsize=8, loc="upper right")


STEPPED, EPOCHS, RATE = (256, 16, 1), 12, 0.1
Array = np.ndarray[Any, np.dtype[np.float64]]


def valley() -> tuple[Array, Array, Array]:
    """256 examples x [N, 2], of which the second column is a third as wide as the first, y [N] with noise, and the
    weights [2] with the least error."""
    draw = np.random.default_rng(0)
    x = draw.standard_normal((256, 2)) * [1.0, 0.35]
    y = x @ [0.8, 1.0] + 0.3 * draw.standard_normal(256)
    return x, y, np.asarray(np.linalg.lstsq(x, y)[0], np.float64)


def excess(weights: Array, x: Array, y: Array, best: Array) -> float:
    """How far the error of weights [2], half the mean square, is above the least one."""
    errors = [0.5 * float(((x @ each - y) ** 2).mean()) for each in (weights, best)]
    return errors[0] - errors[1]


def descended(size: int, x: Array, y: Array, *, seed: int, rate: float = RATE, epochs: int = EPOCHS) -> Array:
    """Weights [steps + 1, 2] of w <- w - rate dL/dw over shuffled batches of so many examples."""
    draw, weights = np.random.default_rng(seed), np.array([-2.2, -1.8])
    path = [weights]
    for _ in range(epochs):
        for rows in draw.permutation(len(x)).reshape(-1, size):
            weights = weights - rate * x[rows].T @ (x[rows] @ weights - y[rows]) / size
            path.append(weights)
    return np.array(path)


def remedies(figure: Figure) -> None:
    """Modes that each remedy found on the collapsing run."""
    variants = record.before("questions")["questions"]["collapse"]["variants"]
    axes = figure.subplots()
    modes = [statistics.mean(run["modes"] for run in of["runs"]) for of in variants.values()]
    axes.barh(range(len(modes)), modes, color=[COLOURS[0] if count else INK for count in modes])
    axes.set_yticks(range(len(modes)), list(variants), fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 8)
    axes.set_xlabel("modes found, of 8")


def growth(figure: Figure) -> None:
    """Seconds and memory by the number of pictures, and those of training by their side and by the batch."""
    cases = record.before("growth")["cases"]
    (seconds, memory), (side, batch) = figure.subplots(2, 2)
    for case, name, label in (
        ("packing", "seconds", "packing"),
        ("opening", "seconds", "opening a pack"),
        ("dealing", "first", "first batch, shuffling"),
    ):
        _draw_growth(seconds, cases[case], name, label)
    _draw_growth(memory, cases["dealing"], "peak_mib", "dealing (with torch)")
    _draw_growth(memory, cases["packing"], "peak_mib", "packing")
    for axes, case in ((side, "sizing"), (batch, "batching")):
        _draw_growth(axes, cases[case], "seconds", "training, s a picture")
    _draw_growth(side, cases["sizing"], "packing_seconds", "packing, s a picture")
    _draw_growth(batch, cases["batching"], "peak_mib", "memory, MiB")
    for axes, case in ((side, "sizing"), (batch, "batching")):
        axes.set_xticks(sorted(map(int, cases[case])), sorted(cases[case], key=int))
        axes.xaxis.set_minor_locator(NullLocator())
    for axes, told in ((seconds, "s by pictures"), (memory, "MiB by pictures"), (side, "by side"), (batch, "by batch")):
        axes.set_xlabel(told)
        axes.legend(fontsize=7)


def _draw_growth(axes: Axes, measured: Mapping[str, Mapping[str, float]], name: str, label: str) -> None:
    numbers = sorted(map(int, measured))
    axes.loglog(numbers, [measured[str(number)][name] for number in numbers], marker="o", ms=3, label=label)


def collapse(figure: Figure, good: Path, bad: Path) -> None:
    """Where samples ended, and D's output on reals and fakes on the way there: a good run above a collapsing one."""
    for row, (name, path) in zip(
        figure.subplots(2, 2, width_ratios=(1, 2)), (("good", good), ("collapsing", bad)), strict=True
    ):
        run = sparring.load(path, device="cpu", checkpoint="last")
        points = np.asarray(run.sample(500, seed=1))
        row[0].plot(*points.T, ".", ms=2)
        row[0].set(aspect="equal", xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), ylabel=name)
        _draw_outputs(row[1], run.metrics)
    figure.axes[1].legend(fontsize=8)
    figure.axes[-1].set_xlabel("kimg")


def when_to_stop(figure: Figure, path: Path) -> None:
    """The distance beside its floor with the best checkpoint, and the two losses, which tell nothing."""
    table = sparring.load(path, device="cpu").metrics
    taken = [number for number, value in enumerate(table["fd_judge"]) if value is not None]
    kimg = [table["kimg"][number] for number in taken]
    left, right = figure.subplots(1, 2)
    distance = [table["fd_judge"][number] for number in taken]
    best = min(range(len(distance)), key=lambda number: distance[number])
    left.plot(kimg, distance, label="fd_judge")
    left.plot(kimg, [table["fd_judge_floor"][number] for number in taken], "--", color=INK, label="its floor")
    left.plot(kimg[best], distance[best], "o", ms=6, mfc="none", label="best checkpoint")
    left.set_yscale("log")
    left.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    left.yaxis.set_minor_locator(NullLocator())
    left.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    for player in ("generator", "discriminator"):
        right.plot(table["kimg"], table[f"{player}_adversarial"], label=f"loss of the {player}", linewidth=1)
    for axes in (left, right):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xlabel("kimg")
        axes.legend(fontsize=8)


def _draw_outputs(axes: Axes, table: Mapping[str, Sequence[Any]]) -> None:
    for name, label in (("discriminator_real", "D(x)"), ("discriminator_fake", "D(G(z))")):
        axes.plot(table["kimg"], table[name], label=label, linewidth=1)
    axes.axhline(0.5, color=INK, linewidth=0.8, linestyle="--")
    axes.set_ylim(0, 1)


def generative_or_discriminative(figure: Figure) -> None:
    """Error by the labels a class: generative ones drawn through, discriminative ones dashed."""
    found = record.before("bayes")
    panels = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
    for axes, (name, own) in zip(panels, found.items(), strict=True):
        labels = max(map(list, own["errors"].values()), key=len)
        for colour, (method, by_labels) in zip((*COLOURS, INK), own["errors"].items(), strict=True):
            error = [statistics.mean(values.values()) for values in by_labels.values()]
            line = "--" if method in ("logistic regression", "mlp") else "-"
            axes.plot(range(len(error)), error, line, marker="o", markersize=3, color=colour, label=method)
        axes.set_xticks(range(len(labels)), labels)
        axes.set_yscale("symlog", linthresh=1)
        axes.set_title(f"{name}, {own['tested']:,} tested", fontsize=9)
        axes.set_xlabel("labels a class")
    panels[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panels[0].set_ylabel("error, %")
    panels[-1].legend(fontsize=7)


DRAWINGS: Mapping[str, Callable[[Figure], None]] = {
    "does-d-improve": does_d_improve,
    "gamma": gamma,
    "noise": noise,
    "stronger-side": stronger_side,
    "frozen": frozen,
    "accuracy-misleads": accuracy_misleads,
    "thresholds": thresholds,
    "remedies": remedies,
    "descent": descent,
    "generative-or-discriminative": generative_or_discriminative,
    "growth": growth,
}
TALL = {"growth": (6.4, 5.2)}


def write(name: str, draw: Callable[[Figure], None], *, size: tuple[float, float] = SIZE) -> Path:
    """Draw one picture and save it."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        data = io.StringIO()
        figure.savefig(data, format="svg", metadata={"Date": None})
    path = PICTURES / f"{name}.svg"
    path.write_text("\n".join(line.rstrip() for line in data.getvalue().splitlines()) + "\n", encoding="utf-8")
    return path


def main() -> None:
    """Draw what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*DRAWINGS, []])
    parser.add_argument("--good", type=Path, default=None, help="a run on points that found all modes")
    parser.add_argument("--bad", type=Path, default=None, help="one that did not")
    parser.add_argument("--long", type=Path, default=None, help="a run that went on long after its best")
    options = parser.parse_args()
    if options.good and options.bad:
        print(write("mode-collapse", lambda figure: collapse(figure, options.good, options.bad), size=(6.4, 4.2)))
    if options.long:
        print(write("when-to-stop", lambda figure: when_to_stop(figure, options.long)))
    for name in options.names or ([] if options.good or options.long else DRAWINGS):
        print(write(name, DRAWINGS[name], size=TALL.get(name, SIZE)))


if __name__ == "__main__":
    main()
