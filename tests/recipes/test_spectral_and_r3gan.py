"""`sngan`, `projection` and `r3gan` against what their papers say of networks, rates and penalties."""

from typing import Any

import pytest
import torch
from torch import nn

from sparring.data.spec import ImageSpec
from sparring.job.parts import build_modules
from sparring.models.gan.resnet import ClassNorm
from sparring.recipe import DataChoice, Facts, Recipe
from sparring.recipes.base import recipes
from sparring.recipes.r3gan import gamma_for


def recipe(name: str, *, device: str = "cuda", side: int = 32, examples: int = 50_000, **settings: Any) -> Recipe:
    facts = Facts(channels=3, height=side, width=side, classes=10, examples=examples, labelled=examples, device=device)
    return recipes.build(name, DataChoice(source="photos/"), facts, settings=settings)


def networks(made: Recipe, side: int = 32) -> dict[str, nn.Module]:
    with torch.device("meta"):
        return build_modules(made, ImageSpec(channels=3, height=side, width=side, classes=tuple("0123456789")))


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_r3gan_penalises_both_sides_at_every_update_alike() -> None:
    """arXiv:2501.05441, section 3 and appendix E: never lazily."""
    made = recipe("r3gan")
    r1, r2 = made.penalties
    assert (r1.name, r2.name) == ("r1", "r2")
    assert r1.settings == r2.settings
    assert "every" not in r1.settings, "1 where nothing is said"
    assert made.loss.name == "relativistic"
    assert all(player.betas == (0.0, 0.99) for player in made.players.values())


def test_r3gan_in_the_papers_size() -> None:
    """Its table for CIFAR-10."""
    made = recipe("r3gan", variant="paper")
    sizes = {name: round(count(module) / 1e6, 2) for name, module in networks(made).items()}
    assert sizes == {"generator": 20.78, "discriminator": 21.28}
    assert (made.batch, made.players["generator"].lr) == (512, 2e-4)
    assert all(count(module) < 1e6 for module in networks(recipe("r3gan")).values())


def test_gamma_grows_with_the_picture_and_with_smaller_batches() -> None:
    assert gamma_for(3 * 64 * 64, 256) == pytest.approx(1.5)
    assert gamma_for(28 * 28, 16) == pytest.approx(1.531, rel=1e-3)
    assert gamma_for(28 * 28, 8) == pytest.approx(2 * gamma_for(28 * 28, 16), rel=1e-3)
    few = recipe("r3gan", examples=10)
    assert few.batch == 8
    assert few.penalties[0].settings["gamma"] == gamma_for(3 * 32 * 32, 8)


def test_sngan_is_the_papers() -> None:
    """arXiv:1802.05957: table 1, setting C for table 3's networks; section 4.1 for table 4's."""
    made = recipe("sngan")
    for player in made.players.values():
        assert (player.lr, player.betas, player.updates) == (2e-4, (0.5, 0.999), 1)
        assert player.model.settings["width"] == 64
    made = recipe("sngan", variant="resnet")
    assert [player.updates for player in made.players.values()] == [5, 1]
    for player in made.players.values():
        assert (player.lr, player.betas, player.fall) == (2e-4, (0.0, 0.9), "linear")
    widths = [player.model.settings["width"] for player in made.players.values()]
    assert (widths, made.batch, made.loss.name) == ([128, 256], 64, "hinge")


def test_projection_has_a_class_in_every_norm_of_the_generator_and_in_a_normalised_embedding() -> None:
    """arXiv:1802.05637, section 3 and figure 14."""
    found = networks(recipe("projection"))
    norms = [m for m in found["generator"].modules() if isinstance(m, ClassNorm)]
    assert len(norms) == 2 * 3 + 1
    assert all(norm.gain is not None and norm.gain.num_embeddings == 10 for norm in norms)
    assert "projection.embedding.parametrizations.weight.original" in found["discriminator"].state_dict()


@pytest.mark.parametrize("name", ["sngan", "projection"])
def test_a_cpu_gets_thinner_networks_and_is_told_so(name: str) -> None:
    made = recipe(name, device="cpu")
    full = networks(recipe(name))
    for player, module in networks(made).items():
        assert count(module) < count(full[player]) / 3
    assert "on a CPU" in made.reasons["generator.width"]
