"""`r3gan`: Huang, Gokaslan, Kuleshov, Tompkin 2025, the modern baseline, in a size for a CPU or in the paper's.

Paper: arXiv:2501.05441, configuration E. Relativistic loss, R1 and R2 at every update with the same gamma (rarer ones
fail on stacked MNIST, appendix E), Adam without momentum, no norm in either network, averaged weights.
Departures: the rates fall by a half-cosine over the whole run, to 0 (the paper's over 20 million pictures, to a
quarter); beta2 is 0.99 and gamma constant from the start (the paper's rise from 0.9 and fall to a tenth over the same
pictures); fakes are shared by the two turns; nothing is augmented unless `--set augment=NAME` asks for it.
"""

from typing import Annotated, Literal

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import ROWS_GAMMA, batch_that_fits, gradient_gamma, networks, recipes, two_players


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
    values = facts.channels * facts.height * facts.width
    gamma = ROWS_GAMMA if facts.columns else gradient_gamma(values)
    batch = batch_that_fits(512 if paper else 32, facts.examples)
    lr, ema_kimg = (2e-4, 5000.0) if paper else (5e-4, 5.0)
    model = networks(facts, Part(name="r3gan", settings={"width": 768, "growth": 1, "blocks": 2} if paper else {}))
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
            "r1.gamma": f"{gamma:g}: grows with the values of a picture; what suits depends on the data",
            "r2.gamma": f"{gamma:g}: as r1's",
        },
    )
