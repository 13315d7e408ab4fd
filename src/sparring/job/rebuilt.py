"""What an autoencoder makes of pictures that it never saw, drawn while it trains; of a variational one also samples,
and walks along the dimensions of z."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from sparring.data import Data, ImageSpec, TableSpec
from sparring.engine import sampling
from sparring.engine.deal import Stored, to_stored
from sparring.engine.game import Game
from sparring.job.rebuild_parts import corruption_of, loss_of
from sparring.job.records import save_sheet
from sparring.metrics.rebuilding import Shown, averaged_autoencoder, codes, rebuilt
from sparring.models.autoencode.base import Variational
from sparring.pictures import COLUMNS, MOST_ROWS, padded, sample_name, save_png
from sparring.planes import Window, scatter
from sparring.recipe import Recipe
from sparring.runfolder import RunFolder

BLOCKS = 3
"""Rows of originals, each above what became of it."""
SAMPLED = 2
"""Rows of samples, where no class is asked for."""
WALKS = 4
"""Dimensions of z that are walked along."""
REACH = 3.0
"""Standard deviations of the prior that a walk goes to, each way."""
POINTS = 1_000


class RebuiltSheets:
    """Saves originals and what is rebuilt of them; of rows in a plane a panel of each.

    Args:
        folder: None: the sheet is made, and not saved.
    """

    every_row = False

    def __init__(self, folder: RunFolder | None, data: Data, recipe: Recipe) -> None:
        self._folder, self._recipe, self._spec = folder, recipe, data.spec
        held = data.parts["validation"]
        self._flat = isinstance(data.spec, ImageSpec)
        count = BLOCKS * COLUMNS if self._flat else POINTS
        self._held: Shown | None = None
        if len(held):
            self._held = Shown(held.x, held.y, count=count, seed=recipe.seed, corruption=corruption_of(recipe))
        self._many = Shown(held.x, held.y, count=POINTS, seed=recipe.seed) if len(held) else None

    def __call__(self, game: Game) -> None:
        """Save the sheet of the present network under the present count."""
        if self._held is None or self._many is None:
            return
        sheet = Sheet(game, self._recipe)
        name = sample_name(game.images) if game.images else "init.png"
        if isinstance(self._spec, TableSpec):
            self._scatter(name, sheet.points(self._held), kimg=game.kimg)
            return
        rows = [*sheet.rebuilt(self._held), *sheet.sampled(self._spec), *sheet.walks(self._held, self._many)]
        self._save(name, rows, kimg=game.kimg)

    def reals(self, data: Data) -> None:
        """Save the originals as real.png."""
        if self._held is None:
            return
        if isinstance(self._spec, TableSpec):
            self._scatter("real.png", [("real", self._held.x)], kimg=0.0)
            return
        starts = range(0, len(self._held), COLUMNS)
        self._save("real.png", [("real", self._held.x[at : at + COLUMNS]) for at in starts], kimg=0.0)

    def _save(self, name: str, rows: list[tuple[str, Stored]], *, kimg: float) -> None:
        pictures = np.concatenate([padded(row, COLUMNS) for _, row in rows])
        save_sheet(self._folder, name, pictures, [caption for caption, _ in rows], recipe=self._recipe, kimg=kimg)

    def _scatter(self, name: str, sets: list[tuple[str, Stored]], *, kimg: float) -> None:
        assert self._held is not None
        if self._folder is None or self._held.x.shape[1] != 2:
            return
        facts: dict[str, str | int | float] = {
            "run": self._folder.path.name,
            "recipe": self._recipe.name,
            "kimg": kimg,
            "seed": self._recipe.seed,
        }
        save_png(scatter(sets, Window.around(self._held.x)), self._folder.samples / name, facts, durable=False)


class Sheet:
    """Rows of one network's pictures, each with its caption."""

    def __init__(self, game: Game, recipe: Recipe) -> None:
        self._module, self._precision, self._seed = averaged_autoencoder(game), game.precision, recipe.seed
        self._loss = loss_of(recipe)

    def points(self, held: Shown) -> list[tuple[str, Stored]]:
        """Rows of numbers, and what became of them; of a variational network samples as well."""
        found = self._kinds(held)
        if isinstance(self._module, Variational):
            z_NZ = sampling.noise(len(held), self._module.z_dim, seed=self._seed, stream="fixed")
            found.append(("sampled", self._decoded(z_NZ, None)))
        return found

    def rebuilt(self, held: Shown) -> Iterator[tuple[str, Stored]]:
        """Originals, below each what was shown of it, where it was spoilt, and what became of it."""
        kinds = self._kinds(held)
        for at in range(0, len(held), COLUMNS):
            yield from ((name, examples[at : at + COLUMNS]) for name, examples in kinds)

    def sampled(self, spec: ImageSpec) -> Iterator[tuple[str, Stored]]:
        """Means of p(x | z), of z from the prior; a row for each class where it is told classes."""
        module = self._module
        if not isinstance(module, Variational):
            return
        names = list(spec.classes[:MOST_ROWS]) if module.classes else ["sampled"] * SAMPLED
        z_NZ = sampling.noise(len(names) * COLUMNS, module.z_dim, seed=self._seed, stream="fixed")
        for number, name in enumerate(names):
            label = torch.full((COLUMNS,), number) if module.classes else None
            yield name, self._decoded(z_NZ[number * COLUMNS : (number + 1) * COLUMNS], label)

    def walks(self, held: Shown, many: Shown) -> Iterator[tuple[str, Stored]]:
        """The first original's z with one dimension after the other from -3 to 3: those that vary most."""
        module = self._module
        if not isinstance(module, Variational):
            return
        varied = codes(module, many, self._precision).float().var(0)
        z_Z = codes(module, held, self._precision)[0].float()
        label = None
        if module.classes and held.y is not None:
            label = torch.full((COLUMNS,), int(held.y[0]))
        for number in varied.argsort(descending=True)[:WALKS].tolist():
            z_NZ = z_Z.expand(COLUMNS, -1).clone()
            z_NZ[:, number] = torch.linspace(-REACH, REACH, COLUMNS)
            yield f"z{number}", self._decoded(z_NZ, label)

    @torch.no_grad()
    def _decoded(self, z_NZ: Tensor, label: Tensor | None) -> Stored:
        device, kind = self._precision.device, self._precision.weights
        given = None if label is None else label.to(device)
        with self._precision.autocast():
            return to_stored(self._loss.shown(self._module.decode(z_NZ.to(device, kind), given)))

    def _kinds(self, held: Shown) -> list[tuple[str, Stored]]:
        """Names and examples [N, ...], in the same order."""
        found: dict[str, list[Stored]] = {}
        for batch in held.batches(self._precision):
            found.setdefault("real", []).append(to_stored(batch["x"]))
            if "seen" in batch:
                found.setdefault("shown", []).append(to_stored(batch["seen"]))
            made = rebuilt(self._module, self._loss, batch, self._precision)
            found.setdefault("rebuilt", []).append(to_stored(made))
        return [(name, np.concatenate(pieces)) for name, pieces in found.items()]
