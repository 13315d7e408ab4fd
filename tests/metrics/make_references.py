"""Writes references.json: what torch-fidelity, torchmetrics, clean-fid and prdc give for the features of the tests.

    python tests/metrics/make_references.py

Needs the extra `reference`.
"""

import json
from importlib.metadata import version

import numpy as np
import torch
from cleanfid import fid as clean_fid
from prdc import compute_prdc
from reference_inputs import SEED, SIZE, STORED, SUBSETS, Floats, K, cases, logits
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric
from torchmetrics.image.fid import _compute_fid
from torchmetrics.image.kid import poly_mmd

PACKAGES = ("torch-fidelity", "torchmetrics", "clean-fid", "prdc", "torch", "numpy", "scipy", "scikit-learn")


def fidelity_frechet(fakes: Floats, reals: Floats) -> float:
    """FID's formula by torch-fidelity: eigenvalues of the product of covariances."""
    a, b = (fid_features_to_statistics(torch.from_numpy(x)) for x in (fakes, reals))
    a["sigma"], b["sigma"] = np.atleast_2d(a["sigma"]), np.atleast_2d(b["sigma"])
    return fid_statistics_to_metric(a, b, verbose=False)["frechet_inception_distance"]


def metrics_frechet(fakes: Floats, reals: Floats) -> float:
    """FID's formula by torchmetrics."""
    a, b = torch.from_numpy(fakes), torch.from_numpy(reals)
    covariance_a, covariance_b = (torch.atleast_2d(torch.cov(x.T)) for x in (a, b))
    return float(_compute_fid(a.mean(0), covariance_a, b.mean(0), covariance_b))


def fidelity_kernel(fakes: Floats, reals: Floats) -> dict[str, float]:
    """KID by torch-fidelity over its own random subsets."""
    found = kid_features_to_metric(
        torch.from_numpy(fakes),
        torch.from_numpy(reals),
        kid_subsets=SUBSETS,
        kid_subset_size=SIZE,
        rng_seed=SEED,
        verbose=False,
    )
    return {key.rsplit("_", 1)[1]: value for key, value in found.items()}


def metrics_kernel(fakes: Floats, reals: Floats) -> float:
    """The squared discrepancy of the first features by torchmetrics."""
    return float(poly_mmd(torch.from_numpy(reals[:SIZE]), torch.from_numpy(fakes[:SIZE])))


def clean_kernel(fakes: Floats, reals: Floats) -> float:
    """KID by clean-fid of the first features: one subset, which is all of them."""
    np.random.seed(0)
    return clean_fid.kernel_distance(fakes[:SIZE], reals[:SIZE], num_subsets=1, max_subset_size=SIZE)


def naver(fakes: Floats, reals: Floats) -> dict[str, float]:
    """Precision, recall, density and coverage by prdc."""
    return {name: float(value) for name, value in compute_prdc(reals, fakes, K).items()}


def fidelity_manifold(fakes: Floats, reals: Floats) -> dict[str, float]:
    """Precision and recall by torch-fidelity."""
    a, b = torch.from_numpy(fakes), torch.from_numpy(reals)
    found = prc_features_to_metric(a, b, prc_neighborhood=K, prc_batch_size=10_000, save_cpu_ram=False, verbose=False)
    return {name: found[name] for name in ("precision", "recall")}


def fidelity_score() -> dict[str, float]:
    """The Inception score's formula by torch-fidelity, in the order given."""
    found = isc_features_to_metric(torch.from_numpy(logits()), splits=10, shuffle=False)
    return {key.rsplit("_", 1)[1]: value for key, value in found.items()}


def main() -> None:
    """Ask every reference about every case it is made for."""
    every = cases()
    full = {name: pair for name, pair in every.items() if name in ("alike", "shifted", "far from 0")}
    values = {
        "torch-fidelity FID": {name: fidelity_frechet(*pair) for name, pair in every.items()},
        "torchmetrics FID": {name: metrics_frechet(*pair) for name, pair in every.items()},
        "clean-fid FID": {name: float(clean_fid.fid_from_feats(*pair)) for name, pair in full.items()},
        "torch-fidelity KID": {name: fidelity_kernel(*pair) for name, pair in every.items()},
        "torchmetrics KID": {name: metrics_kernel(*pair) for name, pair in every.items()},
        "clean-fid KID": {name: clean_kernel(*pair) for name, pair in every.items()},
        "prdc": {name: naver(*pair) for name, pair in every.items()},
        "torch-fidelity PRC": {name: fidelity_manifold(*pair) for name, pair in every.items()},
        "torch-fidelity ISC": fidelity_score(),
    }
    versions = {name: version(name) for name in PACKAGES}
    text = json.dumps({"command": __doc__.splitlines()[2].strip(), "versions": versions, "values": values}, indent=1)
    STORED.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
