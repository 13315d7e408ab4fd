"""Gradients from layer to layer of plain, post-activation and pre-activation networks, before any step: the figures of
docs/questions/degradation.md.

    python -m benchmarks.gradients [--seeds 0 1 2 3 4]

For each network the root mean square of the gradient by the weights of each convolution of 3x3, for the cross-entropy
of 64 digits; medians over the seeds of the layers in the first and in the last third. A second column is without batch
norm.
"""

import argparse
import statistics
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks import record
from sparring.data import open_data
from sparring.engine.deal import to_unit
from sparring.models.classify.base import classifiers

NETWORKS = ("plain20", "plain56", "resnet20", "resnet56", "resnet110", "preresnet20", "preresnet56", "preresnet110")
EXAMPLES = 64


def by_layer(name: str, *, seed: int, norms: bool) -> list[float]:
    """The gradient of each 3x3 convolution, from the first to the last."""
    data = open_data("digits")
    train = data.parts["train"]
    assert train.y is not None
    torch.manual_seed(seed)
    module = classifiers.build(name, data.spec).train()
    if not norms:
        _without_norms(module)
    rows = np.random.default_rng(seed).permutation(len(train))[:EXAMPLES]
    x_BCHW = to_unit(torch.from_numpy(np.asarray(train.x[rows])))
    loss = nn.functional.cross_entropy(module(x_BCHW), torch.from_numpy(train.y[rows]))
    weights = [part.weight for part in module.modules() if isinstance(part, nn.Conv2d) and part.kernel_size == (3, 3)]
    slopes = torch.autograd.grad(loss, weights)
    return [float(slope.square().mean().sqrt()) for slope in slopes]


def _without_norms(module: nn.Module) -> None:
    for name, part in list(module.named_children()):
        if isinstance(part, nn.BatchNorm2d):
            setattr(module, name, nn.Identity())
        else:
            _without_norms(part)


def figures(seeds: list[int]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A network's gradients at the beginning and at the end of it, and how many times the one is the other."""
    for name in NETWORKS:
        found: dict[str, Any] = {}
        for kind, norms in (("batch norm", True), ("no norm", False)):
            layers = [by_layer(name, seed=seed, norms=norms) for seed in seeds]
            third = len(layers[0]) // 3
            ends = [[statistics.median(run[:third]), statistics.median(run[-third:])] for run in layers]
            first, last = (statistics.median(run[end] for run in ends) for end in (0, 1))
            found[kind] = {"layers": len(layers[0]), "first": first, "last": last, "ratio": first / last}
        yield name, found


def main() -> None:
    """Measure, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    seeds = parser.parse_args().seeds
    networks = {}
    for name, found in figures(seeds):
        networks[name] = found
        told = [f"{kind}: {ends['first']:.3g} to {ends['last']:.3g}" for kind, ends in found.items()]
        print(f"{name:<14} {',   '.join(told)}", flush=True)
    print(record.write("gradients", {"data": "digits", "examples": EXAMPLES, "seeds": seeds, "networks": networks}))


if __name__ == "__main__":
    main()
