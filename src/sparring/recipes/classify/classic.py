"""Networks from before batch normalisation: descent with momentum at a tenth of the rate, weights pulled to 0."""

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import one_player, recipes, usual_changes


@recipes("alexnet", preset={"network": "alexnet"}, paper="Krizhevsky et al. 2012")
@recipes("googlenet", preset={"network": "googlenet"}, paper="arXiv:1409.4842")
@recipes("nin", preset={"network": "nin"}, paper="arXiv:1312.4400")
@recipes("vgg11", preset={"network": "vgg11"}, paper="arXiv:1409.1556")
@recipes("vgg13", preset={"network": "vgg13"}, paper="arXiv:1409.1556")
@recipes("vgg16", preset={"network": "vgg16"}, paper="arXiv:1409.1556")
@recipes("vgg16c", preset={"network": "vgg16c"}, paper="arXiv:1409.1556")
@recipes("vgg19", preset={"network": "vgg19"}, paper="arXiv:1409.1556")
def classic(data: DataChoice, facts: Facts, *, network: str) -> Recipe:
    """A network of before batch norm, by stochastic descent with momentum, the rate in one cycle.

    Command: sparring train photos/ --recipe vgg11
    """
    return one_player(
        network,
        data,
        facts,
        classifier=PlayerChoice(
            model=Part(name=network), optimizer="sgd", lr=0.02, decay=5e-4, fall="linear", warmup=0.2, clip=5.0
        ),
        augment=usual_changes(facts),
        batch=128,
        reasons={
            "classifier.lr": "0.02: the papers begin at 0.01 and wait for the loss to stop; one cycle goes higher",
            "classifier.clip": "5: without batch norm a long step early can end a run",
        },
    )
