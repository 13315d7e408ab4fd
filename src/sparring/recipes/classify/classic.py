"""Networks from before batch normalisation: by descent with momentum they wait long before they learn, by Adam not."""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import one_player, recipes, usual_changes


@recipes("alexnet", name_as="network", paper="Krizhevsky et al. 2012")
@recipes("googlenet", name_as="network", paper="arXiv:1409.4842")
@recipes("nin", name_as="network", paper="arXiv:1312.4400")
def classic(data: DataChoice, facts: Facts, *, network: str) -> Recipe:
    """A network from before batch norm, by Adam, the rate in one cycle.

    Command: sparring train photos/ --recipe alexnet
    """
    return one_player(
        network,
        data,
        facts,
        classifier=PlayerChoice(model=Part(name=network), lr=5e-4, decay=0.01, fall="linear", warmup=0.2),
        augment=usual_changes(facts),
        batch=64,
        reasons={"classifier.lr": "0.0005 of Adam: by the papers' descent the loss stays where it is for many steps"},
    )


@recipes("vgg11", "vgg13", "vgg16", "vgg16c", "vgg19", name_as="network", paper="arXiv:1409.1556")
def vgg(data: DataChoice, facts: Facts, *, network: str) -> Recipe:
    """3x3 convolutions in a row, by descent with momentum, the rate in one cycle.

    Command: sparring train photos/ --recipe vgg11
    """
    return one_player(
        network,
        data,
        facts,
        classifier=PlayerChoice(
            model=Part(name=network), optimizer="sgd", lr=0.05, decay=5e-4, fall="linear", warmup=0.2
        ),
        augment=usual_changes(facts),
        reasons={
            "classifier.lr": "0.05, with batch norm below 128 points; without it (--set classifier.norm=none) the "
            "paper's 0.01"
        },
    )
