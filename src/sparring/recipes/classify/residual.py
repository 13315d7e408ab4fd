"""Residual networks and others that are normalised over the batch: descent with momentum, the rate in one cycle."""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import one_player, recipes, usual_changes


@recipes(
    "inception-v3",
    "inception-v4",
    "plain20",
    "plain56",
    "quick",
    "preresnet1001",
    "preresnet110",
    "preresnet164",
    "preresnet20",
    "preresnet56",
    "resnet101",
    "resnet110",
    "resnet1202",
    "resnet152",
    "resnet18",
    "resnet20",
    "resnet32",
    "resnet34",
    "resnet44",
    "resnet50",
    "resnet56",
    "seresnet20",
    "seresnet50",
    "xception",
    name_as="network",
)
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
