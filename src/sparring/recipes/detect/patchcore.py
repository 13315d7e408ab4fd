"""`patchcore:NAME`: remember what a network that others trained sees of normal pictures."""

from typing import Annotated

from sparring.losses.detection import DETECTOR
from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import batch_that_fits, log_interval, recipes

LEAST_KIMG, EPOCHS = 4.0, 5.0


@recipes("patchcore", paper="arXiv:2106.08265", behind_colon="network")
def patchcore(
    data: DataChoice,
    facts: Facts,
    *,
    network: Annotated[str, "its name in timm, given behind the colon"] = "resnet18",
) -> Recipe:
    """Remembers features of a network of timm, for `sparring detect`; a small head on them learns to see blemishes.

    Command: sparring train normal/ --recipe patchcore:resnet18 --size 224
    """
    batch = batch_that_fits(32, facts.examples)
    kimg = max(LEAST_KIMG, EPOCHS * facts.examples / 1000)
    return Recipe(
        name=f"patchcore:{network}",
        task="anomaly",
        data=data,
        players={
            DETECTOR: PlayerChoice(
                model=Part(name=f"timm:{network}"), lr=2e-3, decay=0.01, fall="cosine", warmup=0.2, betas=(0.9, 0.99)
            )
        },
        objective=Part(name="blemishes"),
        loss=Part(name="points"),
        augment=Part(name="mixed"),
        batch=batch,
        kimg=kimg,
        log_kimg=log_interval(kimg, batch),
        reasons={
            "kimg": f"{kimg:g}: {EPOCHS:g} epochs, {LEAST_KIMG:g} at least, of the head alone, which --by memory does "
            "without; --kimg and --minutes change it"
        },
    )
