"""The two-player turn on pairs: what is made from sources, what is judged beside them, patch by patch."""

import numpy as np
import pytest
import torch
from torch.nn.functional import l1_loss, softplus

from sparring.data import Part
from sparring.data.spec import ImageSpec
from sparring.engine.game import Game, play_round
from sparring.engine.precision import Precision
from sparring.errors import UsageError
from sparring.job.build import build_game
from sparring.job.parts import known_settings
from sparring.losses.adversarial import NonSaturating, Relativistic
from sparring.losses.base import Batch, Moment
from sparring.losses.diffaugment import DiffAugment
from sparring.losses.gan import AdversarialObjective
from sparring.losses.penalties import R1
from sparring.losses.reconstruction import L1
from sparring.models.gan.base import Discriminator, Generator, discriminators, generators
from sparring.recipe import DataChoice, Facts, with_setting
from sparring.recipes.base import recipes

SPEC = ImageSpec(channels=1, height=16, width=16, source_channels=2)
NOW = Moment(round=0, update=0, last=True, count=0)
B = 3


def players() -> tuple[Generator, Discriminator]:
    torch.manual_seed(0)
    made = (
        registry.build(name, SPEC, settings={"width": 2})
        for registry, name in ((generators, "unet"), (discriminators, "patch"))
    )
    generator, discriminator = (module.double() for module in made)
    return generator, discriminator


def batch() -> Batch:
    draw = torch.Generator().manual_seed(0)
    x_BCHW, source_BCHW = (torch.randn(B, c, 16, 16, generator=draw, dtype=torch.float64) for c in (1, 2))
    return {"x": x_BCHW, "source": source_BCHW, "z": torch.empty(B, 0, dtype=torch.float64)}


def test_the_loss_is_the_mean_over_patches_of_both_kinds() -> None:
    """Equations 1 and 4 by hand; the loss of the mean logit would be another one."""
    generator, discriminator = players()
    objective = AdversarialObjective(generator, discriminator, NonSaturating(), [L1(weight=7.0)])
    given = batch()
    turn = objective.turn("discriminator", given, NOW)
    torch.manual_seed(0)
    fake_BCHW = objective._kept[0][1].detach()
    real, fake = (
        discriminator.score(discriminator.features(torch.cat([x, given["source"]], 1))) for x in (given["x"], fake_BCHW)
    )
    assert real.shape == (B, 36)
    expected = softplus(-real).mean() + softplus(fake).mean()
    torch.testing.assert_close(turn.terms["adversarial"].mean(), expected)
    assert abs(expected - softplus(-real.mean(1)).mean() - softplus(fake.mean(1)).mean()) > 1e-7
    torch.testing.assert_close(turn.stats["real_logit_B"], real.mean(1).detach())

    turn = objective.turn("generator", given, NOW)
    torch.testing.assert_close(turn.terms["adversarial"].mean(), softplus(-fake).mean())
    torch.testing.assert_close(turn.terms["l1"].mean(), 7 * l1_loss(fake_BCHW, given["x"]))
    assert turn.terms["l1"].shape == (B,)


def test_pairs_are_compared_with_pairs_in_one_pass_or_in_two() -> None:
    """A gradient penalty asks for passes apart; both ways say the same of the same batch."""
    terms = []
    for penalties in ([], [R1()]):
        generator, discriminator = players()
        objective = AdversarialObjective(generator.eval(), discriminator, Relativistic(), penalties)
        terms.append(objective.turn("discriminator", batch(), NOW).terms)
    torch.testing.assert_close(terms[0]["adversarial"], terms[1]["adversarial"])
    assert terms[1]["r1"].shape == (B,)
    assert bool((terms[1]["r1"] > 0).all())


def test_what_would_part_a_pair_is_refused() -> None:
    with pytest.raises(UsageError, match="augment=none"):
        AdversarialObjective(*players(), NonSaturating(), augmentation=DiffAugment())


def test_l1_asks_for_a_generator_that_translates() -> None:
    plain = generators.build("compact", ImageSpec(channels=1, height=16, width=16))
    with pytest.raises(UsageError, match=r"generator.model=unet on pairs"):
        AdversarialObjective(plain, players()[1], NonSaturating(), [L1()])


def toy_game(seed: int = 0) -> Game:
    """Squares to their negatives, 16x16."""
    facts = Facts(channels=1, height=16, width=16, classes=0, examples=32, labelled=0, device="cpu")
    recipe = recipes.build("pix2pix", DataChoice(source="pairs/"), facts)
    for path, text in (("generator.width", "8"), ("discriminator.width", "4"), ("generator.lr", "0.002")):
        recipe = with_setting(recipe, path, text, known_settings(recipe))
    draw = np.random.default_rng(seed)
    source = np.full((32, 16, 16, 1), 255, np.uint8)
    for picture, (top, left) in zip(source, draw.integers(0, 10, (32, 2)), strict=True):
        picture[top : top + 6, left : left + 6] = 0
    train = Part(x=255 - source, y=None, source=source)
    spec = ImageSpec(channels=1, height=16, width=16, source_channels=1)
    return build_game(recipe, spec, {"train": train, "validation": train}, Precision("fp32", torch.device("cpu")))


def test_it_learns_a_toy_mapping_and_the_same_seed_gives_the_same_bytes() -> None:
    games = [toy_game(), toy_game()]
    rows = [[float(play_round(game)["generator_l1"]) / 100 for _ in range(40)] for game in games]
    first, last = np.mean(rows[0][:4]), np.mean(rows[0][-4:])
    assert last < 0.5 * first
    assert rows[0] == rows[1]
    for one, other in zip(games[0].players, games[1].players, strict=True):
        states = zip(one.module.state_dict().values(), other.module.state_dict().values(), strict=True)
        assert all(torch.equal(a, b) for a, b in states)


def test_a_generator_of_noise_takes_the_targets_of_pairs_and_leaves_their_sources() -> None:
    facts = Facts(channels=1, height=16, width=16, classes=0, examples=32, labelled=0, device="cpu")
    recipe = recipes.build("gan", DataChoice(source="pairs/"), facts)
    part = Part(x=np.zeros((32, 16, 16, 1), np.uint8), y=None, source=np.zeros((32, 16, 16, 1), np.uint8))
    spec = ImageSpec(channels=1, height=16, width=16, source_channels=1)
    game = build_game(recipe, spec, {"train": part, "validation": part}, Precision("fp32", torch.device("cpu")))
    assert all(bool(torch.isfinite(value)) for value in play_round(game).values())
