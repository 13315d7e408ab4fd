"""What a detector sees of blemishes on held-out pictures, drawn while it trains."""

import numpy as np
import torch

from sparring.data import Data
from sparring.engine.blemishes.base import blemishes
from sparring.engine.deal import Stored, to_stored
from sparring.engine.game import Game
from sparring.job.records import save_sheet
from sparring.metrics.detecting import averaged_detector, logits_of
from sparring.metrics.rebuilding import Shown
from sparring.pictures import COLUMNS, heated, padded, sample_name
from sparring.recipe import Recipe
from sparring.runfolder import RunFolder

BLOCKS = 3
"""Rows of blemished pictures, each above where the blemishes are and where they are seen."""


class BlemishSheets:
    """Saves blemished pictures, where the blemishes are, and where the detector sees them.

    Args:
        folder: None: the sheet is made, and not saved.
    """

    every_row = False

    def __init__(self, folder: RunFolder | None, data: Data, recipe: Recipe) -> None:
        self._folder, self._recipe = folder, recipe
        held = data.parts["validation"]
        assert recipe.augment is not None, "the recipe was checked"
        blemish = blemishes.build(recipe.augment.name, settings=recipe.augment.settings)
        count = BLOCKS * COLUMNS
        self._plain = Shown(held.x, None, count=count, seed=recipe.seed)
        self._held = Shown(held.x, None, count=count, seed=recipe.seed, corruption=blemish)

    def __call__(self, game: Game) -> None:
        """Save the sheet of the present network under the present count."""
        module, precision = averaged_detector(game), game.precision
        with torch.no_grad():
            batch = next(iter(self._held.batches(precision)))
            likely_BHW = logits_of(module, batch, precision)[:, 0].sigmoid().float().cpu().numpy()
        shown = to_stored(batch["x"])
        there_BHW = batch["changed"][:, 0].float().cpu().numpy()
        rows = {"blemished": _in_colour(shown), "there": heated(shown, there_BHW), "seen": heated(shown, likely_BHW)}
        pictures, captions = [], []
        for at in range(0, len(shown), COLUMNS):
            pictures += [padded(row[at : at + COLUMNS], COLUMNS) for row in rows.values()]
            captions += list(rows)
        name = sample_name(game.images) if game.images else "init.png"
        self._save(name, np.concatenate(pictures), captions, kimg=game.kimg)

    def reals(self, data: Data) -> None:
        """Save the pictures as they are, as real.png."""
        count = -(-len(self._plain) // COLUMNS)
        pictures = padded(_in_colour(self._plain.x), count * COLUMNS)
        self._save("real.png", pictures, ["normal"] * count, kimg=0.0)

    def _save(self, name: str, pictures: Stored, captions: list[str], *, kimg: float) -> None:
        save_sheet(self._folder, name, pictures, captions, recipe=self._recipe, kimg=kimg)


def _in_colour(pictures: Stored) -> Stored:
    """uint8 [N, H, W, 3], so that maps in colour can stand below."""
    return pictures.repeat(3, 3) if pictures.shape[3] == 1 else pictures[..., :3]
