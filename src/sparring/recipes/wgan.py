"""`wgan`: Arjovsky, Chintala, Bottou 2017, a critic bounded by clipping its weights.

Paper: "Wasserstein GAN", arXiv:1701.07875, algorithm 1: five updates of the critic a round, weights within 0.01, a rate
of 0.00005. Departures: Adam without momentum and with RMSProp's decay of 0.99 takes the place of RMSProp; `compact`
networks at four times the rate by default, as those of the paper, `--set variant=dcgan`, draw nothing on a CPU within
minutes; the averaged generator is what is judged.
"""

from typing import Annotated, Literal

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import networks, recipes, two_players


@recipes("wgan", paper="arXiv:1701.07875")
def wgan(
    data: DataChoice,
    facts: Facts,
    *,
    variant: Annotated[Literal["compact", "dcgan"], "the networks: small, or the paper's"] = "compact",
) -> Recipe:
    """Wasserstein loss, five updates of a critic with clipped weights.

    Command: sparring train photos/ --recipe wgan --minutes 30
    """
    compact = variant == "compact"
    width = {"width": 32 if facts.device == "cpu" else 64}
    model = networks(facts, Part(name=variant, settings=width if compact else {}))
    lr = 2e-4 if compact else 5e-5
    return two_players(
        "wgan",
        data,
        facts,
        discriminator=PlayerChoice(model=model, lr=lr, betas=(0.0, 0.99), updates=5),
        generator=PlayerChoice(model=model, lr=lr, betas=(0.0, 0.99), ema_kimg=5.0),
        loss=Part(name="wasserstein"),
        penalties=(Part(name="weight-clipping"),),
        reasons={
            "discriminator.updates": "5 a round: the paper, algorithm 1",
            "generator.lr": "0.0002: at 48 kimg of MNIST fd_judge was 113, at the paper's 0.00005 555"
            if compact
            else "0.00005 without momentum: the paper, algorithm 1",
        },
    )
