"""How likely a variational autoencoder finds MNIST: the importance-weighted bound of log p(x) after 15 minutes.

    python -m benchmarks.mnist_vae mnist.npz --keep FOLDER [--minutes 15] [--bound 5000] [--seed 0] [--part test]

Each point is black or white, white with its grey value as the probability: drawn anew at each look while training, and
once, by a fixed seed, of the part that is measured. Wanted: 90 nats or less for one stochastic layer. Published (Burda
et al., arXiv:1509.00519, table 1, trained with k = 1, bound with 5,000 samples): 86.76 with one stochastic layer, 85.33
with two; their pictures were drawn black and white by other random numbers, so it is another binarisation.

What is in the folder is not made again: a run that was cut short goes on, and so does the measurement, block by block.
"""

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import sparring
from benchmarks import record
from benchmarks.kept import trained
from sparring.data import open_data
from sparring.engine.deal import generator, to_unit
from sparring.engine.denormals import flushed_denormals
from sparring.job.rebuild_parts import corruption_of, loss_of
from sparring.losses.base import Batch
from sparring.losses.elbo import ELBO, importance_bound
from sparring.models.autoencode.base import Variational

SETTINGS = (
    "loss=bernoulli",
    "augment=binarised",
    "autoencoder.z_dim=50",
    "autoencoder.hidden=500,500",
    "autoencoder.lr=0.003",
    "objective.warmup=20000",
)
"""One stochastic layer of 50 dimensions behind two layers of 500 units on either side, with ReLU; Burda et al. have two
of 200 with tanh, and 3,280 epochs.

Tuned on the validation part, 300 kimg each, bound with 50 samples of z on 500 pictures: 200 units at a rate of 0.001
117.8 nats, of 0.003 115.1, of 0.003 with tanh 140.3; 500 units at 0.003 108.8, at a little more than twice the time.
With 600 kimg and 1,000 pictures: no warm-up of the divergence 99.6 nats, over 2,000 updates 94.1, over 4,000 93.5; over
2,000 at a rate of 0.0015 94.8. Without it most dimensions of z are given up before the decoder can read them (Sonderby
et al., arXiv:1602.02282): 12 of 50 were in use.
"""
BLOCK = 50
PUBLISHED = {"one stochastic layer": 86.76, "two stochastic layers": 85.33}


def drawn(run: sparring.Run, pictures: npt.NDArray[np.uint8], number: int) -> Batch:
    """One block in black and white, the same each time."""
    corruption = corruption_of(run.recipe)
    assert corruption is not None
    return corruption({"x": to_unit(torch.from_numpy(np.array(pictures)))}, generator("mnist-vae", number))


def measured(run: sparring.Run, pictures: npt.NDArray[np.uint8], *, samples: int, place: Path) -> list[dict[str, Any]]:
    """The bound and the terms of each block, nats; blocks that were measured before are read."""
    module, loss = run.autoencoder, loss_of(run.recipe)
    assert isinstance(module, Variational)
    objective, rows = ELBO(module, loss), _rows(place)
    for number in range(len(rows), -(-len(pictures) // BLOCK)):
        started = time.perf_counter()
        batch = drawn(run, pictures[number * BLOCK : (number + 1) * BLOCK], number)
        draw = generator("mnist-vae", "bound", number)
        noise = torch.randn(len(batch["x"]), module.z_dim, generator=draw)
        with torch.no_grad():
            terms = objective.measured(module, {**batch, "z": noise})
        with flushed_denormals():
            bound_B = importance_bound(module, loss, batch, samples=samples, draw=draw)
        row = {"bound": bound_B.tolist(), **{name: terms[name].tolist() for name in ("elbo", "nll", "kl")}}
        rows.append({**row, "seconds": time.perf_counter() - started})
        with place.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(rows[-1]) + "\n")
        if number % 10 == 9:
            told = np.concatenate([row["bound"] for row in rows])
            print(f"{len(told):,} pictures: {-told.mean():.2f} nats", flush=True)
    return rows


def _rows(place: Path) -> list[dict[str, Any]]:
    """Whole lines; one that was cut short by a kill is measured again."""
    if not place.exists():
        return []
    whole = [line for line in place.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
    place.write_text("".join(whole), encoding="utf-8")
    return [json.loads(line) for line in whole]


def summed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over all pictures, and the standard error of the bound."""
    names = ("bound", "elbo", "nll", "kl")
    each = {name: np.concatenate([row[name] for row in rows]) for name in names}
    return {
        "pictures": len(each["bound"]),
        **{f"{name}_nats": round(float(values.mean()), 3) for name, values in each.items()},
        "standard_error": round(float(each["bound"].std(ddof=1)) / math.sqrt(len(each["bound"])), 3),
        "bits_per_dimension": round(-float(each["bound"].mean()) / (784 * math.log(2)), 4),
        "seconds_of_measuring": round(sum(row["seconds"] for row in rows), 1),
    }


def main() -> None:
    """Train, measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mnist")
    parser.add_argument("--keep", type=Path, required=True, help="the run and what was measured of it so far")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--kimg", type=float, default=None, help="in the place of the minutes")
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--bound", type=int, default=5_000)
    parser.add_argument("--count", type=int, default=10_000, help="pictures of the part")
    parser.add_argument("--part", choices=["test", "validation"], default="test")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--set", action="append", default=[], help="further settings, for tuning on the validation part"
    )
    options = parser.parse_args()
    kept = trained(
        options.mnist,
        options.keep / f"run-{options.seed}",
        recipe="vae",
        minutes=options.minutes if options.kimg is None else None,
        kimg=options.kimg,
        seed=options.seed,
        settings=(*SETTINGS, *options.set),
        unconditional=True,
        batch=options.batch,
    )
    assert kept.ended == "well", kept.ended
    run = sparring.load(kept.run.path, device="cpu")
    pictures = open_data(options.mnist, conditional=False).parts[options.part].x
    drawn_N = np.random.Generator(np.random.Philox(key=0)).permutation(len(pictures))[: options.count]
    pictures = np.asarray(pictures[np.sort(drawn_N)])
    place = options.keep / f"{options.part}-{options.seed}-{options.bound}.jsonl"
    found = {
        "part": options.part,
        "seed": options.seed,
        "samples": options.bound,
        "kimg": run.checkpoint.images / 1000,
        "batch": run.recipe.batch,
        "minutes": json.loads((run.path / "timing.json").read_text())["training_seconds"] / 60,
        **summed(measured(run, pictures, samples=options.bound, place=place)),
        "settings": [*SETTINGS, *options.set],
    }
    print(json.dumps(found, indent=2))
    if options.part == "test":
        before = {str(row["seed"]): row for row in record.before("mnist_vae").get("rows", [])}
        rows = list({**before, str(options.seed): found}.values())
        print(
            record.write("mnist_vae", {"published_nats": PUBLISHED, "published_is": "other binarisation", "rows": rows})
        )


if __name__ == "__main__":
    main()
