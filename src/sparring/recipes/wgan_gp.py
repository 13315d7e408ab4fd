"""`wgan-gp`: Gulrajani et al. 2017, a critic whose slope is held near 1.

Paper: Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville, "Improved training of Wasserstein GANs", arXiv:1704.00028,
algorithm 1: lambda 10, five updates of the critic a round, Adam at 0.0001 with betas (0, 0.9).
Departures: `compact` networks by default, whose critic has no norm either and which a CPU plays many times as fast;
`--set variant=resnet` has those of appendix F, of a quarter of the channels on a CPU, with its falling rates; the
averaged generator is what is judged.
"""

from typing import Annotated, Literal

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import recipes, two_players


@recipes("wgan-gp", paper="arXiv:1704.00028")
def wgan_gp(
    data: DataChoice,
    facts: Facts,
    *,
    variant: Annotated[Literal["compact", "resnet"], "the networks"] = "compact",
) -> Recipe:
    """Wasserstein loss, five updates of a critic with a gradient penalty.

    Command: sparring train photos/ --recipe wgan-gp --minutes 30
    """
    resnet, on_cpu = variant == "resnet", facts.device == "cpu"
    fall: Literal["linear", "constant"] = "linear" if resnet else "constant"
    width = {"width": 32 if on_cpu else 128 if resnet else 64}
    critic = {**width, "norm": "none", "pool": "mean"} if resnet else width
    return two_players(
        "wgan-gp",
        data,
        facts,
        discriminator=PlayerChoice(
            model=Part(name=variant, settings=critic), lr=1e-4, betas=(0.0, 0.9), fall=fall, updates=5
        ),
        generator=PlayerChoice(
            model=Part(name=variant, settings=width), lr=1e-4, betas=(0.0, 0.9), fall=fall, ema_kimg=5.0
        ),
        loss=Part(name="wasserstein"),
        penalties=(Part(name="gradient-penalty"),),
        reasons={
            "discriminator.updates": "5 a round: the paper, algorithm 1",
            "generator.lr": "0.0001 without momentum: the paper, algorithm 1",
        },
    )
