"""The recipes of the first GANs: what their papers say."""

import pytest

from sparring.recipe import DataChoice, Facts, Recipe
from sparring.recipes.base import recipes


def recipe(name: str, *, classes: int = 0, device: str = "cuda") -> Recipe:
    facts = Facts(channels=1, height=28, width=28, classes=classes, examples=60_000, labelled=classes, device=device)
    return recipes.build(name, DataChoice(source="mnist"), facts)


@pytest.mark.parametrize("name", ["gan2014", "cgan"])
def test_the_first_gans_play_the_papers_game(name: str) -> None:
    """arXiv:1406.2661, section 3, and arXiv:1411.1784, section 4.1: batches of 100, no term beside the loss."""
    made = recipe(name, classes=10)
    assert (made.loss.name, made.penalties, made.augment, made.batch) == ("nonsaturating", (), None, 100)
    assert {player.model.name for player in made.players.values()} == {name}
    assert {player.updates for player in made.players.values()} == {1}


@pytest.mark.parametrize("name", ["gan2014", "cgan"])
def test_a_cpu_takes_smaller_steps_and_says_so(name: str) -> None:
    made = recipe(name, device="cpu")
    assert made.batch == 32
    assert made.reasons["batch"].startswith("32: ")
