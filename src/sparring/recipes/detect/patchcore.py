"""`patchcore:NAME`: remember what a network that others trained sees of normal pictures."""

from typing import Annotated

from sparring.recipe import DataChoice, Facts, Part, Recipe
from sparring.recipes.base import recipes
from sparring.recipes.detect.base import blemish_finder


@recipes("patchcore", paper="arXiv:2106.08265", behind_colon="network")
def patchcore(
    data: DataChoice,
    facts: Facts,
    *,
    network: Annotated[str, "its name in timm, given behind the colon"] = "resnet18",
) -> Recipe:
    """Remembers features of a network of timm, for `sparring detect`; a small head on them learns to see blemishes.

    Command: sparring train normal/ --recipe patchcore:resnet18 --size 224
    """
    return blemish_finder(
        f"patchcore:{network}",
        data,
        facts,
        model=Part(name=f"timm:{network}"),
        least_kimg=4.0,
        epochs=5.0,
        why=", of the head alone, which --by memory does without",
    )
