"""`masked-autoencoder`: what a picture is, learned from pictures alone, for a classifier to begin with."""

from typing import Annotated

from sparring.nn.patches import usual_side
from sparring.recipe import DataChoice, Facts, Part, Recipe
from sparring.recipes.autoencode.base import rebuilder
from sparring.recipes.base import recipes
from sparring.registry import Range


@recipes("masked-autoencoder", paper="arXiv:2111.06377")
def masked_autoencoder(
    data: DataChoice,
    facts: Facts,
    *,
    patch: Annotated[int | None, "side of a patch; none: 16, or such that there are about 64", Range(1)] = None,
) -> Recipe:
    """Most patches are hidden, and guessed from the others: `vit-tiny` can begin with what it learned.

    Command: sparring train photos/ --recipe masked-autoencoder
    """
    side = patch or usual_side(facts.height, facts.width)
    return rebuilder(
        "masked-autoencoder",
        data,
        facts,
        model=Part(name="masked", settings={"patch": side}),
        objective="masked",
        augment=Part(name="patches", settings={"side": side}),
        player={"decay": 0.05, "betas": (0.9, 0.95), "warmup": 0.1},
        batch=128,
        reasons={"augment.share": "0.75: the paper, figure 5", "autoencoder.decay": "0.05: the paper, table 8"},
    )
