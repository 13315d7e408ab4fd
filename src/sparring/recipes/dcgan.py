"""`dcgan`: Radford, Metz, Chintala 2015, as PyTorch's example trains it."""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import networks, recipes, two_players


@recipes("dcgan", paper="arXiv:1511.06434")
def dcgan(data: DataChoice, facts: Facts) -> Recipe:
    """Strided and fractionally-strided convolutions, batch norm in both players, non-saturating loss.

    Command: sparring train photos/ --recipe dcgan --size 64 --kimg 200
    """
    model = networks(facts, Part(name="dcgan"))
    return two_players(
        "dcgan",
        data,
        facts,
        discriminator=PlayerChoice(model=model, lr=2e-4, betas=(0.5, 0.999)),
        generator=PlayerChoice(model=model, lr=2e-4, betas=(0.5, 0.999), ema_kimg=5.0),
        loss=Part(name="nonsaturating"),
        reasons={"generator.lr": "0.0002 with beta1 0.5: the paper, section 4"},
    )
