"""`lsgan`: Mao et al. 2017, least squares in place of the cross-entropy.

Paper: Mao, Li, Xie, Lau, Wang, Smolley, "Least squares generative adversarial networks", arXiv:1611.04076. Departures:
networks, rates and momentum are those of `dcgan`, so that the two recipes differ in the loss alone.
"""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import recipes, two_players


@recipes("lsgan", paper="arXiv:1611.04076")
def lsgan(data: DataChoice, facts: Facts) -> Recipe:
    """DCGAN's networks with a least-squares loss.

    Command: sparring train photos/ --recipe lsgan --size 64 --kimg 200
    """
    return two_players(
        "lsgan",
        data,
        facts,
        discriminator=PlayerChoice(model=Part(name="dcgan"), lr=2e-4, betas=(0.5, 0.999)),
        generator=PlayerChoice(model=Part(name="dcgan"), lr=2e-4, betas=(0.5, 0.999), ema_kimg=5.0),
        loss=Part(name="least-squares"),
        reasons={"generator.lr": "0.0002 with beta1 0.5: as `dcgan`, which differs in the loss alone"},
    )
