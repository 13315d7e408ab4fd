"""`wgan`: Arjovsky, Chintala, Bottou 2017, a critic bounded by clipping its weights.

Paper: "Wasserstein GAN", arXiv:1701.07875, algorithm 1: five updates of the critic a round, weights within 0.01, a rate
of 0.00005. Departures: Adam without momentum and with RMSProp's decay of 0.99 takes the place of RMSProp; the averaged
generator is what is judged.
"""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import recipes, two_players


@recipes("wgan", paper="arXiv:1701.07875")
def wgan(data: DataChoice, facts: Facts) -> Recipe:
    """DCGAN's networks, Wasserstein loss, five updates of a critic with clipped weights.

    Command: sparring train photos/ --recipe wgan --minutes 30
    """
    return two_players(
        "wgan",
        data,
        facts,
        discriminator=PlayerChoice(model=Part(name="dcgan"), lr=5e-5, betas=(0.0, 0.99), updates=5),
        generator=PlayerChoice(model=Part(name="dcgan"), lr=5e-5, betas=(0.0, 0.99), ema_kimg=5.0),
        loss=Part(name="wasserstein"),
        penalties=(Part(name="weight-clipping"),),
        reasons={
            "discriminator.updates": "5 a round: the paper, algorithm 1",
            "generator.lr": "0.00005 without momentum: the paper, algorithm 1",
        },
    )
