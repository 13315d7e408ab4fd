"""Stacked MNIST, 1,000 modes: how many of them a recipe finds in a given time, by PacGAN's protocol.

    python -m benchmarks.stacked_mnist mnist.npz [--recipes gan dcgan] [--minutes 30] [--seed 0]

128,000 pictures are made once by putting three digits, drawn with replacement from all 70,000, into the three channels.
A recipe trains on them without labels; of 26,000 samples of its best checkpoint, chosen without labels, each channel is
sorted by a CNN fitted on real digits, and the three digits are the mode. Counted are the different modes, and the
Kullback-Leibler divergence (nats) of their shares from the uniform ones. The same is done with 26,000 of the real
triples. Published figures: Lin et al., PacGAN, arXiv:1712.04086, table 3 (28x28 DCGAN setup), and Huang et al., R3GAN,
arXiv:2501.05441, table 1 (another network).
A run that is there already, in the folder given by --keep, is not trained again.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from benchmarks import record
from benchmarks.kept import trained
from benchmarks.mnist_minute import fitted_judge, sorted_by

TRIPLES = 128_000
SAMPLES = 26_000
MODES = 1_000
PUBLISHED = {
    "DCGAN, 50 epochs (arXiv:1712.04086)": (78.9, 4.50),
    "PacDCGAN2, 50 epochs (arXiv:1712.04086)": (1000.0, 0.06),
    "small ResNet, RpGAN + R1 + R2 (arXiv:2501.05441)": (1000.0, 0.0781),
}
Pictures = npt.NDArray[np.uint8]


def stacked(digits: Pictures, *, count: int, seed: int) -> Pictures:
    """Triples of digits as the channels of one picture: uint8 [N, 28, 28, 3]."""
    chosen = np.random.default_rng(seed).integers(0, len(digits), (count, 3))
    return np.stack([digits[chosen[:, channel]] for channel in range(3)], axis=-1)


def modes_of(judge: nn.Module, pictures: Pictures) -> npt.NDArray[np.int64]:
    """The mode of each picture uint8 [N, 28, 28, 3], 0 to 999."""
    hundreds, tens, ones = (sorted_by(judge, np.ascontiguousarray(pictures[..., c])) for c in range(3))
    return hundreds * 100 + tens * 10 + ones


def counted(modes: npt.NDArray[np.int64]) -> dict[str, float]:
    """The number of different modes, and KL(their shares || uniform) in nats."""
    counts = np.bincount(modes, minlength=MODES)
    shares = counts[counts > 0] / counts.sum()
    return {"modes": int((counts > 0).sum()), "kl": float((shares * np.log(shares * MODES)).sum())}


def main() -> None:
    """Stack, train, count, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--recipes", nargs="+", default=["gan", "dcgan"])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=None, help="keep the runs in this folder, and go on with them")
    options = parser.parse_args()
    with np.load(options.data) as arrays:
        digits = dict(arrays)
    judge, accuracy = fitted_judge(digits)
    triples = stacked(np.concatenate([digits["train_images"], digits["test_images"]]), count=TRIPLES, seed=0)
    rows: list[dict[str, Any]] = [{"name": "real triples", **counted(modes_of(judge, triples[:SAMPLES]))}]
    rows += [{"name": name, "modes": modes, "kl": kl} for name, (modes, kl) in PUBLISHED.items()]
    print(f"CNN on held-out reals: {100 * accuracy:.2f} %", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        data = folder / "stacked-mnist.npz"
        np.savez(data, images=triples)
        for name in options.recipes:
            out = folder / f"{name}-seed-{options.seed}"
            run = trained(data, out, recipe=name, minutes=options.minutes, seed=options.seed).run
            made = modes_of(judge, run.sample(SAMPLES))
            kimg = {"kimg": run.recipe.kimg, "best_kimg": run.checkpoint.images / 1000}
            rows.append({"name": name, **counted(made), **kimg, "seed": options.seed})
    for row in rows:
        after = f"   best checkpoint, at {row['best_kimg']:g} of {row['kimg']:g} kimg" if "kimg" in row else ""
        print(f"{row['name']:<50} {row['modes']:>7.1f} of 1,000   KL {row['kl']:.3f}{after}")
    figures = {"judge_held_out": accuracy, "samples": SAMPLES, "minutes": options.minutes, "rows": rows}
    print(record.write("stacked_mnist", figures))


if __name__ == "__main__":
    main()
