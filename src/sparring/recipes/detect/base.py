"""What recipes that find anomalies share: blemishes are put on normal pictures, and a network learns to say where."""

from sparring.losses.detection import DETECTOR
from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import batch_that_fits, log_interval


def blemish_finder(
    name: str, data: DataChoice, facts: Facts, *, model: Part, least_kimg: float, epochs: float, why: str = ""
) -> Recipe:
    """The recipe of a detector.

    Args:
        least_kimg: its budget, and `epochs` of them where there are more pictures.
        why: the rest of the budget's reason.
    """
    batch = batch_that_fits(32, facts.examples)
    kimg = max(least_kimg, epochs * facts.examples / 1000)
    return Recipe(
        name=name,
        task="anomaly",
        data=data,
        players={
            DETECTOR: PlayerChoice(model=model, lr=2e-3, decay=0.01, fall="cosine", warmup=0.2, betas=(0.9, 0.99))
        },
        objective=Part(name="blemishes"),
        loss=Part(name="points"),
        augment=Part(name="mixed"),
        batch=batch,
        kimg=kimg,
        log_kimg=log_interval(kimg, batch),
        reasons={
            "kimg": f"{kimg:g}: {epochs:g} epochs, {least_kimg:g} at least{why}; --kimg and --minutes change it",
        },
    )
