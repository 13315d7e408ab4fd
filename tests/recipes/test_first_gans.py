"""The recipes of the first GANs: what their papers say."""

import pytest

from sparring.recipe import DataChoice, Facts, Recipe
from sparring.recipes.base import recipes


def recipe(name: str, *, classes: int = 0, device: str = "cuda") -> Recipe:
    facts = Facts(channels=1, height=28, width=28, classes=classes, examples=60_000, labelled=classes, device=device)
    return recipes.build(name, DataChoice(source="mnist"), facts)


@pytest.mark.parametrize("name", ["gan2014", "cgan"])
def test_the_first_gans_play_the_papers_game(name: str) -> None:
    """arXiv:1406.2661, section 3, and arXiv:1411.1784, section 4.1: batches of 100."""
    made = recipe(name, classes=10)
    assert (made.loss.name, made.augment, made.batch) == ("nonsaturating", None, 100)
    assert {player.model.name for player in made.players.values()} == {name}
    assert {player.updates for player in made.players.values()} == {1}


def test_the_conditional_one_has_a_penalty_that_the_paper_has_not_and_says_so() -> None:
    made = recipe("cgan", classes=10)
    assert recipe("gan2014", classes=10).penalties == ()
    assert [(penalty.name, penalty.settings) for penalty in made.penalties] == [("r1", {"gamma": 0.383, "every": 4})]
    assert "not of the paper" in made.reasons["r1.gamma"]


@pytest.mark.parametrize("name", ["gan2014", "cgan"])
def test_a_cpu_takes_smaller_steps_and_says_so(name: str) -> None:
    made = recipe(name, device="cpu")
    assert made.batch == 32
    assert made.reasons["batch"].startswith("32: ")
