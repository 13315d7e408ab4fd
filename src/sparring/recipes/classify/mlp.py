"""`mlp` and `volume`: Adam at its usual rate, one cycle."""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import one_player, recipes


@recipes("mlp", name_as="network")
@recipes("volume", name_as="network", paper="arXiv:1412.0767")
def mlp(data: DataChoice, facts: Facts, *, network: str) -> Recipe:
    """A classifier by Adam; of `mlp` `--set classifier.depth=0` makes softmax regression.

    Command: sparring train digits --recipe mlp --set classifier.depth=0
    """
    return one_player(
        network,
        data,
        facts,
        classifier=PlayerChoice(model=Part(name=network), lr=1e-3, fall="cosine", warmup=0.1, decay=0.01),
        reasons={"classifier.lr": "0.001: what Adam was proposed with (arXiv:1412.6980)"},
    )
