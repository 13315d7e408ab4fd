"""Bayes' rule with generative models beside discriminative ones, from 1, 10, 100 and all labels a class.

    python -m benchmarks.bayes mnist.npz [--seeds 2] [--only digits] [--quick]

Ng and Jordan (NIPS 2001): a generative classifier comes to its error with fewer examples, and a discriminative one to a
lower error with many, so that their curves cross. Their pair is here naive Bayes (Gaussians of one variance a
feature, shared by the classes) and logistic regression, which have the same form of P(y | x).

All learn from the same labelled pictures, drawn by the seed. Naive Bayes, mixtures (5 Gaussians a class at most),
kernel densities (Scott's bandwidth) and logistic regression see 32 principal components of all training pictures, for
which no label is needed; cvae and mlp see pictures, and are given 600 updates of 128, or of as many as there are.
Tested on all that is held out of the digits (189) and on 2,000 test pictures of MNIST; nothing is chosen by them. What
is there already is not computed again; figures are written after each seed and number of labels.
"""

import argparse
import statistics
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from benchmarks import record
from sparring.data import Data, Part, open_data
from sparring.engine.deal import to_unit
from sparring.engine.precision import choose_device, choose_precision
from sparring.job.options import TrainOptions
from sparring.job.plan import make_plan
from sparring.job.played import played
from sparring.job.rebuild_parts import loss_of
from sparring.losses.classification import CLASSIFIER
from sparring.losses.elbo import class_bounds
from sparring.losses.rebuilding import AUTOENCODER
from sparring.metrics.accuracy import logits_of
from sparring.models.autoencode.base import Variational

EACH = (1, 10, 100, 0)
"""Labels a class; 0: all."""
CODES, GAUSSIANS, TESTED, UPDATES, BATCH, BOUND = 32, 5, 2_000, 600, 128, 16
Floats = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.int64]


SLOW = ("cvae", "mlp")
Scorer = Callable[[Floats], Floats]
"""log p of codes [N, F]: [N]."""


class Task(NamedTuple):
    """What a method is given: pictures uint8, codes [N, F] of them, labels; and what it is asked about.

    Args:
        spread: variance of the codes of all training pictures, [F].
    """

    data: Data
    x: npt.NDArray[np.uint8]
    codes: Floats
    spread: Floats
    y: Labels
    new_x: npt.NDArray[np.uint8]
    new_codes: Floats
    seed: int


def naive_bayes(task: Task) -> Labels:
    """Gaussians with a variance a feature; to their pooled variance the unlabelled one is added as of one example."""
    classes = np.unique(task.y)
    mean_KF = np.stack([task.codes[task.y == c].mean(0) for c in classes])
    within_NF = task.codes - mean_KF[np.searchsorted(classes, task.y)]
    variance_F = ((within_NF**2).sum(0) + task.spread) / (len(task.y) - len(classes) + 1)
    distance_NK = ((task.new_codes[:, None] - mean_KF) ** 2 / variance_F).sum(2)
    found: Labels = classes[(prior(task) - distance_NK / 2).argmax(1)]
    return found


def mixtures(task: Task) -> Labels:
    """Gaussians a class, with full covariances from 100 examples on."""

    def fitted(own: Floats) -> Scorer:
        kind = "full" if len(own) >= 100 else "diag"
        number = min(GAUSSIANS, max(1, len(own) // 20))
        # Of one example scikit-learn fits nothing; twice the same one has the same mean and no variance.
        rows = np.concatenate([own, own]) if len(own) == 1 else own
        model = GaussianMixture(number, covariance_type=kind, reg_covar=0.1, random_state=task.seed).fit(rows)
        return lambda codes: np.asarray(model.score_samples(codes))

    return most_likely(task, fitted)


def kernels(task: Task) -> Labels:
    """A Gaussian on each example."""

    def fitted(own: Floats) -> Scorer:
        model = KernelDensity(bandwidth="scott").fit(own)
        return lambda codes: np.asarray(model.score_samples(codes))

    return most_likely(task, fitted)


def most_likely(task: Task, fit: Callable[[Floats], Scorer]) -> Labels:
    """The class of the largest P(y) p(codes | y)."""
    classes = np.unique(task.y)
    scores = [fit(task.codes[task.y == c])(task.new_codes) for c in classes]
    found: Labels = classes[(np.stack(scores, 1) + prior(task)).argmax(1)]
    return found


def prior(task: Task) -> Floats:
    """log P(y), [K]."""
    found: Floats = np.log(np.unique(task.y, return_counts=True)[1] / len(task.y))
    return found


def logistic(task: Task) -> Labels:
    """scikit-learn's, with its usual penalty."""
    found: Labels = LogisticRegression(max_iter=1_000).fit(task.codes, task.y).predict(task.new_codes)
    return found


def cvae(task: Task) -> Labels:
    """The recipe `cvae` by Bayes' rule, with 16 samples of z."""
    module, recipe = network(task, "cvae", AUTOENCODER)
    assert isinstance(module, Variational)
    loss, starts = loss_of(recipe), range(0, len(task.new_x), 250)
    blocks = (to_unit(torch.tensor(task.new_x[at : at + 250])) for at in starts)
    with torch.no_grad():
        bound_NK = torch.cat([class_bounds(module, loss, x, samples=BOUND, seed=0) for x in blocks])
    found: Labels = (bound_NK.double().numpy() + prior(task)).argmax(1)
    return found


def mlp(task: Task) -> Labels:
    """The recipe `mlp`, with as many updates."""
    module, _ = network(task, "mlp", CLASSIFIER)
    found: Labels = logits_of(module, task.new_x, choose_precision("fp32", choose_device("cpu"))).argmax(1).numpy()
    return found


def network(task: Task, name: str, player: str) -> tuple[torch.nn.Module, Any]:
    """A recipe's network, trained on the labelled pictures."""
    batch = min(BATCH, len(task.y))
    options = TrainOptions(
        data=task.data.name,
        recipe=name,
        kimg=UPDATES * batch / 1000,
        batch=batch,
        seed=task.seed,
        precision="fp32",
        device="cpu",
    )
    plan = make_plan(options, task.data.spec, examples=len(task.y), labelled=len(task.y))
    parts: Mapping[str, Part] = {"train": Part(x=task.x, y=task.y), "validation": task.data.parts["validation"]}
    return played(plan.recipe, task.data.spec, parts, plan.precision, player=player), plan.recipe


METHODS: Mapping[str, Callable[[Task], Labels]] = {
    "naive Bayes": naive_bayes,
    "logistic regression": logistic,
    "Gaussian mixtures": mixtures,
    "kernel densities": kernels,
    "cvae": cvae,
    "mlp": mlp,
}


class Source:
    """A data set with its codes, computed once.

    Args:
        name: as `open_data` takes it.
    """

    def __init__(self, name: str) -> None:
        self.data = open_data(name)
        train = self.data.parts["train"]
        held = self.data.parts["test" if "test" in self.data.parts else "validation"]
        assert train.y is not None and held.y is not None
        rows = np.random.default_rng(0).permutation(len(held))[:TESTED]
        self.x, self.y = np.asarray(train.x), train.y
        self.new_x, self.new_y = np.asarray(held.x[np.sort(rows)]), held.y[np.sort(rows)]
        fitted = PCA(CODES, svd_solver="randomized", random_state=0).fit(flat(self.x))
        scale = np.sqrt(fitted.explained_variance_.mean())
        self.codes, self.new_codes = (fitted.transform(flat(x)) / scale for x in (self.x, self.new_x))

    def task(self, each: int, seed: int) -> Task:
        """So many labelled examples of each class, drawn by the seed; 0: all of them."""
        draw = np.random.default_rng(seed)
        rows = np.concatenate(
            [draw.permutation(np.flatnonzero(self.y == c))[: each or None] for c in np.unique(self.y)]
        )
        rows.sort()
        spread = self.codes.var(0)
        return Task(self.data, self.x[rows], self.codes[rows], spread, self.y[rows], self.new_x, self.new_codes, seed)


def flat(x: npt.NDArray[np.uint8]) -> Floats:
    """Pictures as rows of numbers in [0, 1]."""
    return x.reshape(len(x), -1).astype(np.float32) / 255


def computed(source: Source, name: str, seeds: int, methods: Sequence[str]) -> None:
    """Every error that is not there yet, in per cent."""
    for seed, each in product(range(seeds), EACH):
        figures = record.before("bayes")
        errors = figures.setdefault(name, {"tested": len(source.new_y), "errors": {}})["errors"]
        missing = [m for m in methods if str(seed) not in errors.get(m, {}).get(str(each or "all"), {})]
        for method in missing:
            wrong = 100 * float((METHODS[method](source.task(each, seed)) != source.new_y).mean())
            errors.setdefault(method, {}).setdefault(str(each or "all"), {})[str(seed)] = wrong
            print(f"{name}: {method}, {each or 'all'} labels, seed {seed}: {wrong:.2f} %", flush=True)
        if missing:
            record.write("bayes", figures)


def shown(name: str) -> None:
    """Print the table: mean and standard deviation over the seeds."""
    found = record.before("bayes")[name]
    print(f"\n{name}: error in per cent on {found['tested']:,} pictures, by labels a class")
    for method, by_labels in found["errors"].items():
        cells = []
        for errors in by_labels.values():
            values = list(errors.values())
            spread = f" ({statistics.stdev(values):.1f})" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.1f}{spread}")
        print(f"{method:<22}" + "".join(f"{cell:>14}" for cell in cells))


def main() -> None:
    """Compute, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mnist", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument(
        "--quick", action="store_true", help="leave out cvae and mlp, which take nearly all of the time"
    )
    parser.add_argument("--only", choices=("digits", "mnist"), default=None)
    options = parser.parse_args()
    for name, place in (("digits", "digits"), ("mnist", str(options.mnist))):
        if options.only in (None, name):
            computed(Source(place), name, options.seeds, [m for m in METHODS if not options.quick or m not in SLOW])
            shown(name)


if __name__ == "__main__":
    main()
