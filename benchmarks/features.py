"""Whether a GAN's discriminator has learned features that classify: pooled features and a linear SVM on CIFAR-10.

    python -m benchmarks.features RUN [--train 10000] [--test 10000]

As Radford et al. (arXiv:1511.06434, section 5.1): the map after each convolution of D is max-pooled to 4x4 places, all
are joined, and an L2-SVM learns the classes from them. The run is one on labelled data, trained with or without the
labels; beside it stand the same network before training, and the pixels. C is chosen on a fifth of the training
pictures. Published, with D trained on ImageNet-1k, 28,672 features and all 50,000 pictures: 82.8 %.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

import sparring
from benchmarks import record
from sparring.data import open_data
from sparring.engine.deal import to_unit
from sparring.job.parts import build_modules
from sparring.losses.base import DISCRIMINATOR
from sparring.models.gan.base import Discriminator

PLACES = 4
BATCH = 250
COSTS = (1e-5, 1e-4, 1e-3, 1e-2)
PUBLISHED = 82.8
Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


def discriminator_of(run: sparring.Run, *, trained: bool) -> Discriminator:
    """The run's discriminator as it ended, or as it began."""
    module = build_modules(run.recipe, run.spec)[DISCRIMINATOR]
    assert isinstance(module, Discriminator)
    if trained:
        module.load_state_dict(dict(run.checkpoint.tensors[DISCRIMINATOR]))
    return module.eval().requires_grad_(False)


@torch.no_grad()
def pooled_features(module: Discriminator, pictures: Pixels) -> Floats:
    """Maps after each convolution, max-pooled to 4x4 and joined: [N, F]."""
    maps: list[Tensor] = []
    hooks = [
        part.register_forward_hook(lambda layer, given, made: maps.append(made))
        for part in module.modules()
        if isinstance(part, nn.LeakyReLU | nn.ReLU)
    ]
    pieces = []
    for at in range(0, len(pictures), BATCH):
        maps.clear()
        module.features(to_unit(torch.from_numpy(np.ascontiguousarray(pictures[at : at + BATCH]))))
        pooled = [nn.functional.adaptive_max_pool2d(map_BCHW.float(), PLACES).flatten(1) for map_BCHW in maps]
        pieces.append(torch.cat(pooled, 1))
    for hook in hooks:
        hook.remove()
    found: Floats = torch.cat(pieces).numpy()
    return found


def svm_weights(x: Floats, y: Labels, cost: float, *, steps: int = 300) -> Floats:
    """Weights float32 [F + 1, K] of one L2-SVM a class against all others, the last row their offsets.

    What scikit-learn's `LinearSVC(C=cost)` minimises, |w|^2 / 2 + C sum max(0, 1 - t f(x))^2 with the offset among the
    weights (Fan et al., JMLR 9, 2008, eq. 2), for all classes at once by L-BFGS: a pass over x is two matrix products,
    where liblinear would copy x in double precision for each class.
    """
    ones = np.ones((len(x), 1), np.float32)
    x_NF = torch.from_numpy(np.concatenate([x, ones], 1))
    sign_NK = 2 * nn.functional.one_hot(torch.from_numpy(y)).float() - 1
    shape = (x_NF.shape[1], sign_NK.shape[1])

    def loss_and_slope(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        weight_FK = torch.from_numpy(flat.astype(np.float32)).view(shape)
        missing_NK = (1 - sign_NK * (x_NF @ weight_FK)).clamp_(min=0)
        loss = weight_FK.double().square().sum() / 2 + cost * missing_NK.double().square().sum()
        slope_FK = weight_FK - 2 * cost * (x_NF.T @ (sign_NK * missing_NK))
        return float(loss), slope_FK.double().flatten().numpy()

    begun = np.zeros(shape[0] * shape[1])
    found = minimize(loss_and_slope, begun, jac=True, method="L-BFGS-B", options={"maxiter": steps, "gtol": 1e-4})
    return np.asarray(found.x, np.float32).reshape(shape)


def svm_answers(x: Floats, weight_FK: Floats) -> Labels:
    """The class with the largest value, int64 [N]."""
    return np.asarray((x @ weight_FK[:-1] + weight_FK[-1]).argmax(1), np.int64)


def svm_accuracy(train: tuple[Floats, Labels], test: tuple[Floats, Labels]) -> tuple[float, float]:
    """Test accuracy in % of an L2-SVM whose C was chosen on a fifth of the training part, and that C."""
    scaler = StandardScaler().fit(train[0])
    x, y = scaler.transform(train[0]), train[1]
    cut = len(x) * 4 // 5
    scores = {c: float((svm_answers(x[cut:], svm_weights(x[:cut], y[:cut], c)) == y[cut:]).mean()) for c in COSTS}
    best = max(COSTS, key=lambda c: scores[c])
    answers = svm_answers(scaler.transform(test[0]), svm_weights(x, y, best))
    return 100 * float((answers == test[1]).mean()), best


def main() -> None:
    """Extract, fit, print, record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--train", type=int, default=10_000)
    parser.add_argument("--test", type=int, default=10_000)
    options = parser.parse_args()
    run = sparring.load(options.run, checkpoint="last")
    data = open_data(run.recipe.data.source, size=run.picture_spec.height, channels=run.picture_spec.channels)
    parts: dict[str, tuple[Pixels, Labels]] = {}
    for name, count in (("train", options.train), ("test", options.test)):
        part, labels = data.parts["train" if name == "train" else "test"], data.labels[name]
        rows = np.sort(np.random.default_rng(0).permutation(len(part))[:count])
        order = np.random.default_rng(1).permutation(len(rows))
        parts[name] = (np.asarray(part.x[rows])[order], labels[rows][order])
    rows_found: list[dict[str, Any]] = []
    kinds = {"discriminator, trained": True, "discriminator, before training": False, "pixels": None}
    for kind, trained in kinds.items():
        seen = {name: (_seen(run, trained, x), y) for name, (x, y) in parts.items()}
        accuracy, cost = svm_accuracy(seen["train"], seen["test"])
        rows_found.append({"features": kind, "size": seen["train"][0].shape[1], "accuracy": accuracy, "C": cost})
        print(f"{kind:<32} {seen['train'][0].shape[1]:>6} features   {accuracy:.1f} %   C {cost:g}", flush=True)
    print(f"{'published, D of ImageNet-1k':<32} {28672:>6} features   {PUBLISHED:.1f} %   (50,000 pictures)")
    source = Path(run.recipe.data.source).name
    known = {"recipe": run.recipe.name, "kimg": run.checkpoint.images / 1000, "data": source}
    print(record.write("features", {**known, "train": options.train, "test": options.test, "rows": rows_found}))


def _seen(run: sparring.Run, trained: bool | None, pictures: Pixels) -> Floats:
    if trained is None:
        return np.ascontiguousarray(pictures.reshape(len(pictures), -1), dtype=np.float32)
    return pooled_features(discriminator_of(run, trained=trained), pictures)


if __name__ == "__main__":
    main()
