"""`sngan`: Miyato, Kataoka, Koyama, Yoshida 2018, spectral normalisation of the discriminator.

Paper: arXiv:1802.05957. `sndcgan` networks with table 1's setting C, which was the best of SN-GAN's on CIFAR-10;
`--set variant=resnet` the residual ones, as section 4.1 trains them: five updates of D a round, and rates that fall.
Departures: the hinge loss for both (the paper compares it with the non-saturating one for the residual networks); on a
CPU half and a quarter of the channels; the generator's batch is the discriminator's, and its weights are averaged.
"""

from typing import Annotated, Literal

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import recipes, spectral_resnets, two_players


@recipes("sngan", paper="arXiv:1802.05957")
def sngan(
    data: DataChoice,
    facts: Facts,
    *,
    variant: Annotated[Literal["sndcgan", "resnet"], "the networks"] = "sndcgan",
) -> Recipe:
    """Spectral normalisation in the discriminator, hinge loss.

    Command: sparring train photos/ --recipe sngan --minutes 20
    """
    if variant == "resnet":
        return spectral_resnets("sngan", data, facts)
    width = 32 if facts.device == "cpu" else 64
    networks = Part(name="sndcgan", settings={"width": width})
    return two_players(
        "sngan",
        data,
        facts,
        discriminator=PlayerChoice(model=networks, lr=2e-4, betas=(0.5, 0.999)),
        generator=PlayerChoice(model=networks, lr=2e-4, betas=(0.5, 0.999), ema_kimg=5.0),
        loss=Part(name="hinge"),
        reasons={
            "generator.lr": "0.0002 with beta1 0.5: the paper, table 1, setting C",
            "generator.width": f"{width}: 64 in the paper, half of it on a CPU",
        },
    )
