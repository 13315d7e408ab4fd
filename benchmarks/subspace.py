"""A linear autoencoder and PCA find the same subspace: principal angles between their codes of six numbers.

    python -m benchmarks.subspace [mnist.npz] [--keep FOLDER] [--seeds 0 1 2]

Wanted: every principal angle under 1 degree (Baldi and Hornik 1989: the global minimum of squared errors is the
projection onto the first principal components). PCA is scikit-learn's, fitted to the pictures the run was trained on.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA

import sparring
from benchmarks import record
from benchmarks.kept import trained
from sparring.data import open_data
from sparring.models.autoencode.dense import LinearAutoencoder

NUMBERS = 6
KIMG = {"digits": 2_000.0, "mnist": 1_500.0}
SETTINGS = (f"autoencoder.code={NUMBERS}", "autoencoder.lr=0.003")
BATCH = 500


def compared(run: sparring.Run, source: str) -> dict[str, Any]:
    """The angles between the decoder's columns and the components in degrees, largest first, and the errors of both on
    the pictures that they were fitted to."""
    module = run.autoencoder
    assert isinstance(module, LinearAutoencoder)
    pictures = np.asarray(open_data(source).parts["train"].x)
    rows = pictures.reshape(len(pictures), -1) / 127.5 - 1
    fitted = PCA(NUMBERS, svd_solver="covariance_eigh").fit(rows)
    decoder = module.decoder.weight.detach().double().numpy()
    best = fitted.inverse_transform(fitted.transform(rows))
    with torch.no_grad():
        made = module(torch.from_numpy(rows.astype(np.float32)).view(-1, 1, *pictures.shape[1:3])).flatten(1).numpy()
    return {
        "pictures": len(rows),
        "degrees": np.degrees(subspace_angles(decoder, fitted.components_.T)).round(4).tolist(),
        "mse": float(((made - rows) ** 2).mean()),
        "mse_pca": float(((best - rows) ** 2).mean()),
        "kimg": run.checkpoint.images / 1000,
    }


def main() -> None:
    """Train, compare, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mnist", nargs="?", default=None, help="MNIST as a file; without it the digits alone")
    parser.add_argument("--keep", type=Path, default=None, help="keep the runs in this folder")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    sources = {"digits": "digits"} | ({} if options.mnist is None else {"mnist": options.mnist})
    place = options.keep or Path(tempfile.mkdtemp(prefix="subspace-"))
    rows = []
    for name, source in sources.items():
        for seed in options.seeds:
            out = place / f"{name}-{seed}"
            kept = trained(
                source,
                out,
                recipe="linear-autoencoder",
                kimg=KIMG[name],
                seed=seed,
                settings=SETTINGS,
                batch=BATCH,
            )
            rows.append({"data": name, "seed": seed, **compared(sparring.load(out, checkpoint="last"), source)})
            assert kept.ended == "well", kept.ended
            print(rows[-1], flush=True)
    print(record.write("subspace", {"numbers": NUMBERS, "settings": list(SETTINGS), "batch": BATCH, "rows": rows}))


if __name__ == "__main__":
    main()
