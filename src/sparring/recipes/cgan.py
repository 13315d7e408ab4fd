"""`cgan`: Mirza and Osindero 2014, P(x|y).

Departures: Adam in place of descent with momentum (0.1, falling to 0.000001; 0.5 rising to 0.7), samples come of
averaged weights, and D has the R1 penalty of `gan`, which `--set penalties=none` takes off: without it one of two runs
on the digits had a D that was never wrong, and coverage 0.07 after 40 kimg; with it 0.74. See `models/gan/cgan` for the
networks. Without classes it is an unconditional GAN of the same layers.
"""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import batch_that_fits, recipes, two_players
from sparring.recipes.gan import SMALL, r1_gamma


@recipes("cgan", paper="arXiv:1411.1784")
def cgan(data: DataChoice, facts: Facts) -> Recipe:
    """Fully connected, both players told the class at their inputs: the first conditional GAN.

    Command: sparring train digits --recipe cgan
    """
    on_cpu = facts.device == "cpu"
    why_batch = "many small steps learn more per minute" if on_cpu else "the paper, section 4.1"
    batch = batch_that_fits(32 if on_cpu else 100, facts.examples)
    small = max(facts.height, facts.width) <= SMALL
    gamma, every = r1_gamma(facts.channels * facts.height * facts.width, small=small), 4 if small else 1
    return two_players(
        "cgan",
        data,
        facts,
        discriminator=PlayerChoice(model=Part(name="cgan"), lr=1e-3, betas=(0.5, 0.999)),
        generator=PlayerChoice(model=Part(name="cgan"), lr=2e-4, betas=(0.5, 0.999), ema_kimg=5.0),
        loss=Part(name="nonsaturating"),
        penalties=(Part(name="r1", settings={"gamma": gamma, "every": every}),),
        batch=batch,
        reasons={
            "batch": f"{batch}: {why_batch}",
            "discriminator.lr": "0.001, five times the generator's: as for gan2014",
            "r1.gamma": f"{gamma:g}: as for gan; not of the paper, whose game alone loses variety on small pictures",
        },
    )
