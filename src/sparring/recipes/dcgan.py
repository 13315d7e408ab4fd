"""`dcgan`: Radford, Metz, Chintala 2015, as PyTorch's example trains it or as the paper does.

The example: width 64, 4x4 kernels, normal z, batches of 64. The paper, section 4, and the authors' code: width 128
(1024, 512, 256 and 128 channels), 5x5 kernels, z of 100 numbers uniform in [-1, 1], batches of 128. Departures from
both: samples come of averaged weights; the authors' code adds a weight decay of 0.00001, which the paper does not name.
"""

from typing import Annotated, Literal

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import networks, recipes, two_players


@recipes("dcgan", paper="arXiv:1511.06434")
def dcgan(
    data: DataChoice,
    facts: Facts,
    *,
    variant: Annotated[Literal["pytorch", "paper"], "sizes of PyTorch's example, or of the paper"] = "pytorch",
) -> Recipe:
    """Strided and fractionally-strided convolutions, batch norm in both players, non-saturating loss.

    Command: sparring train photos/ --recipe dcgan --size 64 --kimg 200
    """
    paper = variant == "paper" and not facts.columns
    sizes = {"width": 128, "kernel": 5} if paper else {}
    discriminator = networks(facts, Part(name="dcgan", settings=sizes))
    generator = networks(facts, Part(name="dcgan", settings={**sizes, "noise": "uniform"} if paper else {}))
    return two_players(
        "dcgan",
        data,
        facts,
        discriminator=PlayerChoice(model=discriminator, lr=2e-4, betas=(0.5, 0.999)),
        generator=PlayerChoice(model=generator, lr=2e-4, betas=(0.5, 0.999), ema_kimg=5.0),
        loss=Part(name="nonsaturating"),
        batch=128 if paper else 64,
        reasons={"generator.lr": "0.0002 with beta1 0.5: the paper, section 4"},
    )
