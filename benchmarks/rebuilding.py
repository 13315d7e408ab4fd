"""Questions about autoencoders: figures of docs/questions/linear-or-not.md, what-a-vae-assumes.md and likelihood.md.

    python -m benchmarks.rebuilding [mnist.npz] --keep runs/rebuilding [--kimg 100] [--seeds 0 1 2]

`codes`: the digits brought to 2, 4 and 16 numbers by PCA and by autoencoders, and a classifier of these numbers.
`beta`: what a variational autoencoder of the digits keeps and gives up with the weight of the divergence.
`zero-one`: with MNIST, a plane of codes of its zeros and ones, for a picture.
A run that is there already is not trained again; figures are written after each question.
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sparring
from benchmarks import record
from benchmarks.kept import trained
from sparring.data import open_data

Rows = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.int64]
WIDE = "autoencoder.widths=512,256,{0},256,512"
CODES: dict[str, tuple[int, tuple[str, ...]]] = {
    "(8, 4, 2, 2, 4, 8)": (2, ("preset=symmetric",)),
    "(512, 256, 2, 256, 512)": (2, (WIDE.format(2),)),
    "(16, 8, 4, 6, 12, 16)": (4, ("preset=asymmetric",)),
    "(512, 256, 4, 256, 512)": (4, (WIDE.format(4),)),
    "(512, 256, 4, 256, 512), no activation": (4, (WIDE.format(4), "autoencoder.activation=none")),
    "(512, 256, 16, 256, 512)": (16, (WIDE.format(16),)),
}
"""Numbers of the code, and settings, by the widths of the layers."""
BETAS = (0.25, 1.0, 4.0)
MEASURES = ("mse", "nll", "kl", "elbo", "active")


def classified(train: Rows, y_train: Labels, held: Rows, y_held: Labels) -> float:
    """Accuracy of a small network on codes: one layer of 64 units, each number scaled to its spread."""
    network = MLPClassifier((64,), max_iter=500, random_state=0)
    return float(make_pipeline(StandardScaler(), network).fit(train, y_train).score(held, y_held))


def flat(pictures: npt.NDArray[np.uint8]) -> Rows:
    """Rows of values from 0 to 1."""
    rows: Rows = np.asarray(pictures).reshape(len(pictures), -1) / 255
    return rows


def of_codes(keep: Path, kimg: float, seeds: list[int]) -> list[dict[str, Any]]:
    """Error of what is rebuilt of held-out digits, and accuracy of a classifier of the codes."""
    data = open_data("digits")
    train, held = data.parts["train"], data.parts["validation"]
    assert train.y is not None and held.y is not None
    rows = []
    for size in sorted({size for size, _ in CODES.values()}):
        fitted = PCA(size, svd_solver="full").fit(flat(train.x))
        known, unknown = fitted.transform(flat(train.x)), fitted.transform(flat(held.x))
        error = float(((fitted.inverse_transform(unknown) - flat(held.x)) ** 2).mean())
        rows.append(_row("PCA", size, [error], [classified(known, train.y, unknown, held.y)]))
    for number, (widths, (size, settings)) in enumerate(CODES.items()):
        errors, right = [], []
        for seed in seeds:
            out = keep / f"codes-{number}-{seed}"
            run = trained("digits", out, recipe="autoencoder", kimg=kimg, seed=seed, settings=settings).run
            codes = [run.encode(np.asarray(part.x)) for part in (train, held)]
            errors.append(float(((flat(run.rebuild(np.asarray(held.x))) - flat(held.x)) ** 2).mean()))
            right.append(classified(codes[0], train.y, codes[1], held.y))
        rows.append(_row(widths, size, errors, right))
    return rows


def _row(way: str, size: int, errors: list[float], right: list[float]) -> dict[str, Any]:
    spread = statistics.stdev(right) if len(right) > 1 else 0.0
    found = {
        "way": way,
        "numbers": size,
        "mse": round(statistics.mean(errors), 5),
        "accuracy": round(statistics.mean(right), 4),
        "accuracy_sd": round(spread, 4),
        "all_mse": errors,
        "all_accuracy": right,
    }
    print({name: value for name, value in found.items() if not name.startswith("all")}, flush=True)
    return found


def of_betas(keep: Path, kimg: float) -> list[dict[str, Any]]:
    """Both terms, the code and the samples of three weights of the divergence; seed 0."""
    rows = []
    for beta in BETAS:
        out = keep / f"beta-{beta:g}"
        run = trained(
            "digits", out, recipe="vae", kimg=kimg, settings=(f"objective.beta={beta:g}",), unconditional=True
        ).run
        found = sparring.evaluate(run.path, count=189, seeds=3, bound=500, device="cpu")
        own, samples = found.to_json()["evaluations"]
        told = {row["measure"]: row["value"] for row in own["rows"]}
        distance = next(row for row in samples["rows"] if row["measure"] == "fd_judge")
        rows.append(
            {
                "beta": beta,
                **{name: round(told[name], 4) for name in (*MEASURES, "bound_500", "bits_bound")},
                "fd_judge": round(distance["value"], 2),
                "fd_judge_floor": round(distance["floor"], 2),
            }
        )
        print(rows[-1], flush=True)
    return rows


def zeros_and_ones(keep: Path, mnist: str, kimg: float) -> dict[str, Any]:
    """A variational autoencoder of two dimensions, on MNIST's zeros and ones alone."""
    place = keep / "zero-one.npz"
    if not place.exists():
        with np.load(mnist) as arrays:
            chosen: dict[str, npt.NDArray[Any]] = {}
            for part in ("train", "test"):
                rows = arrays[f"{part}_labels"] < 2
                chosen |= {f"{part}_{kind}": arrays[f"{part}_{kind}"][rows] for kind in ("images", "labels")}
        np.savez_compressed(place, allow_pickle=False, **chosen)
    settings = ("autoencoder.z_dim=2", "loss=bernoulli")
    run = trained(place, keep / "zero-one", recipe="vae", kimg=kimg, settings=settings).run
    found = {"kimg": run.checkpoint.images / 1000, "settings": list(settings)}
    print(found, flush=True)
    return found


def main() -> None:
    """Train, measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mnist", nargs="?", default=None)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--kimg", type=float, default=100.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Any] = {"kimg": options.kimg, "seeds": options.seeds}
    figures["beta"] = of_betas(options.keep, options.kimg)
    record.write("rebuilding", figures)
    if options.mnist is not None:
        figures["zero_one"] = zeros_and_ones(options.keep, options.mnist, options.kimg)
        record.write("rebuilding", figures)
    figures["codes"] = of_codes(options.keep, options.kimg, options.seeds)
    print(record.write("rebuilding", figures))


if __name__ == "__main__":
    main()
