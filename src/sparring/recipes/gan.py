"""`gan`: the default, the recipe that was measured to learn the most per minute on small data on a CPU."""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import ROWS_GAMMA, batch_that_fits, networks, recipes, two_players

SMALL = 32
"""Up to so many pixels R1 at every fourth update is enough. At 64 the discriminator leapt away in the updates between:
its penalty rose from 0.3 to 660 within a thousand pictures, and the generator was thrown back to noise."""

MOST_GAMMA = 100.0


def r1_gamma(values: int, *, small: bool) -> float:
    """Strength of R1 for pictures of so many values.

    Too strong, and the discriminator is fooled before it sees shapes: CIFAR-10 stood still at 51 % of pairs told right
    with 5.8, and was a fifth nearer to the reals after 48 kimg with 1. Too weak, and it is sure before the generator
    draws anything: 3x64x64 stayed noise with 6 and 16, not with 50.
    """
    if small:
        return round(values / 2048, 3)
    return round(min(MOST_GAMMA, float((values / 1024) ** 1.6)), 3)


@recipes("gan", paper="arXiv:1807.00734, arXiv:1801.04406")
def gan(data: DataChoice, facts: Facts) -> Recipe:
    """Compact networks, relativistic loss, R1 penalty, averaged weights: the default.

    Command: sparring train photos/ --minutes 20
    """
    if facts.columns:
        return _for_rows(data, facts)
    on_cpu = facts.device == "cpu"
    batch = batch_that_fits(32 if on_cpu else 64, facts.examples)
    shape = f"{facts.channels}x{facts.height}x{facts.width}"
    why_batch = "many small steps learn more per minute" if on_cpu else "fills a GPU better than 32"
    small = max(facts.height, facts.width) <= SMALL
    gamma = r1_gamma(facts.channels * facts.height * facts.width, small=small)
    lr, every = (2e-3, 4) if small else (5e-4, 1)
    model = Part(name="compact", settings={"width": 32 if on_cpu else 64})
    return two_players(
        "gan",
        data,
        facts,
        discriminator=PlayerChoice(model=model, lr=lr, betas=(0.0, 0.99)),
        generator=PlayerChoice(model=model, lr=lr, betas=(0.0, 0.99), ema_kimg=5.0),
        loss=Part(name="relativistic"),
        penalties=(Part(name="r1", settings={"gamma": gamma, "every": every}),),
        batch=batch,
        reasons={
            "batch": f"{batch}: {why_batch}",
            "generator.lr": f"{lr:g}: 0.002 up to {SMALL} pixels, a quarter of it above, where layers are wider",
            "r1.every": f"{every}: rarer is faster up to {SMALL} pixels, and not stable above",
            "r1.gamma": f"{gamma:g}: grows with the values of a picture, {shape}",
        },
    )


def _for_rows(data: DataChoice, facts: Facts) -> Recipe:
    """Both penalties at every step: lazy ones fail on toys (arXiv:2501.05441, appendix E)."""
    model = networks(facts, Part(name="compact"))
    gamma, lr = ROWS_GAMMA, 5e-3
    return two_players(
        "gan",
        data,
        facts,
        discriminator=PlayerChoice(model=model, lr=lr / 2, betas=(0.0, 0.99), fall="linear"),
        generator=PlayerChoice(model=model, lr=lr, betas=(0.0, 0.99), fall="linear", ema_kimg=5.0),
        loss=Part(name="relativistic"),
        penalties=tuple(Part(name=name, settings={"gamma": gamma}) for name in ("r1", "r2")),
        batch=128,
        reasons={
            "generator.lr": f"{lr:g}: falling to 0, or points stay around their modes; D's is half of it",
            "r1.gamma": f"{gamma:g}: for columns with a standard deviation near 1; more blurs what lies close together",
        },
    )
