"""How well an autoencoder rebuilds examples that it learns from and ones that it never saw, while it trains."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from sparring.data import TableSpec
from sparring.data.draws import drawn_rows
from sparring.data.spec import OpenedSpec
from sparring.engine.deal import Stored, generator, to_device, to_unit
from sparring.engine.distortions.base import Distortion
from sparring.engine.game import Game
from sparring.engine.precision import Precision
from sparring.engine.record import Observed
from sparring.losses.base import Batch
from sparring.losses.rebuilding import AUTOENCODER, OBJECTIVE, RebuildingObjective
from sparring.losses.reconstruction_error import ReconstructionLoss
from sparring.metrics.base import Floats, Labels
from sparring.models.autoencode.base import Autoencoder, label_of

BLOCK = 250
MOST_VALUES = 4_000_000
"""Numbers that PCA is fitted to: 32 MB, or 5,100 pictures of MNIST."""
ACTIVE = 0.01
"""Variance of a dimension's mean over the examples from which it says something (arXiv:1509.00519, section 5.2)."""


class Shown:
    """Some examples of a part, drawn by a seed, in blocks that come with the same random inputs each time.

    Args:
        x: uint8 [N, H, W, C], or rows float32 [N, F].
        y: int64 [N], -1 unknown; None without classes.
        z_dim: of the noise `z` that a variational network is dealt; 0: none.
        corruption: what examples are spoilt by.
    """

    def __init__(
        self,
        x: Stored,
        y: Labels | None,
        *,
        count: int,
        seed: int,
        z_dim: int = 0,
        corruption: Distortion | None = None,
    ) -> None:
        rows = drawn_rows(len(x), count, seed=seed)
        self.x, self.y = np.asarray(x[rows]), None if y is None else y[rows]
        self._seed, self._z_dim, self._corruption = seed, z_dim, corruption

    def __len__(self) -> int:
        return len(self.x)

    def batches(self, precision: Precision, *, block: int = BLOCK) -> Iterator[Batch]:
        """`x`, `y`, `z`, and what a corruption adds, block by block."""
        for number, at in enumerate(range(0, len(self.x), block)):
            stored = to_device(torch.from_numpy(np.array(self.x[at : at + block])), precision.device)
            batch: dict[str, Tensor] = {"x": to_unit(stored, precision.weights)}
            if self.y is not None:
                batch["y"] = to_device(torch.from_numpy(np.array(self.y[at : at + block])), precision.device)
            draw = generator(self._seed, "held", number)
            if self._z_dim:
                noise = torch.randn(len(stored), self._z_dim, generator=draw).to(precision.weights)
                batch["z"] = to_device(noise, precision.device)
            yield batch if self._corruption is None else self._corruption(batch, draw)


class RebuildWatch:
    """Observer: the objective on training and on held-out examples, and the error of what is rebuilt, beside PCA's.

    Args:
        known: training examples [N, ...] that PCA is fitted to.
        spec: of the data.
        code_size: numbers of a code: as many PCA is given.
        objective: for its measures.
        named: what the objective is, in a word or two: other ones are not comparable.
        variational: whether the code is a distribution.
        hidden: share of each example that is hidden and guessed; 0: examples are rebuilt from all of them.
    """

    def __init__(
        self,
        train: Shown,
        held: Shown,
        known: Stored,
        spec: OpenedSpec,
        *,
        code_size: int,
        objective: RebuildingObjective,
        loss: ReconstructionLoss,
        named: str,
        variational: bool,
        hidden: float = 0.0,
    ) -> None:
        self._train, self._held, self._spec, self._loss = train, held, spec, loss
        self._whole = held if hidden else plain(held)
        self._variational = variational
        self._measures = objective.measures
        known_NX, unknown_NX = unit_rows(known), unit_rows(held.x)
        nothing = float(((unknown_NX - known_NX.mean(0)) ** 2).mean())
        if hidden:
            self._floor, what = hidden * nothing, f"of the mean training example where {hidden:.0%} are hidden"
        else:
            self._floor, numbers = pca_error(known_NX, unknown_NX, code_size)
            what = f"of PCA to {numbers} numbers, fitted to {len(known_NX):,} training examples"
        seen, unseen = f"of {len(train):,} training examples", f"of {len(held):,} held-out examples"
        unit = "values as they are" if isinstance(spec, TableSpec) else "values from 0 to 1"
        self.columns: Mapping[str, str] = {
            "train_objective": f"what training makes small ({named}), {seen}, in evaluation mode",
            "validation_objective": f"the same ({named}) {unseen}: `best` is where it is least",
            "validation_mse": f"mean squared error of what is rebuilt {unseen}, {unit}; the mean one has {nothing:.4g}",
            "validation_mse_floor": what,
            **{f"validation_{name}": f"{meaning}; {unseen}" for name, meaning in self._measures.items()},
        }
        if variational:
            self.columns |= {
                "validation_bits": f"-elbo in bits per dimension, {unseen}",
                "validation_active": f"dimensions of z whose mean varies {unseen}: variance above {ACTIVE:g}",
            }

    def observe(self, game: Game) -> Observed:
        """The columns now."""
        objective: RebuildingObjective = game.objective  # type: ignore[assignment]  # the one that it was built with
        module = averaged_autoencoder(game)
        seen = measured(objective, module, self._train, game.precision)
        unseen = measured(objective, module, self._held, game.precision)
        values = {
            "train_objective": seen[OBJECTIVE],
            "validation_objective": unseen[OBJECTIVE],
            "validation_mse": self._error(module, game.precision),
            "validation_mse_floor": self._floor,
            **{f"validation_{name}": unseen[name] for name in self._measures},
        }
        if self._variational:
            numbers, pictures = self._held.x[0].size, not isinstance(self._spec, TableSpec)
            values["validation_bits"] = self._loss.bits(-unseen["elbo"], numbers, pictures=pictures)
            values["validation_active"] = float(active(codes(module, self._held, game.precision)).sum())
        return Observed(values=values)

    def _error(self, module: Autoencoder, precision: Precision) -> float:
        pieces = [
            squared_errors(rebuilt(module, self._loss, batch, precision), batch["x"], self._spec)
            for batch in self._whole.batches(precision)
        ]
        return float(torch.cat(pieces).mean())


def averaged_autoencoder(game: Game) -> Autoencoder:
    """What is judged and drawn, in evaluation mode."""
    module = game.player(AUTOENCODER).averaged()
    assert isinstance(module, Autoencoder)
    return module


def plain(shown: Shown) -> Shown:
    """The same examples as they are."""
    return Shown(shown.x, shown.y, count=len(shown), seed=0)


@torch.no_grad()
def measured(
    objective: RebuildingObjective, module: Autoencoder, shown: Shown, precision: Precision
) -> dict[str, float]:
    """Means over all examples of what an objective measures."""
    sums: dict[str, float] = {}
    for batch in shown.batches(precision):
        with precision.autocast():
            found = objective.measured(module, batch)
        for name, values in found.items():
            sums[name] = sums.get(name, 0.0) + float(values.double().mean()) * len(batch["x"])
    return {name: value / len(shown) for name, value in sums.items()}


@torch.no_grad()
def rebuilt(module: Autoencoder, loss: ReconstructionLoss, batch: Batch, precision: Precision) -> Tensor:
    """What comes of `seen`, or of `x` where nothing is spoilt, [B, ...]; of a variational network by the mean of z."""
    with precision.autocast():
        made = loss.shown(module.rebuild(batch))
    return made.to(batch["x"].dtype)


def squared_errors(made: Tensor, x: Tensor, spec: OpenedSpec) -> Tensor:
    """Mean squared error of each example, [B]: of pictures as they are drawn, for values from 0 to 1."""
    if isinstance(spec, TableSpec):
        return (made - x).square().flatten(1).mean(1)
    return ((made.clamp(-1, 1) - x) / 2).square().flatten(1).mean(1)


@torch.no_grad()
def codes(module: Autoencoder, shown: Shown, precision: Precision) -> Tensor:
    """Codes of all examples, on the host, [N, *code]."""
    pieces = []
    for batch in plain(shown).batches(precision):
        with precision.autocast():
            pieces.append(module.encode(batch["x"], label_of(module, batch)).cpu())
    return torch.cat(pieces)


def active(z_NZ: Tensor) -> Tensor:
    """Which dimensions of the codes vary, bool [Z]."""
    return z_NZ.float().var(0) > ACTIVE


def unit_rows(x: Stored) -> Floats:
    """Examples as float64 rows [N, values], pictures from 0 to 1, rows as they are: at most as many as PCA is fitted
    to, drawn at random."""
    count = max(2, MOST_VALUES // x[0].size)
    chosen = drawn_rows(len(x), count, seed=0)
    rows = np.asarray(x[chosen]).reshape(len(chosen), -1)
    found: Floats = rows / 255 if x.dtype == np.uint8 else rows.astype(np.float64)
    return found


def pca_error(known_NX: Floats, unknown_NX: Floats, numbers: int) -> tuple[float, int]:
    """Mean squared error of the best linear code of so many numbers, and how many it has.

    Args:
        known_NX: what it is fitted to: it can't have more numbers than these allow.
    """
    from sklearn.decomposition import PCA  # here: it takes longer to import than many a command to run

    numbers = min(numbers, known_NX.shape[1], len(known_NX) - 1)
    fitted = PCA(numbers, svd_solver="randomized", random_state=0).fit(known_NX)
    made_NX = fitted.inverse_transform(fitted.transform(unknown_NX))
    return float(((made_NX - unknown_NX) ** 2).mean()), numbers
