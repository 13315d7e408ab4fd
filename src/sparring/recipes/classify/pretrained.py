"""`timm:NAME`: a network that others trained, its head first, then all of it at a lower rate."""

from typing import Annotated

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import one_player, recipes, usual_changes


@recipes("timm", behind_colon="network")
def pretrained(
    data: DataChoice,
    facts: Facts,
    *,
    network: Annotated[str, "its name in timm, given behind the colon"] = "resnet18",
) -> Recipe:
    """Fine-tune a network of timm: for a fifth of the time the new head alone, then everything.

    Command: sparring train photos/ --recipe timm:resnet18 --size 128
    """
    name = f"timm:{network}"
    return one_player(
        name,
        data,
        facts,
        classifier=PlayerChoice(
            model=Part(name=name), lr=1e-3, decay=0.05, fall="cosine", warmup=0.1, frozen=0.2, body_lr=0.1
        ),
        augment=usual_changes(facts),
        batch=64,
        epochs=10.0,
        reasons={
            "classifier.frozen": "0.2: a head that knows nothing yet would undo what the network knows",
            "classifier.body_lr": "0.1: what is learned already is to change little",
        },
    )
