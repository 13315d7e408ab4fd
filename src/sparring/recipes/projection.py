"""`projection`: Miyato and Koyama 2018, the class as an inner product in the discriminator.

Paper: arXiv:1802.05637. The residual networks of `sngan`; the class enters the generator by its batch norm, the
discriminator by a projection. Without classes it is `sngan` with `variant=resnet`. Departures: those of `sngan`.
"""

from sparring.recipe import DataChoice, Facts, Recipe
from sparring.recipes.base import recipes, spectral_resnets


@recipes("projection", paper="arXiv:1802.05637")
def projection(data: DataChoice, facts: Facts) -> Recipe:
    """Residual networks with class-wise batch norm and a projection discriminator, hinge loss: for labelled data.

    Command: sparring train photos/ --recipe projection --minutes 60
    """
    return spectral_resnets("projection", data, facts, conditioning="norm")
