"""The networks of the semi-supervised GAN against its paper's sizes and rules."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from sparring.data import Part
from sparring.data.spec import ImageSpec
from sparring.engine.game import Game, play_round
from sparring.engine.precision import Precision
from sparring.engine.state import capture, restore
from sparring.errors import UsageError
from sparring.job.build import build_game
from sparring.models.gan.base import HeadKind
from sparring.models.gan.ssgan import SSGANDiscriminator, SSGANGenerator
from sparring.nn.noise import GaussianNoise
from sparring.nn.weight_norm import WeightNormLinear
from sparring.recipe import DataChoice, Facts
from sparring.recipes.base import recipes

MNIST = ImageSpec(channels=1, height=28, width=28, classes=tuple("0123456789"))


def sizes(module: nn.Module) -> list[tuple[int, int]]:
    return [(m.in_features, m.out_features) for m in module.modules() if isinstance(m, nn.Linear)]


def test_layers_are_those_of_the_authors_code() -> None:
    discriminator = SSGANDiscriminator(MNIST, heads="semi-supervised")
    assert sizes(discriminator.layers) == [(784, 1000), (1000, 500), (500, 250), (250, 250), (250, 250)]
    assert discriminator.classifier is not None
    assert sizes(discriminator.classifier) == [(250, 10)]
    assert discriminator.head is None
    assert sizes(SSGANGenerator(MNIST, conditional=False)) == [(100, 500), (500, 500), (500, 784)]
    noises = [m.sd for m in discriminator.modules() if isinstance(m, GaussianNoise)]
    assert sorted(noises) == [0.3, 0.5, 0.5, 0.5, 0.5, 0.5], "one on the picture, one before each later layer"
    trained = [name for name, _ in discriminator.named_parameters() if name.endswith("scale")]
    assert trained == ["classifier.scale"], "hidden lengths stay, those of the head are trained"


@pytest.mark.parametrize("heads", ["semi-supervised", "auxiliary", "projection", "none"])
def test_the_first_batch_fits_every_layer(heads: HeadKind) -> None:
    torch.manual_seed(0)
    module = SSGANDiscriminator(MNIST, width=64, input_noise=0.0, hidden_noise=0.0, heads=heads)
    x_BCHW = torch.rand(50, 1, 28, 28) * 2 - 1
    module.begin(x_BCHW)
    seen: list[torch.Tensor] = []
    for layer in module.modules():
        if isinstance(layer, WeightNormLinear):
            layer.register_forward_hook(lambda _, __, out: seen.append(out))
    h_BF = module.features(x_BCHW)
    heads_there = [head for head in (module.head, module.classifier) if head is not None]
    for head in heads_there:
        head(h_BF)
    assert len(seen) == 5 + len(heads_there)
    for out in seen:
        torch.testing.assert_close(out.mean(0), torch.zeros(out.shape[1]), rtol=0, atol=1e-4)
        torch.testing.assert_close(out.var(0, correction=0), torch.ones(out.shape[1]), rtol=0, atol=1e-3)


def test_noise_is_of_training_alone() -> None:
    torch.manual_seed(0)
    module, x_BCHW = SSGANDiscriminator(MNIST, width=64, heads="auxiliary"), torch.rand(5, 1, 28, 28)
    for made in (module, module.features, lambda x: module.class_logits(torch.ones(5, 16))):
        module.train()
        assert not torch.equal(made(x_BCHW), made(x_BCHW))
        module.eval()
        assert torch.equal(made(x_BCHW), made(x_BCHW))


def game(seed: int = 0) -> Game:
    facts = Facts(channels=1, height=8, width=8, classes=3, examples=40, labelled=6, device="cpu")
    recipe = recipes.build("ssgan", DataChoice(source="photos/"), facts)
    recipe = dataclasses.replace(recipe, batch=8, seed=seed)
    rng = np.random.default_rng(0)
    # Coarse enough that a picture moved by a pixel is of its class still: the recipe moves them.
    classes = rng.integers(0, 200, (3, 2, 2, 1), np.uint8).repeat(4, 1).repeat(4, 2)
    pictures = classes[np.arange(40) % 3] + rng.integers(0, 50, (40, 8, 8, 1), np.uint8)
    labels = np.full(40, -1)
    labels[:6] = np.arange(6) % 3
    spec = ImageSpec(channels=1, height=8, width=8, classes=("a", "b", "c"))
    return build_game(recipe, spec, {"train": Part(x=pictures, y=labels)}, Precision("fp32", torch.device("cpu")))


def test_a_game_begins_fitted_to_its_first_batch_whatever_was_drawn_before() -> None:
    first = game()
    torch.rand(7)
    second = game()
    for one, other in zip(first.players, second.players, strict=True):
        for name, value in one.module.state_dict().items():
            assert torch.equal(value, other.module.state_dict()[name])
            assert one.ema is not None
            assert torch.equal(value, one.ema.module.state_dict()[name]), "the average begins where the weights do"
    hidden = first.players[0].module
    assert isinstance(hidden, SSGANDiscriminator)
    scales = [m.scale for m in hidden.modules() if isinstance(m, WeightNormLinear)]
    assert all((scale != 1).all() for scale in scales)


def test_a_game_that_is_taken_up_goes_on_as_if_it_had_never_stopped() -> None:
    whole, cut = game(), game()
    for _ in range(4):
        play_round(whole)
    for _ in range(2):
        play_round(cut)
    tensors, counters = capture(cut)
    kept = {stem: {name: value.clone() for name, value in named.items()} for stem, named in tensors.items()}
    again = game()
    restore(again, kept, counters)
    for _ in range(2):
        play_round(again)
    for stem, named in capture(whole)[0].items():
        for name, value in named.items():
            assert torch.equal(value, capture(again)[0][stem][name]), f"{stem}.{name}"


def test_the_recipe_is_the_authors() -> None:
    """The settings of their code for MNIST; a rate that falls is ours."""
    facts = Facts(channels=1, height=28, width=28, classes=10, examples=60_000, labelled=100, device="cpu")
    recipe = recipes.build("ssgan", DataChoice(source="photos/"), facts)
    for player in recipe.players.values():
        assert (player.lr, player.betas, player.updates) == (3e-3, (0.5, 0.999), 1)
    half_life = recipe.players["discriminator"].ema_kimg
    assert half_life is not None
    assert 0.5 ** (recipe.batch / (1000 * half_life)) == pytest.approx(1 - 1e-4, abs=2e-6)
    assert (recipe.batch, recipe.loss.name) == (100, "nonsaturating")
    assert [part.name for part in recipe.penalties] == ["supervised", "feature-matching"]
    assert recipe.objective.settings == {"adversarial": 0.0, "shared_fakes": False}
    assert recipe.kimg == 1_000 and recipe.reasons["kimg"].startswith("1000: ")


def test_playing_moves_directions_but_no_hidden_length() -> None:
    played = game()
    module = played.players[0].module
    before = copy.deepcopy(module.state_dict())
    for _ in range(3):
        scalars = play_round(played)
    moved = {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {name for name, _ in module.named_parameters()}
    assert {"discriminator_adversarial", "discriminator_supervised", "generator_feature-matching"} <= set(scalars)
    assert "generator_adversarial" not in scalars


def test_the_labelled_pictures_are_learned() -> None:
    played = game()
    module = played.players[0].module
    assert isinstance(module, SSGANDiscriminator)
    for _ in range(60):
        play_round(played)
    module.eval()
    dealt = played.deal("discriminator", 0)
    logit_BK = module.class_logits(module.features(dealt["x_labelled"]))
    assert logit_BK.argmax(1).tolist() == dealt["y_labelled"].tolist()


def test_without_labels_the_recipe_says_what_to_do() -> None:
    for classes, labelled in ((0, 0), (1, 40), (3, 0)):
        facts = Facts(channels=1, height=8, width=8, classes=classes, examples=40, labelled=labelled, device="cpu")
        with pytest.raises(UsageError, match=r"recipe 'ssgan' needs labels.*folders"):
            recipes.build("ssgan", DataChoice(source="photos/"), facts)


def test_features_are_computed_in_full_under_autocast() -> None:
    """In bf16 the discriminator wins."""
    torch.manual_seed(0)
    module = SSGANDiscriminator(MNIST, width=64, input_noise=0.0, hidden_noise=0.0, heads="semi-supervised")
    x_BCHW = torch.rand(8, 1, 28, 28) * 2 - 1
    full_BF = module.features(x_BCHW)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(module.features(x_BCHW), full_BF)
        assert module.features(x_BCHW.bfloat16()).dtype == torch.float32
    assert module.double().features(x_BCHW.double()).dtype == torch.float64
