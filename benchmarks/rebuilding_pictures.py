"""The pictures of docs/questions/ about autoencoders, drawn from the runs that `benchmarks.rebuilding` kept.

python -m benchmarks.rebuilding mnist.npz --keep runs/rebuilding
python -m benchmarks.rebuilding_pictures runs/rebuilding [--out docs/pictures]
"""

import argparse
import io
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from scipy.stats import multivariate_normal, norm
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

import sparring
from benchmarks.rebuilding import BETAS, flat
from sparring.data import open_data
from sparring.engine.deal import to_unit
from sparring.models.autoencode.base import Variational
from sparring.pictures import grid, save_png

DPI = 110
SHOWN = 10
Points = npt.NDArray[np.floating[Any]]


def opened(folder: Path) -> sparring.Run:
    """A run's best checkpoint, on the CPU."""
    return sparring.load(folder, device="cpu")


def panels(count: int, width: float = 3.4) -> tuple[Figure, list[Axes]]:
    """So many square panels beside each other."""
    figure, axes = plt.subplots(1, count, figsize=(width * count, 3.3), dpi=DPI, layout="constrained")
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    return figure, list(axes)


def linear_or_not(keep: Path) -> Figure:
    """The held-out digits as two numbers: PCA's, and those of an autoencoder (seed 0)."""
    data = open_data("digits")
    train, held = data.parts["train"], data.parts["validation"]
    fitted = PCA(2, svd_solver="full").fit(flat(train.x))
    planes = {"PCA": fitted.transform(flat(held.x))}
    planes["autoencoder (512, 256, 2, 256, 512)"] = opened(keep / "codes-1-0").encode(np.asarray(held.x))
    figure, axes = panels(2)
    for each, (title, points) in zip(axes, planes.items(), strict=True):
        assert held.y is not None
        for number in range(10):
            chosen = points[held.y == number]
            each.scatter(chosen[:, 0], chosen[:, 1], s=0)
            for x, y in chosen:
                each.text(x, y, str(number), color=f"C{number}", fontsize=7, ha="center", va="center")
        each.set_title(title, fontsize=9)
        each.set(xticks=[], yticks=[])
    return figure


@torch.no_grad()
def drawn_codes(run: sparring.Run, pictures: npt.NDArray[np.uint8]) -> Points:
    """A sample of q(z | x) of each picture, [N, Z]."""
    module = run.autoencoder
    assert isinstance(module, Variational)
    posterior = module.posterior(to_unit(torch.from_numpy(np.array(pictures))))
    noise = torch.randn(posterior.mean_BZ.shape, generator=torch.Generator().manual_seed(0))
    found: Points = posterior.at(noise).numpy()
    return found


def what_is_normal(keep: Path) -> Figure:
    """Left a value of the data, right a dimension of z over the same digits, both beside N(0, 1)."""
    held = np.concatenate([np.asarray(part.x) for part in open_data("digits").parts.values()])
    z_NZ = drawn_codes(opened(keep / "beta-1"), held)
    middle = held[:, 4, 4, 0] / 127.5 - 1
    figure, (left, right) = panels(2)
    line = np.linspace(-3.5, 3.5, 200)
    for axes, values, title in (
        (left, middle, "a value of the data: the middle point"),
        (right, z_NZ[:, z_NZ.var(0).argsort()[-1]], "a dimension of z, drawn from q(z | x) of each"),
    ):
        axes.hist(values, bins=40, range=(-3.5, 3.5), density=True, color="#8fb3dc")
        axes.plot(line, norm.pdf(line), color="#d1560f", label="N(0, 1)")
        axes.set_title(title, fontsize=9)
        axes.set(yticks=[])
        axes.legend(frameon=False, fontsize=8)
    return figure


def save_betas(keep: Path, path: Path) -> None:
    """Held-out digits, and what three weights of the divergence rebuild of them and make from the prior."""
    runs = {beta: opened(keep / f"beta-{beta:g}") for beta in BETAS}
    originals, _ = runs[1.0].unseen(SHOWN)
    rows = [originals]
    captions = ["held out"]
    for beta, run in runs.items():
        rows += [run.rebuild(originals), run.sample(SHOWN)]
        captions += [f"beta {beta:g}: rebuilt", "sampled"]
    save_png(grid(np.concatenate(rows), columns=SHOWN, captions=captions), path, {"benchmark": "rebuilding"})


@torch.no_grad()
def by_spread(keep: Path, axes: Axes) -> None:
    """Bits per dimension of held-out digits for standard deviations of p(x | z): least where the errors have theirs."""
    run = opened(keep / "beta-1")
    module = run.autoencoder
    assert isinstance(module, Variational)
    x = to_unit(torch.from_numpy(np.array(open_data("digits").parts["validation"].x)))
    posterior = module.posterior(x)
    noise = torch.randn(posterior.mean_BZ.shape, generator=torch.Generator().manual_seed(0))
    squared = float((module.decode(posterior.at(noise)) - x).square().mean())
    kl = float(posterior.divergence().sum(1).mean()) / x[0].numel()
    spreads = np.geomspace(0.05, 1.0, 200)
    nats = squared / (2 * spreads**2) + np.log(spreads) + 0.5 * math.log(2 * math.pi) + kl
    learned = float(module.log_sd.exp())
    print(f"likelihood: least at {math.sqrt(squared):.4f}, learned {learned:.4f}")
    axes.plot(spreads, nats / math.log(2) + math.log2(127.5))
    axes.axvline(learned, color="#d1560f", ls="--", label=f"learned: {learned:.3f}")
    axes.axvline(math.sqrt(squared), color="#3a3a3a", ls=":", label=f"of the errors: {squared**0.5:.3f}")
    axes.set(xscale="log", xlabel="standard deviation of p(x | z)", ylabel="bits per dimension", ylim=(6, 10))
    axes.legend(frameon=False, fontsize=8, loc="lower right")


def line_and_distributions(keep: Path, axes: tuple[Axes, Axes]) -> None:
    """The plane of codes of zeros and ones: left a line between them, right how likely each is."""
    run = opened(keep / "zero-one")
    part = open_data(str(keep / "zero-one.npz")).parts["test"]
    points, labels = run.encode(np.asarray(part.x)), np.asarray(part.y)
    side = np.linspace(-3.5, 3.5, 200)
    plane = np.stack(np.meshgrid(side, side), -1)
    line = LogisticRegression().fit(points, labels)
    apart = line.decision_function(plane.reshape(-1, 2)).reshape(200, 200)
    print(f"zero-one: the line is right for {100 * line.score(points, labels):.2f} % of {len(labels):,}")
    for each in axes:
        for number in (0, 1):
            each.scatter(
                points[labels == number, 0],
                points[labels == number, 1],
                s=2,
                color=("#1f4e8c", "#d1560f")[number],
                alpha=0.4,
                lw=0,
            )
        each.set(xlim=(-3.5, 3.5), ylim=(-3.5, 3.5), xticks=[], yticks=[])
    axes[0].contour(side, side, apart, levels=[0], colors="#3a3a3a")
    axes[0].set_title("P(y | x): a line", fontsize=9)
    for number in (0, 1):
        own = points[labels == number]
        density = multivariate_normal(own.mean(0), np.cov(own.T)).pdf(plane)
        levels = density.max() * np.exp(-0.5 * np.array([3.0, 2.0, 1.0]) ** 2)
        axes[1].contour(side, side, density, levels=levels, colors="#3a3a3a", linewidths=1)
    axes[1].set_title("p(x | y): 1, 2 and 3 standard deviations", fontsize=9)


def likelihood(keep: Path) -> Figure:
    """The likelihood by one parameter; a line against two distributions."""
    figure, axes = panels(3, width=3.1)
    by_spread(keep, axes[0])
    line_and_distributions(keep, (axes[1], axes[2]))
    return figure


def save_small(figure: Figure, path: Path) -> None:
    """A PNG of 64 colours, which a drawing needs no more than."""
    data = io.BytesIO()
    figure.savefig(data)
    plt.close(figure)
    Image.open(data).convert("RGB").quantize(64).save(path, optimize=True)


DRAWN: Mapping[str, Callable[[Path], Figure]] = {
    "linear-or-not": linear_or_not,
    "what-is-normal": what_is_normal,
    "likelihood": likelihood,
}


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("keep", type=Path)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    options = parser.parse_args()
    save_betas(options.keep, options.out / "beta.png")
    for name, draw in DRAWN.items():
        figure = draw(options.keep)
        save_small(figure, options.out / f"{name}.png")
        print(options.out / f"{name}.png")


if __name__ == "__main__":
    main()
