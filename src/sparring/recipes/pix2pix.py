"""`pix2pix`: Isola, Zhu, Zhou, Efros 2017, for pairs of pictures."""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import recipes, two_players


@recipes("pix2pix", paper="arXiv:1611.07004")
def pix2pix(data: DataChoice, facts: Facts) -> Recipe:
    """A U-Net translates pictures (A) into others (B): L1 for what is where, patches judged for sharpness.

    The paper halves the discriminator's loss; Adam's steps do not depend on such a factor, so it is left out.

    Command: sparring train pairs/ --recipe pix2pix --minutes 20
    """
    on_cpu = facts.device == "cpu"
    settings = {"width": 32 if on_cpu else 64}
    return two_players(
        "pix2pix",
        data,
        facts,
        discriminator=PlayerChoice(model=Part(name="patch", settings=settings), lr=2e-4, betas=(0.5, 0.999)),
        generator=PlayerChoice(model=Part(name="unet", settings=settings), lr=2e-4, betas=(0.5, 0.999)),
        loss=Part(name="nonsaturating"),
        penalties=(Part(name="l1"),),
        batch=4,
        reasons={
            "batch": "4: the paper takes 1 to 10; each picture is normalised by itself, so it changes nothing else",
            "generator.lr": "0.0002 with beta1 0.5: the paper, section 3.3",
            "generator.width": f"{settings['width']}: the paper's 64; half of it on a CPU, three times as fast",
            "l1.weight": "100: the paper, section 3.3",
        },
    )
