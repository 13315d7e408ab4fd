"""`mlp`: fully connected layers, and without hidden ones softmax regression."""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import one_player, recipes


@recipes("mlp")
def mlp(data: DataChoice, facts: Facts) -> Recipe:
    """A classifier of fully connected layers, for rows and for small pictures; depth 0 is softmax regression.

    Command: sparring train digits --recipe mlp --set classifier.depth=0
    """
    return one_player(
        "mlp",
        data,
        facts,
        classifier=PlayerChoice(model=Part(name="mlp"), lr=1e-3, fall="cosine", warmup=0.1, decay=0.01),
        reasons={"classifier.lr": "0.001: what Adam was proposed with (arXiv:1412.6980)"},
    )
