"""`vit-tiny`: a transformer wants Adam, a long rise of the rate, and examples that differ each time."""

import dataclasses

from sparring.recipe import DataChoice, Facts, Part, PlayerChoice, Recipe
from sparring.recipes.base import one_player, recipes, usual_changes


@recipes("vit-tiny", paper="arXiv:2010.11929, arXiv:2012.12877")
def vit_tiny(data: DataChoice, facts: Facts) -> Recipe:
    """A small vision transformer by AdamW, with smoothed labels and mixtures (Touvron et al. 2020, table 9).

    Command: sparring train photos/ --recipe vit-tiny
    """
    changes = usual_changes(facts)
    mixed = None if changes is None else dataclasses.replace(changes, settings={**changes.settings, "mixup": 0.2})
    return one_player(
        "vit-tiny",
        data,
        facts,
        classifier=PlayerChoice(
            model=Part(name="vit-tiny"), lr=1e-3, betas=(0.9, 0.999), decay=0.05, fall="cosine", warmup=0.1, clip=1.0
        ),
        loss=Part(name="cross-entropy", settings={"smoothing": 0.1}),
        augment=mixed,
        batch=128,
        epochs=60.0,
        reasons={"classifier.decay": "0.05: Touvron et al. 2020, table 9"},
    )
