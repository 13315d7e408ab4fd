"""Recipes of classifiers: each fits its data, can be set, plays, and goes on exactly from its state."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from torch import nn

from sparring.data import Part
from sparring.data.spec import ImageSpec, TableSpec
from sparring.engine.game import Game, play_round
from sparring.engine.precision import Precision
from sparring.engine.state import capture, restore
from sparring.errors import DataError, UsageError
from sparring.job.build import build_game
from sparring.job.labelled import Balanced
from sparring.job.parts import known_names, known_settings
from sparring.losses.classification import CLASSIFIER
from sparring.models.classify.base import classifiers
from sparring.recipe import DataChoice, Facts, Recipe, choices, player_settings, with_choice, with_setting
from sparring.recipes.base import recipes, recipes_for

CPU = torch.device("cpu")
CLASSES = ("a", "b", "c")
NAMES = recipes_for("classify")
WAYS = ("fixmatch",)
"""Recipes that are a way to learn; all others are called by their network."""
PICTURES = [name for name in NAMES if name not in ("volume", "timm")]
PLAYED = {
    "mlp": ("classifier.width=8",),
    "lenet5": (),
    "nin": ("classifier.width=8",),
    "resnet20": ("classifier.width=4", "objective.l1=0.0001", "augment.mixup=0.2", "augment.cutout=4"),
    "preresnet20": ("classifier.width=4", "loss=focal", "objective.balance=sampling"),
    "seresnet20": ("classifier.width=4", "objective.balance=weights", "classifier.ema_kimg=0.1"),
    "vit-tiny": ("classifier.width=24", "classifier.depth=2", "classifier.heads=2"),
    "googlenet": (),
}
"""Recipes that are played here, with settings that make their networks small or try another part."""


def facts(**known: object) -> Facts:
    given = {"channels": 3, "height": 32, "width": 32, "classes": 3, "examples": 400, "labelled": 300, "device": "cpu"}
    return Facts(**{**given, **known})  # type: ignore[arg-type]


def recipe(name: str, *settings: str, **known: object) -> Recipe:
    made = recipes.build(name, DataChoice(source="photos/"), facts(**known))
    for setting in settings:
        path, _, text = setting.partition("=")
        if path in choices(made):
            made = with_choice(made, path, text, known_names(made))
        else:
            made = with_setting(made, path, text, known_settings(made))
    return made


def game(made: Recipe, *, labels: np.ndarray | None = None, side: int = 32, batch: int = 4) -> Game:
    draw = np.random.default_rng(0)
    x = draw.integers(0, 256, (24, side, side, 3), np.uint8)
    y = draw.integers(-1, 3, 24) if labels is None else labels
    spec = ImageSpec(channels=3, height=side, width=side, classes=CLASSES)
    made = dataclasses.replace(made, batch=batch, kimg=0.4)
    return build_game(made, spec, {"train": Part(x=x, y=y), "validation": Part(x=x, y=y)}, Precision("fp32", CPU))


def test_every_network_has_a_recipe_of_its_name() -> None:
    assert set(NAMES) - set(WAYS) == set(classifiers)


@pytest.mark.parametrize("name", NAMES)
class TestEveryRecipe:
    def test_it_fits_the_facts_and_survives_json(self, name: str) -> None:
        made = recipe(name)
        assert made.name.split(":")[0] == name
        assert made.task == "classify"
        assert list(made.players) == [CLASSIFIER]
        assert made.kimg > 0
        assert Recipe.from_json(json.loads(json.dumps(made.to_json()))) == made

    def test_few_examples_make_a_small_batch(self, name: str) -> None:
        assert recipe(name, examples=20, labelled=20).batch == 16

    def test_without_labels_it_says_what_it_needs(self, name: str) -> None:
        with pytest.raises(UsageError, match="needs labels"):
            recipe(name, classes=0, labelled=0)

    def test_its_reasons_name_settings_that_there_are(self, name: str) -> None:
        made = recipe(name)
        known = {f"{group}.{key}" for group, members in known_settings(made).items() for key in members}
        assert set(made.reasons) <= known | {field.name for field in dataclasses.fields(Recipe)}

    def test_every_setting_has_a_meaning(self, name: str) -> None:
        for group, members in known_settings(recipe(name)).items():
            assert all(setting.meaning for setting in members.values()), group
        assert not set(classifiers[recipe(name).players[CLASSIFIER].model.name].settings) & set(player_settings())

    def test_its_docstring_is_a_command(self, name: str) -> None:
        assert "Command: sparring train" in (recipes[name].build.__doc__ or "")


@pytest.mark.parametrize("name", list(PLAYED))
class TestPlayed:
    def test_it_plays_and_every_weight_moves(self, name: str) -> None:
        played = game(recipe(name, *PLAYED[name], "classifier.warmup=0"))
        before = [p.detach().clone() for p in played.players[0].module.parameters()]
        for _ in range(2):
            scalars = play_round(played)
        assert all(torch.isfinite(value) for value in scalars.values())
        assert set(scalars) >= {"classifier_loss", "classifier_right", "classifier_grad_norm"}
        assert all(column in scalars for column in played.objective.columns)
        after = list(played.players[0].module.parameters())
        assert sum(torch.equal(a, b) for a, b in zip(before, after, strict=True)) == 0

    def test_it_goes_on_exactly_from_its_state(self, name: str) -> None:
        played, again = (game(recipe(name, *PLAYED[name])) for _ in range(2))
        play_round(played)
        tensors, counters = capture(played)
        restore(again, {part: {key: v.clone() for key, v in held.items()} for part, held in tensors.items()}, counters)
        for _ in range(2):
            assert {k: v.item() for k, v in play_round(played).items()} == {
                k: v.item() for k, v in play_round(again).items()
            }
        ours, theirs = (capture(each)[0] for each in (played, again))
        assert all(torch.equal(ours[part][key], theirs[part][key]) for part in ours for key in ours[part])


# -- what a player's settings do ---------------------------------------------------------------------------------------


def weights(played: Game) -> list[torch.Tensor]:
    return [p.detach().clone() for p in played.players[0].module.parameters()]


def test_sgd_is_torchs_with_nesterovs_momentum_and_decay_of_weights_alone() -> None:
    settings = ("classifier.optimizer=sgd", "classifier.lr=0.1", "classifier.decay=0.01", "classifier.fall=constant")
    made = recipe("mlp", *settings, "classifier.warmup=0", "classifier.dropout=0", "classifier.width=8")
    played = game(made)
    copy = game(made)
    module = copy.players[0].module
    decayed = [p for p in module.parameters() if p.ndim > 1]
    others = [p for p in module.parameters() if p.ndim <= 1]
    plain = torch.optim.SGD(
        [{"params": decayed, "weight_decay": 0.01}, {"params": others}], lr=0.1, momentum=0.9, nesterov=True
    )
    for count in range(3):
        batch = copy.deal(CLASSIFIER, count)
        known = batch["y"] >= 0
        loss = nn.functional.cross_entropy(module(batch["x"])[known], batch["y"][known])
        plain.zero_grad()
        loss.backward()
        plain.step()
        play_round(played)
    for ours, theirs in zip(weights(played), module.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-4, atol=1e-6)


def test_a_step_falls_to_a_tenth_at_half_and_at_three_quarters() -> None:
    """He et al., arXiv:1512.03385, 4.2: divided by 10 at 32k and 48k of 64k iterations."""
    schedule = game(recipe("mlp", "classifier.fall=step", "classifier.warmup=0")).players[0].schedule
    assert [schedule.factor(n) for n in (0, 199, 200, 299, 300, 400)] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_a_frozen_body_waits_and_then_learns_more_slowly() -> None:
    made = recipe("resnet20", "classifier.width=4", "classifier.frozen=0.02", "classifier.body_lr=0.5")
    played = game(with_setting(made, "classifier.warmup", "0", known_settings(made)))
    player = played.players[0]
    head = {id(p) for p in player.module.head.parameters()}  # type: ignore[union-attr]
    start = weights(played)
    for _ in range(2):
        play_round(played)
    moved = [(id(p) in head, not torch.equal(p, old)) for p, old in zip(player.module.parameters(), start, strict=True)]
    assert all(is_head == changed for is_head, changed in moved), "8 of 400 examples: the head alone"
    play_round(played)
    assert all(not torch.equal(p, old) for p, old in zip(player.module.parameters(), start, strict=True))
    rates = {group["lr"] for group in player.optimizer.param_groups}
    assert max(rates) == pytest.approx(2 * min(rates))


def test_class_weights_make_every_class_count_alike() -> None:
    labels = np.array([0] * 16 + [1] * 6 + [2] * 2)
    played = game(recipe("mlp", "objective.balance=weights"), labels=labels)
    found = played.objective.weights  # type: ignore[attr-defined]
    assert (found * torch.tensor([16.0, 6, 2])).tolist() == pytest.approx([8.0] * 3)


def test_balanced_sampling_deals_all_classes_equally_often() -> None:
    members = [np.arange(90), np.arange(90, 96), np.arange(96, 100)]
    order = Balanced(members, batch=6, seed=0, stream="x")
    dealt = np.concatenate([order(counter) for counter in range(50)])
    counts = [int(np.isin(dealt, rows).sum()) for rows in members]
    assert counts == [100, 100, 100]
    assert all(np.bincount(dealt, minlength=100)[members[0]] >= 1), "every example of a common class comes in its turn"
    assert np.array_equal(order(7), Balanced(members, batch=6, seed=0, stream="x")(7))


def test_what_does_not_go_together_is_refused() -> None:
    with pytest.raises(DataError, match="learns from labels"):
        game(recipe("mlp"), labels=np.full(24, -1))
    rows = Part(x=np.zeros((8, 2), np.float32), y=np.arange(8) % 3)
    made = dataclasses.replace(recipe("mlp", "augment=standard"), batch=4)
    with pytest.raises(UsageError, match="augment=none"):
        build_game(made, TableSpec(columns=("u", "v"), classes=CLASSES), {"train": rows}, Precision("fp32", CPU))
    with pytest.raises(UsageError, match=r"classifier\.lrr"):
        recipe("mlp", "classifier.lrr=1")
    with pytest.raises(UsageError, match="unknown 'hinge'"):
        recipe("mlp", "loss=hinge")


def test_rows_of_a_table_are_learned_by_mlp() -> None:
    draw = np.random.default_rng(0)
    x = draw.standard_normal((200, 2)).astype(np.float32)
    part = Part(x=x, y=(x[:, 0] > x[:, 1]).astype(np.int64))
    made = dataclasses.replace(recipe("mlp", "classifier.depth=0", columns=2), batch=20, kimg=4.0)
    made = with_setting(made, "classifier.lr", "0.05", known_settings(made))
    played = build_game(
        made, TableSpec(columns=("u", "v"), classes=("no", "yes")), {"train": part}, Precision("fp32", CPU)
    )
    while played.images < 4000:
        last = play_round(played)
    assert last["classifier_right"].item() > 0.9, "softmax regression tells apart what a line divides"
