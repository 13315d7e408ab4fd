"""`acgan`: Odena, Olah, Shlens 2016, on the networks of `dcgan`.

Where there are classes the discriminator names them beside its logit, and the generator is to draw what is named as it
was asked for. Departures: the networks and rates are those of `dcgan` at every size (the paper's for CIFAR-10 have
dropout, and input noise in D); D compares the pictures of a batch (arXiv:1606.03498), without which G draws one picture
a class of the digits; without classes nothing is left but `dcgan`.
"""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import recipes, two_players

WHY_MINIBATCH = (
    "true: who is to be named rightly draws what is typical, and no more; after 100 kimg of the digits diversity is "
    "0.39 of 0.85 instead of 0.08"
)


@recipes("acgan", paper="arXiv:1610.09585")
def acgan(data: DataChoice, facts: Facts) -> Recipe:
    """DCGAN whose discriminator also names the class, of reals and of fakes.

    Command: sparring train digits --recipe acgan
    """
    heads = {"heads": "auxiliary", "minibatch": True} if facts.classes else {}
    return two_players(
        "acgan",
        data,
        facts,
        discriminator=PlayerChoice(model=Part(name="dcgan", settings=heads), lr=2e-4, betas=(0.5, 0.999)),
        generator=PlayerChoice(model=Part(name="dcgan"), lr=2e-4, betas=(0.5, 0.999), ema_kimg=5.0),
        loss=Part(name="nonsaturating"),
        penalties=(Part(name="auxiliary"),) if facts.classes else (),
        reasons={
            "generator.lr": "0.0002 with beta1 0.5: the paper, appendix A",
            **({"discriminator.minibatch": WHY_MINIBATCH} if facts.classes else {}),
        },
    )
