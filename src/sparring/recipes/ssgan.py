"""`ssgan`: Salimans et al. 2016, a classifier from few labels that learns from all other pictures as well."""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import needs_labels, recipes, two_players


@recipes("ssgan", paper="arXiv:1606.03498, section 5")
def ssgan(data: DataChoice, facts: Facts) -> Recipe:
    """A classifier from few labels: K + 1 classes for D, feature matching for G.

    D learns the labelled pictures' classes, and to tell all other pictures, as being of any class, from fakes. G is not
    asked for classes: D names those of its samples. What is used in the end is D's averaged weights.

    Command: sparring train photos/ --recipe ssgan --labels 100
    """
    needs_labels("ssgan", facts)
    return two_players(
        "ssgan",
        data,
        facts,
        discriminator=PlayerChoice(
            model=Part(name="ssgan", settings={"heads": "semi-supervised"}), lr=3e-3, betas=(0.5, 0.999), ema_kimg=700.0
        ),
        generator=PlayerChoice(
            model=Part(name="ssgan", settings={"conditional": False}), lr=3e-3, betas=(0.5, 0.999), ema_kimg=5.0
        ),
        loss=Part(name="nonsaturating"),
        penalties=(Part(name="supervised"), Part(name="feature-matching")),
        objective={"adversarial": 0.0},
        batch=100,
    )
