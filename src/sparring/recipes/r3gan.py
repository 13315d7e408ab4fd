"""`r3gan`: Huang, Gokaslan, Kuleshov, Tompkin 2025, the modern baseline, in a size for a CPU or in the paper's.

Paper: arXiv:2501.05441, configuration E. Relativistic loss, R1 and R2 at every update with the same gamma (rarer ones
fail on stacked MNIST, appendix E), Adam without momentum, no norm in either network, averaged weights.
Departures: the rates fall by a half-cosine over the whole run, to 0 (the paper's over 20 million pictures, to a
quarter); beta2 is 0.99 and gamma constant from the start (the paper's rise from 0.9 and fall to a tenth over the same
pictures); fakes are shared by the two turns; nothing is augmented unless `--set augment=NAME` asks for it.
"""

from typing import Annotated, Literal

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import ROWS_GAMMA, batch_that_fits, networks, recipes, two_players

TINY = 16
"""Up to so many pixels a CPU has time for twice the channels and blocks: on the digits fd_judge came to 5.3 with two
blocks a size and to 14.8 with one, after 10 kimg. On MNIST it was the same for the same time, so one is taken."""

PAPER = {"width": 768, "growth": 1, "blocks": 2}


def gamma_for(values: int, batch: int) -> float:
    """Strength of both penalties for pictures of so many values: more for large ones and for small batches.

    It changes as in StyleGAN2's code. The authors chose by hand, 2 for 3x64x64 and 150 for 3x256x256 with batches of
    256, where this gives 1.5 and 24. On the digits with batches of 32, 0.03 was not steady, 0.3 was and 1 slow.
    """
    return round(values / (32 * batch), 4)


@recipes("r3gan", paper="arXiv:2501.05441")
def r3gan(
    data: DataChoice,
    facts: Facts,
    *,
    variant: Annotated[
        Literal["reduced", "paper"], "networks for a CPU, or the paper's of 20 million weights"
    ] = "reduced",
) -> Recipe:
    """Residual networks without norm, relativistic loss, R1 and R2 at every update: the modern baseline.

    Command: sparring train photos/ --recipe r3gan --minutes 60
    """
    paper = variant == "paper"
    tiny = max(facts.height, facts.width) <= TINY
    settings = PAPER if paper else {"width": 32, "blocks": 2} if tiny else {}
    batch = batch_that_fits(512 if paper else 16, facts.examples)
    values = facts.channels * facts.height * facts.width
    gamma = ROWS_GAMMA if facts.columns else gamma_for(values, batch)
    lr, ema_kimg = (2e-4, 5000.0) if paper else (2e-3, 5.0)
    model = networks(facts, Part(name="r3gan", settings=settings))
    return two_players(
        "r3gan",
        data,
        facts,
        discriminator=PlayerChoice(model=model, lr=lr, betas=(0.0, 0.99), fall="cosine"),
        generator=PlayerChoice(model=model, lr=lr, betas=(0.0, 0.99), fall="cosine", ema_kimg=ema_kimg),
        loss=Part(name="relativistic"),
        penalties=(Part(name="r1", settings={"gamma": gamma}), Part(name="r2", settings={"gamma": gamma})),
        batch=batch,
        reasons={
            "r1.gamma": f"{gamma:g}: grows with the values of a picture, less with the batch; data differ, try others",
            "r2.gamma": f"{gamma:g}: as r1's",
        },
    )
