"""`improved-gan`: Salimans et al. 2016, the techniques of section 3 on the networks of `dcgan`.

Each comes off alone: `--set generator.norm=batch` (virtual batch norm), `--set discriminator.minibatch=false`,
`--set loss.smoothing=0`, `--set penalties=historical-averaging` (no feature matching), `--set
penalties=feature-matching`, `--set penalties=none`. Departures: the networks are PyTorch's DCGAN example with these
layers, where the paper's discriminator for CIFAR-10 has weight normalisation, dropout and input noise; the paper does
not say which techniques its pictures had together, here it is all of them; classes enter by a projection. The
semi-supervised classifier of section 5 is `ssgan`.
"""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import recipes, two_players


@recipes("improved-gan", paper="arXiv:1606.03498")
def improved_gan(data: DataChoice, facts: Facts) -> Recipe:
    """DCGAN with virtual batch norm, minibatch discrimination, smoothing, feature matching and historical averages.

    Command: sparring train digits --recipe improved-gan
    """
    return two_players(
        "improved-gan",
        data,
        facts,
        discriminator=PlayerChoice(model=Part(name="dcgan", settings={"minibatch": True}), lr=3e-4, betas=(0.5, 0.999)),
        generator=PlayerChoice(
            model=Part(name="dcgan", settings={"norm": "virtual"}), lr=3e-4, betas=(0.5, 0.999), ema_kimg=5.0
        ),
        loss=Part(name="nonsaturating", settings={"smoothing": 0.1}),
        penalties=(
            Part(name="feature-matching", settings={"weight": 0.01}),
            Part(name="historical-averaging"),
        ),
        reasons={
            "generator.norm": "virtual: for G alone, as the paper has it, since it doubles the cost of a pass",
            "generator.lr": "0.0003 with beta1 0.5: the authors' code for CIFAR-10",
            "feature-matching.weight": "0.01: squares of thousands of features are added up, beside a loss of about 1",
            "loss.smoothing": "0.1: reals are to be called 0.9, the paper's example",
        },
    )
