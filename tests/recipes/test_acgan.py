"""`acgan`: names classes where there are some, and is `dcgan` where there are none."""

import dataclasses

import pytest

from sparring.recipe import DataChoice, Facts
from sparring.recipes.base import recipes


@pytest.mark.parametrize("classes", [0, 10])
def test_classes_are_named_where_there_are_some(classes: int) -> None:
    facts = Facts(channels=3, height=32, width=32, classes=classes, examples=5000, labelled=classes, device="cpu")
    made, plain = (recipes.build(name, DataChoice(source="photos/"), facts) for name in ("acgan", "dcgan"))
    if not classes:
        assert dataclasses.replace(made, name="dcgan", reasons=plain.reasons) == plain
        return
    assert dict(made.players["discriminator"].model.settings) == {"heads": "auxiliary"}
    assert [(penalty.name, penalty.settings) for penalty in made.penalties] == [
        ("auxiliary", {"fakes": False, "weight": 0.3})
    ]
    assert "the paper's 1" in made.reasons["auxiliary.weight"]
    assert made.players["generator"] == plain.players["generator"]
