"""Residual networks and others that are normalised over the batch: descent with momentum, the rate in one cycle."""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import one_player, recipes, usual_changes


@recipes("inception-v3", preset={"network": "inception-v3"})
@recipes("inception-v4", preset={"network": "inception-v4"})
@recipes("plain20", preset={"network": "plain20"})
@recipes("plain56", preset={"network": "plain56"})
@recipes("quick", preset={"network": "quick"})
@recipes("preresnet1001", preset={"network": "preresnet1001"})
@recipes("preresnet110", preset={"network": "preresnet110"})
@recipes("preresnet164", preset={"network": "preresnet164"})
@recipes("preresnet20", preset={"network": "preresnet20"})
@recipes("preresnet56", preset={"network": "preresnet56"})
@recipes("resnet101", preset={"network": "resnet101"})
@recipes("resnet110", preset={"network": "resnet110"})
@recipes("resnet1202", preset={"network": "resnet1202"})
@recipes("resnet152", preset={"network": "resnet152"})
@recipes("resnet18", preset={"network": "resnet18"})
@recipes("resnet20", preset={"network": "resnet20"})
@recipes("resnet32", preset={"network": "resnet32"})
@recipes("resnet34", preset={"network": "resnet34"})
@recipes("resnet44", preset={"network": "resnet44"})
@recipes("resnet50", preset={"network": "resnet50"})
@recipes("resnet56", preset={"network": "resnet56"})
@recipes("seresnet20", preset={"network": "seresnet20"})
@recipes("seresnet50", preset={"network": "seresnet50"})
@recipes("xception", preset={"network": "xception"})
def residual(data: DataChoice, facts: Facts, *, network: str) -> Recipe:
    """A residual network by stochastic descent with momentum, the rate in one cycle.

    Command: sparring train photos/ --recipe resnet20
    """
    return one_player(
        network,
        data,
        facts,
        classifier=PlayerChoice(
            model=Part(name=network),
            optimizer="sgd",
            lr=0.1,
            decay=5e-4,
            fall="linear",
            warmup=0.2,
        ),
        augment=usual_changes(facts),
        batch=128,
        reasons={
            "classifier.lr": "0.1: the paper (arXiv:1512.03385), reached and left in one cycle (arXiv:1708.07120)",
        },
    )
