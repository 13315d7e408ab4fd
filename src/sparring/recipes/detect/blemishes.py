"""`blemishes`: learn what is normal by finding what was put over normal pictures."""

from sparring.recipe import DataChoice, Facts, Part, Recipe
from sparring.recipes.base import recipes
from sparring.recipes.detect.base import blemish_finder


@recipes("blemishes", paper="arXiv:2104.04015, arXiv:2106.08265")
def blemishes(data: DataChoice, facts: Facts) -> Recipe:
    """Finds made blemishes on normal pictures, then what it remembers no like of: for `sparring detect`.

    Command: sparring train normal/ --task anomaly
    """
    return blemish_finder("blemishes", data, facts, model=Part(name="unet"), least_kimg=24.0, epochs=10.0)
