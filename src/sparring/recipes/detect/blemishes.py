"""`blemishes`: learn what is normal by finding what was put over normal pictures."""

from sparring.losses.detection import DETECTOR
from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import batch_that_fits, log_interval, recipes

LEAST_KIMG, EPOCHS = 24.0, 10.0


@recipes("blemishes", paper="arXiv:2104.04015, arXiv:2106.08265")
def blemishes(data: DataChoice, facts: Facts) -> Recipe:
    """Finds made blemishes on normal pictures, then what it remembers no like of: for `sparring detect`.

    Command: sparring train normal/ --task anomaly
    """
    batch = batch_that_fits(32, facts.examples)
    kimg = max(LEAST_KIMG, EPOCHS * facts.examples / 1000)
    return Recipe(
        name="blemishes",
        task="anomaly",
        data=data,
        players={
            DETECTOR: PlayerChoice(
                model=Part(name="unet"), lr=2e-3, decay=0.01, fall="cosine", warmup=0.2, betas=(0.9, 0.99)
            )
        },
        objective=Part(name="blemishes"),
        loss=Part(name="points"),
        augment=Part(name="mixed"),
        batch=batch,
        kimg=kimg,
        log_kimg=log_interval(kimg, batch),
        reasons={"kimg": f"{kimg:g}: {EPOCHS:g} epochs, {LEAST_KIMG:g} at least; --kimg and --minutes change it"},
    )
