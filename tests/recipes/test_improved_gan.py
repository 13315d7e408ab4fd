"""`improved-gan`: every technique is there, and each comes off alone."""

import numpy as np
import pytest
import torch
from torch import nn

from sparring.data import Part as Pictures
from sparring.data.spec import ImageSpec
from sparring.engine.game import Game, play_round
from sparring.engine.precision import Precision
from sparring.job.build import build_game
from sparring.job.parts import known_names, known_settings
from sparring.losses.adversarial import NonSaturating
from sparring.losses.gan import AdversarialObjective
from sparring.nn.minibatch_discrimination import MinibatchDiscrimination
from sparring.nn.virtual_batch_norm import VirtualBatchNorm
from sparring.recipe import DataChoice, Facts, choices, with_choice, with_setting
from sparring.recipes.base import recipes

ALL = {"virtual", "minibatch", "smoothing", "feature-matching", "historical-averaging"}
CPU = torch.device("cpu")


def game(*settings: str) -> Game:
    facts = Facts(channels=1, height=16, width=16, classes=0, examples=16, labelled=0, device="cpu")
    made = recipes.build("improved-gan", DataChoice(source="photos/"), facts)
    for setting in ("generator.width=4", "discriminator.width=4", *settings):
        path, _, text = setting.partition("=")
        if path in choices(made):
            made = with_choice(made, path, text, known_names(made))
        else:
            made = with_setting(made, path, text, known_settings(made))
    train = Pictures(x=np.random.default_rng(0).integers(0, 256, (16, 16, 16, 1), np.uint8), y=None)
    return build_game(made, ImageSpec(channels=1, height=16, width=16), {"train": train}, Precision("fp32", CPU))


def techniques(played: Game) -> set[str]:
    objective = played.objective
    assert isinstance(objective, AdversarialObjective) and isinstance(objective.loss, NonSaturating)
    found = {penalty.name for penalty in objective.penalties}
    kinds: dict[str, type[nn.Module]] = {"virtual": VirtualBatchNorm, "minibatch": MinibatchDiscrimination}
    for player in played.players:
        found |= {name for name, kind in kinds.items() if any(isinstance(m, kind) for m in player.module.modules())}
    return found | ({"smoothing"} if objective.loss.smoothing else set())


@pytest.mark.parametrize(
    ("setting", "off"),
    [
        ("generator.z_dim=100", set()),
        ("generator.norm=batch", {"virtual"}),
        ("discriminator.minibatch=false", {"minibatch"}),
        ("loss.smoothing=0", {"smoothing"}),
        ("penalties=historical-averaging", {"feature-matching"}),
        ("penalties=feature-matching", {"historical-averaging"}),
        ("penalties=none", {"feature-matching", "historical-averaging"}),
    ],
)
def test_each_technique_comes_off_alone(setting: str, off: set[str]) -> None:
    played = game(setting)
    assert techniques(played) == ALL - off
    assert all(torch.isfinite(value) for _ in range(2) for value in play_round(played).values())
