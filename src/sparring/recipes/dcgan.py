"""`dcgan`: Radford, Metz, Chintala 2015, as PyTorch's example trains it."""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import batch_that_fits, default_kimg, log_interval, recipes


@recipes("dcgan", paper="arXiv:1511.06434")
def dcgan(data: DataChoice, facts: Facts) -> Recipe:
    """Strided and fractionally-strided convolutions, batch norm in both players, non-saturating loss.

    Command: sparring train photos/ --recipe dcgan --size 64 --kimg 200
    """
    batch = batch_that_fits(64, facts.examples)
    kimg, why = default_kimg(facts)
    return Recipe(
        name="dcgan",
        data=data,
        players={
            "discriminator": PlayerChoice(model=Part(name="dcgan"), lr=2e-4, betas=(0.5, 0.999)),
            "generator": PlayerChoice(model=Part(name="dcgan"), lr=2e-4, betas=(0.5, 0.999), ema_kimg=5.0),
        },
        objective=Part(name="adversarial"),
        loss=Part(name="nonsaturating"),
        batch=batch,
        kimg=kimg,
        log_kimg=log_interval(kimg, batch),
        reasons={"kimg": why, "generator.lr": "0.0002 with beta1 0.5: the paper, section 4"},
    )
