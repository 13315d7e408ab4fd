"""`rbm`: the restricted Boltzmann machine, a generative model without a decoder's depth: one matrix."""

from sparring.recipe import DataChoice, Facts, Part, Recipe
from sparring.recipes.autoencode.base import rebuilder
from sparring.recipes.base import recipes


@recipes("rbm", paper="Hinton 2010 (UTML TR 2010-003)")
def rbm(data: DataChoice, facts: Facts) -> Recipe:
    """Black and white points and hidden units, learned by persistent contrastive divergence; samples and log p(x).

    Greys are drawn black or white anew each time. `--set objective.persistent=false --set objective.steps=10` is CD-10.

    Command: sparring train digits --recipe rbm
    """
    return rebuilder(
        "rbm",
        data,
        facts,
        model=Part(name="rbm"),
        objective="contrastive-divergence",
        loss=Part(name="bernoulli"),
        augment=Part(name="binarised"),
        player={"lr": 2e-3, "fall": "linear", "warmup": 0.0},
        reasons={"autoencoder.lr": "falls to 0: chains must keep up with the weights (Tieleman 2008, section 3)"},
    )
