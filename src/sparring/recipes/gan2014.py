"""`gan2014`: Goodfellow et al. 2014, the game as it was first played.

Departures: Adam in place of descent with momentum (0.1, falling to 0.000001; 0.5 rising to 0.7), and samples come of
averaged weights; see `models/gan/gan2014` for the networks. The generator's loss is the non-saturating one that section
3 of the paper recommends; `--set loss=minimax` takes the one of the theory.
"""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import batch_that_fits, recipes, two_players


@recipes("gan2014", paper="arXiv:1406.2661")
def gan2014(data: DataChoice, facts: Facts) -> Recipe:
    """Fully connected, ReLU against maxout with dropout: the first GAN. It may collapse, and then a hint says so.

    The game in six steps, of which the discriminator's turn makes 1 to 3 and the generator's turn all:

    1. Draw noise z, uniform in [-1, 1].
    2. The generator makes samples G(z) of it.
    3. The discriminator scores reals x and samples G(z): D(x) and D(G(z)), its probabilities that each is real.
    4. A loss comes of the verdict. D wants J = log D(x) + log(1 - D(G(z))) large, at best 0; G wants D(G(z)) large.
    5. The slope of G's loss goes back through D *and* through G.
    6. Only G is updated: D stands still, or it would move to please G.

    In D's own turn G is fixed: the samples come without G's graph, and only D is updated. Where G draws from the data's
    own distribution nothing is left to tell: D's output is 1/2 and J = -log 4 = -1.386 (theorem 1).

    Command: sparring train digits --recipe gan2014
    """
    on_cpu = facts.device == "cpu"
    why_batch = "many small steps learn more per minute" if on_cpu else "the authors' configuration"
    batch = batch_that_fits(32 if on_cpu else 100, facts.examples)
    return two_players(
        "gan2014",
        data,
        facts,
        discriminator=PlayerChoice(model=Part(name="gan2014"), lr=1e-3, betas=(0.5, 0.999)),
        generator=PlayerChoice(model=Part(name="gan2014"), lr=2e-4, betas=(0.5, 0.999), ema_kimg=5.0),
        loss=Part(name="nonsaturating"),
        batch=batch,
        reasons={
            "batch": f"{batch}: {why_batch}",
            "discriminator.lr": "0.001, five times the generator's: after 16 kimg of the digits fd_judge is 9.5, "
            "with 0.0002 for both 175",
        },
    )
