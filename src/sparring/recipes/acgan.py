"""`acgan`: Odena, Olah, Shlens 2016, on the networks of `dcgan`.

Where there are classes the discriminator names them beside its logit, and the generator is to draw what is named as it
was asked for. Departures: the networks and rates are those of `dcgan` at every size (the paper's for CIFAR-10 have
dropout, and input noise in D); without classes nothing is left but `dcgan`. D learns classes from reals alone, and they
weigh 0.3: with the paper's loss (`--set auxiliary.fakes=true --set auxiliary.weight=1`) it learned the wrong names of
early fakes, and G drew one picture for each class of the digits (diversity 0.04 to 0.13 of 0.85, four runs of five).
"""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import recipes, two_players


@recipes("acgan", paper="arXiv:1610.09585")
def acgan(data: DataChoice, facts: Facts) -> Recipe:
    """DCGAN whose discriminator also names the class, of reals and of fakes.

    Command: sparring train digits --recipe acgan
    """
    heads = {"heads": "auxiliary"} if facts.classes else {}
    return two_players(
        "acgan",
        data,
        facts,
        discriminator=PlayerChoice(model=Part(name="dcgan", settings=heads), lr=2e-4, betas=(0.5, 0.999)),
        generator=PlayerChoice(model=Part(name="dcgan"), lr=2e-4, betas=(0.5, 0.999), ema_kimg=5.0),
        loss=Part(name="nonsaturating"),
        penalties=(Part(name="auxiliary", settings={"fakes": False, "weight": 0.3}),) if facts.classes else (),
        reasons={
            "generator.lr": "0.0002 with beta1 0.5: the paper, appendix A",
            "auxiliary.weight": "0.3: of reals alone; with the paper's 1 the digits end as one picture for each class",
        },
    )
