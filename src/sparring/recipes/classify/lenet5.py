"""`lenet5`: LeCun et al. 1998, with today's optimiser."""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import one_player, recipes, usual_changes


@recipes("lenet5", preset={"network": "lenet5"}, paper="LeCun et al. 1998")
@recipes("lenet5-1998", preset={"network": "lenet5-1998"}, paper="LeCun et al. 1998")
def lenet(data: DataChoice, facts: Facts, *, network: str) -> Recipe:
    """Two convolutions with pooling and a third to 120 values, by Adam, the rate in one cycle.

    Command: sparring train digits --recipe lenet5
    """
    return one_player(
        network,
        data,
        facts,
        classifier=PlayerChoice(model=Part(name=network), lr=3e-3, fall="linear", warmup=0.2, decay=0.01),
        augment=usual_changes(facts),
        batch=128,
    )
