"""What the recipes choose and why, what their papers say, and which combinations can't be played."""

import dataclasses

import numpy as np
import pytest
import torch

from sparring import data
from sparring.data.spec import ImageSpec
from sparring.engine.game import Game, play_round
from sparring.engine.precision import Precision
from sparring.errors import UsageError
from sparring.job.build import build_game
from sparring.job.dealing import class_shares
from sparring.job.parts import known_settings
from sparring.recipe import DataChoice, Facts, Part, Recipe, with_setting
from sparring.recipes.base import batch_that_fits, default_kimg, log_interval, recipes, recipes_for

CPU = torch.device("cpu")


def facts(**known: object) -> Facts:
    given = {"channels": 3, "height": 64, "width": 64, "classes": 0, "examples": 5000, "labelled": 0, "device": "cpu"}
    return Facts(**{**given, **known})  # type: ignore[arg-type]


def recipe(name: str, *settings: str, **known: object) -> Recipe:
    made = recipes.build(name, DataChoice(source="photos/"), facts(**known))
    for setting in settings:
        path, _, text = setting.partition("=")
        made = with_setting(made, path, text, known_settings(made))
    return made


def game(made: Recipe, *, labels: np.ndarray | None = None) -> Game:
    spec = ImageSpec(channels=1, height=8, width=8, classes=("a", "b", "c") if labels is not None else ())
    pictures = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), np.uint8)
    return build_game(
        dataclasses.replace(made, batch=8), spec, {"train": data.Part(x=pictures, y=labels)}, Precision("fp32", CPU)
    )


def test_dcgan_is_the_papers() -> None:
    """arXiv:1511.06434, section 4: Adam 2e-4 with beta1 0.5; z of 100 and width 64 are PyTorch's example's."""
    made = recipe("dcgan")
    for player in made.players.values():
        assert (player.lr, player.betas) == (2e-4, (0.5, 0.999))
        assert player.model == Part(name="dcgan")
    assert (made.loss.name, made.penalties, made.batch) == ("nonsaturating", (), 64)
    generator = known_settings(made)["generator"]
    assert (generator["z_dim"].default, generator["width"].default) == (100, 64)


def test_dcgan_of_the_paper_is_wider_with_larger_kernels_and_uniform_noise() -> None:
    """arXiv:1511.06434, section 4 and figure 1; 5x5 kernels: the authors' code."""
    made = recipes.build("dcgan", DataChoice(source="photos/"), facts(), settings={"variant": "paper"})
    assert made.batch == 128
    assert dict(made.players["discriminator"].model.settings) == {"width": 128, "kernel": 5}
    assert dict(made.players["generator"].model.settings) == {"width": 128, "kernel": 5, "noise": "uniform"}
    assert {(player.lr, player.betas) for player in made.players.values()} == {(2e-4, (0.5, 0.999))}


def test_players_move_in_the_order_of_the_algorithm() -> None:
    for name in recipes_for("generate"):
        assert list(recipe(name, classes=3, labelled=50).players) == ["discriminator", "generator"], (
            "arXiv:1406.2661, algorithm 1"
        )


def r1(**known: object) -> dict[str, float]:
    return dict(recipe("gan", **known).penalties[0].settings)


def test_the_penalty_grows_with_the_values_in_a_picture() -> None:
    digit, photo = r1(channels=1, height=28, width=28), r1(channels=3, height=32, width=32)
    assert (digit["gamma"], photo["gamma"]) == (pytest.approx(0.383), 1.5)
    grey, coloured = r1(channels=1, height=64, width=64), r1(channels=3, height=64, width=64)
    assert coloured["gamma"] / grey["gamma"] == pytest.approx(3**1.6, rel=1e-2)
    assert r1(channels=3, height=256, width=256)["gamma"] == 100, "the power law is not followed beyond what was tried"


def test_the_penalty_is_lazy_only_where_that_is_stable() -> None:
    assert r1(channels=3, height=32, width=32)["every"] == 4
    assert r1(channels=3, height=64, width=64)["every"] == 1


@pytest.mark.parametrize(
    ("wanted", "examples", "batch"), [(64, 1000, 64), (64, 64, 64), (64, 63, 32), (64, 3, 2), (64, 2, 2), (32, 33, 32)]
)
def test_a_batch_is_never_larger_than_the_data(wanted: int, examples: int, batch: int) -> None:
    assert batch_that_fits(wanted, examples) == batch


@pytest.mark.parametrize("batch", [2, 24, 32, 64, 100])
@pytest.mark.parametrize("kimg", [0.1, 1.0, 60.0, 10_000.0])
def test_rows_are_about_a_hundred_and_lie_between_rounds(kimg: float, batch: int) -> None:
    images = log_interval(kimg, batch) * 1000
    assert images % batch == pytest.approx(0, abs=1e-6)
    assert batch <= images < 10_000 + batch
    assert kimg * 1000 / images <= 101 or images >= 10_000


def test_budgets_say_why() -> None:
    for known in ({}, {"height": 8, "width": 8}, {"device": "cuda"}, {"device": "cuda", "examples": 10**7}):
        kimg, why = default_kimg(facts(**known))
        assert why.startswith(f"{kimg:g}: ")
        assert "--kimg" in why
    assert default_kimg(facts(device="cuda", examples=50_000))[0] == 5000.0, "100 epochs"


def test_shares_are_those_of_the_known_labels() -> None:
    assert class_shares(np.array([0, 0, 2, -1, -1, 0]), 4).tolist() == [0.75, 0.0, 0.25, 0.0]


@pytest.mark.parametrize(
    "settings",
    [
        ("generator.updates=2",),
        ("generator.accumulate=2",),
        ("discriminator.accumulate=2",),
        ("discriminator.accumulate=2", "generator.accumulate=4"),
    ],
)
def test_moves_that_shared_fakes_do_not_allow_are_refused(settings: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match=r"re-uses the fakes.*objective\.shared_fakes=false"):
        game(recipe("gan", *settings))
    for allowed in (
        recipe("gan", *settings, "objective.shared_fakes=false"),
        recipe("gan", "discriminator.accumulate=2", "generator.accumulate=2", "discriminator.updates=3"),
    ):
        played = game(allowed)
        assert all(torch.isfinite(value) for _ in range(3) for value in play_round(played).values())


def test_few_labels_are_enough() -> None:
    labels = np.full(16, -1)
    labels[:2] = (0, 2)
    played = game(recipe("gan", classes=3, labelled=2), labels=labels)
    assert all(torch.isfinite(value) for _ in range(3) for value in play_round(played).values())
    drawn = torch.cat([played.deal("discriminator", count)["label"] for count in range(20)])
    assert set(drawn.tolist()) == {0, 2}, "fakes follow the shares of the labels that there are"


@pytest.mark.parametrize("name", [name for name in recipes_for("generate") if name != "pix2pix"])  # which has no noise
def test_the_players_deals_are_apart(name: str) -> None:
    """With fakes of its own, the generator is dealt other noise than the discriminator."""
    made = recipe(name, "objective.shared_fakes=false", classes=3, labelled=16)
    played = game(made, labels=np.arange(16) % 3)
    first, second = played.deal("discriminator", 0), played.deal("generator", 0)
    assert not torch.equal(first["z"], second["z"])
    assert first["index"].tolist() != second["index"].tolist()
