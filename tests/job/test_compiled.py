"""Classifiers whose passes torch compiles: the same numbers, in other kernels."""

import dataclasses

import numpy as np
import pytest
import torch

from sparring.data import Part
from sparring.data.spec import ImageSpec
from sparring.engine.game import Game, play_round
from sparring.engine.precision import Precision
from sparring.errors import UsageError
from sparring.job import compiled
from sparring.job.build import build_game
from sparring.job.parts import known_settings
from sparring.recipe import DataChoice, Facts, with_setting
from sparring.recipes.base import recipes

CPU = torch.device("cpu")


def game(*, compile_it: bool) -> Game:
    draw = np.random.default_rng(0)
    parts = {"train": Part(x=draw.integers(0, 256, (40, 8, 8, 1), np.uint8), y=draw.integers(0, 3, 40))}
    facts = Facts(channels=1, height=8, width=8, classes=3, examples=40, labelled=40, device="cpu")
    recipe = dataclasses.replace(recipes.build("quick", DataChoice(source="random"), facts), batch=8, kimg=1.0)
    for path, text in (("classifier.width", "4"), ("classifier.compiled", str(compile_it).lower())):
        recipe = with_setting(recipe, path, text, known_settings(recipe))
    spec = ImageSpec(channels=1, height=8, width=8, classes=("a", "b", "c"))
    return build_game(recipe, spec, parts, Precision("fp64", CPU))


@pytest.mark.slow
def test_a_compiled_classifier_learns_what_an_interpreted_one_learns() -> None:
    played = [game(compile_it=compile_it) for compile_it in (False, True)]
    for each in played:
        for _ in range(3):
            play_round(each)
    eager, other = (each.players[0].module for each in played)
    for name, value in eager.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value, rtol=1e-8, atol=1e-10)
    # What is judged, drawn and saved is the network itself.
    assert played[1].players[0].averaged().state_dict().keys() == eager.state_dict().keys()


def test_a_machine_without_a_compiler_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(function: object) -> object:
        def called(*given: object) -> None:
            raise RuntimeError("\nNo working C++ compiler found\nSet TORCHDYNAMO_VERBOSE=1")

        return called

    monkeypatch.setattr(compiled.torch, "compile", refuses)
    with pytest.raises(UsageError, match=r"torch\.compile does not work here \(No working C\+\+ compiler found\)"):
        game(compile_it=True)
