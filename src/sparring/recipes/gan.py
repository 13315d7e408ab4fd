"""`gan`: the default, the recipe that was measured to learn the most per minute on small data on a CPU."""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import batch_that_fits, default_kimg, log_interval, recipes

MOST_GAMMA = 100.0


def r1_gamma(values: int) -> float:
    """Strength of R1 for pictures of so many values: a power law through what was right for three sizes.

    Too weak, and the discriminator is sure of itself before the generator draws anything: at 3x64x64 it stayed noise
    for thousands of examples with 6 and 16, not with 50; at 3x32x32 1 to 4 were right, at 1x28x28 0.3 to 3.
    """
    return round(min(MOST_GAMMA, (values / 1024) ** 1.6), 3)


@recipes("gan", paper="arXiv:1807.00734, arXiv:1801.04406")
def gan(data: DataChoice, facts: Facts) -> Recipe:
    """Compact networks, relativistic loss, R1 penalty at every fourth update, averaged weights: the default.

    Command: sparring train photos/ --minutes 20
    """
    on_cpu = facts.device == "cpu"
    batch = batch_that_fits(32 if on_cpu else 64, facts.examples)
    kimg, why_kimg = default_kimg(facts)
    shape = f"{facts.channels}x{facts.height}x{facts.width}"
    gamma = r1_gamma(facts.channels * facts.height * facts.width)
    why_batch = "many small steps learn more per minute" if on_cpu else "fills a GPU better than 32"
    lr = 2e-3 if max(facts.height, facts.width) <= 32 else 1e-3
    networks = Part(name="compact", settings={"width": 32 if on_cpu else 64})
    return Recipe(
        name="gan",
        data=data,
        players={
            "discriminator": PlayerChoice(model=networks, lr=lr, betas=(0.0, 0.99)),
            "generator": PlayerChoice(model=networks, lr=lr, betas=(0.0, 0.99), ema_kimg=5.0),
        },
        objective=Part(name="adversarial"),
        loss=Part(name="relativistic"),
        penalties=(Part(name="r1", settings={"gamma": gamma, "every": 4}),),
        batch=batch,
        kimg=kimg,
        log_kimg=log_interval(kimg, batch),
        reasons={
            "kimg": why_kimg,
            "batch": f"{batch}: {why_batch}",
            "generator.lr": f"{lr:g}: half of it above 32 pixels, where the widest layers are wider",
            "r1.gamma": f"{gamma:g}: grows with the values of a picture, {shape}; too weak, and D is sure too early",
        },
    )
