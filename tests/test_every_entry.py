"""The contract of every registered name, by kind: an entry that is added is tested on arrival."""

import dataclasses
import inspect
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sparring.data import Part
from sparring.data.readers.base import reader_for, readers
from sparring.data.spec import ImageSpec, SequenceSpec, TableSpec
from sparring.engine.blemishes.base import blemishes
from sparring.engine.corruptions.base import corruptions
from sparring.engine.distortions.base import distortions
from sparring.engine.game import Game, play_round
from sparring.engine.precision import Precision
from sparring.engine.state import capture, restore
from sparring.errors import UsageError
from sparring.job.build import build_game
from sparring.job.parts import MODELS, build_modules, known_settings
from sparring.losses.base import (
    adversarial_losses,
    augmentations,
    objectives,
    penalties,
)
from sparring.losses.detection import point_losses
from sparring.losses.reconstruction_error import reconstruction_losses
from sparring.losses.supervised import supervised_losses
from sparring.models.autoencode.base import autoencoders
from sparring.models.classify.base import classifiers
from sparring.models.detect.base import detectors
from sparring.models.gan.base import Discriminator, Generator, discriminators, generators
from sparring.recipe import DataChoice, Facts, Recipe, player_settings, with_setting
from sparring.recipes.base import recipes, recipes_for
from sparring.registry import Registry

REGISTRIES: list[Registry[Any]] = [
    classifiers,
    supervised_losses,
    distortions,
    autoencoders,
    reconstruction_losses,
    corruptions,
    detectors,
    point_losses,
    blemishes,
    adversarial_losses,
    penalties,
    objectives,
    augmentations,
    generators,
    discriminators,
    recipes,
    readers,
]
ENTRIES = [(registry, name) for registry in REGISTRIES for name in registry]
CPU = torch.device("cpu")
CLASSES = ("a", "b", "c")
SIDES = ((8, 8), (9, 9), (28, 28), (48, 48), (64, 64), (8, 24), (30, 17))
SPECS = [
    *(ImageSpec(channels=3, height=h, width=w, classes=CLASSES) for h, w in SIDES),
    *(ImageSpec(channels=c, height=16, width=16, classes=k) for c, k in itertools.product((1, 3, 4), ((), CLASSES))),
]
B = 4
FULLY_CONNECTED = ("cgan", "gan2014", "ssgan")
"""Their layer next to the picture has a weight for each unit and each value: 3x256x256 times 1,200 are 236 million."""
OF_TABLES = ("gan2014", "mlp")
"""Networks that take rows of real-valued columns as well; all others are for pictures only."""
FOR_PAIRS = ("unet", "pix2pix")
"""Networks and recipes that translate a picture: they are given pairs, all others pictures alone."""


def for_entry(name: str, spec: ImageSpec) -> ImageSpec:
    """The spec, with a source for what translates pictures."""
    return dataclasses.replace(spec, source_channels=2 if name in FOR_PAIRS else 0)


def of_spec(spec: ImageSpec) -> str:
    return f"{spec.channels}x{spec.height}x{spec.width}" + (f"-{len(spec.classes)}classes" if spec.classes else "")


def small(registry: Registry[Any], name: str) -> dict[str, Any]:
    """Settings that make an architecture small, where it has them."""
    known = registry[name].settings
    sizes = {key: 8 for key in ("width", "decoder_width") if key in known}
    attention = "heads" in known and isinstance(known["heads"].default, int)
    return {**sizes, "heads": 2} if attention else sizes


# -- all -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("registry", "name"), ENTRIES, ids=[f"{r.kind}-{n}" for r, n in ENTRIES])
def test_an_entry_explains_itself(registry: Registry[Any], name: str) -> None:
    entry = registry[name]
    assert name == name.lower()
    assert name.replace("-", "").replace("_", "").isalnum()
    assert entry.build.__doc__, "the docstring is its own, not one that is inherited"
    assert entry.summary.endswith((".", ":")) or "." in entry.summary
    assert len(entry.summary) <= 110, "it has to fit into a line of `sparring list`"
    for setting in entry.settings.values():
        assert setting.meaning, f"{setting.name} has no meaning: Annotated[type, 'meaning']"
        assert setting.default is not inspect.Parameter.empty, f"{setting.name} has no default"
        assert setting.type in (int, float, bool, str) or "|" in str(setting.type) or "[" in str(setting.type)
        setting.refuse_outside(setting.default, setting.name)


def test_no_kind_is_empty() -> None:
    assert all(list(registry) for registry in REGISTRIES)


@pytest.mark.parametrize("registry", [generators, discriminators, autoencoders], ids=lambda r: r.kind)
def test_a_network_has_no_setting_that_a_player_has(registry: Registry[Any]) -> None:
    """`--set generator.lr` could mean either."""
    for name in registry:
        assert not set(registry[name].settings) & set(player_settings())


# -- networks ------------------------------------------------------------------------------------------------------


def inputs(z_dim: int, spec: ImageSpec, *, seed: int = 0, sources: int = 0) -> tuple[Tensor, Tensor | None]:
    draw = torch.Generator().manual_seed(seed)
    z_BZ = torch.randn(B, z_dim, generator=draw)
    if sources:
        return z_BZ, torch.rand(B, sources, spec.height, spec.width, generator=draw) * 2 - 1
    return z_BZ, torch.arange(B) % len(spec.classes) if spec.classes else None


def seeded(registry: Registry[Any], name: str, spec: ImageSpec) -> Any:
    torch.manual_seed(0)
    return registry.build(name, for_entry(name, spec), settings=small(registry, name))


def made(module: Generator, spec: ImageSpec) -> Tensor:
    """Its pictures of fixed inputs; what it draws itself depends on the seed."""
    torch.manual_seed(1)
    pictures: Tensor = module(*inputs(module.z_dim, spec, sources=module.source_channels))
    return pictures


@torch.no_grad()
def moved_by_training(module: nn.Module) -> None:
    """Move every weight a little: a part may start at zero, where it says nothing yet."""
    for parameter in module.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))


@pytest.mark.parametrize("name", list(generators))
@pytest.mark.parametrize("spec", SPECS, ids=of_spec)
class TestGenerator:
    def test_pictures_of_the_right_shape_and_range_the_same_for_a_seed(self, name: str, spec: ImageSpec) -> None:
        first, second = seeded(generators, name, spec), seeded(generators, name, spec)
        pictures, again = (made(module, spec) for module in (first, second))
        assert pictures.shape == (B, spec.channels, spec.height, spec.width)
        assert not first.bounded or -1 <= pictures.min() <= pictures.max() <= 1
        assert pictures.std() > 1e-4, "noise, or the source, makes a difference"
        assert torch.equal(pictures, again)

    def test_every_parameter_gets_a_gradient(self, name: str, spec: ImageSpec) -> None:
        module: Generator = seeded(generators, name, spec)
        moved_by_training(module)
        pictures = made(module, spec)
        pictures.mul(torch.randn_like(pictures)).sum().backward()
        idle = [key for key, p in module.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        assert not idle

    def test_its_state_makes_the_same_pictures_elsewhere(self, name: str, spec: ImageSpec) -> None:
        module: Generator = seeded(generators, name, spec)
        other: Generator = generators.build(name, for_entry(name, spec), settings=small(generators, name))
        other.load_state_dict(module.state_dict())
        assert torch.equal(made(module.eval(), spec), made(other.eval(), spec))


@pytest.mark.parametrize("name", list(discriminators))
@pytest.mark.parametrize("spec", SPECS, ids=of_spec)
class TestDiscriminator:
    def test_a_logit_per_picture_and_features_that_heads_can_read(self, name: str, spec: ImageSpec) -> None:
        module: Discriminator = seeded(discriminators, name, spec).eval()
        x_BCHW = torch.rand(B, spec.channels, spec.height, spec.width) * 2 - 1
        logit_B, h_BF = module(x_BCHW, inputs(1, spec)[1]), module.features(x_BCHW)
        assert logit_B.shape == (B,)
        assert h_BF.ndim == 2
        assert h_BF.shape[0] == B
        assert torch.isfinite(logit_B).all()
        assert logit_B.std() > 0
        assert torch.equal(logit_B, seeded(discriminators, name, spec).eval()(x_BCHW, inputs(1, spec)[1]))

    def test_an_unknown_label_conditions_on_nothing(self, name: str, spec: ImageSpec) -> None:
        module: Discriminator = seeded(discriminators, name, spec).eval()
        x_BCHW = torch.rand(B, spec.channels, spec.height, spec.width) * 2 - 1
        unknown_B = torch.full((B,), -1)
        assert torch.equal(module(x_BCHW, unknown_B), module(x_BCHW))
        if spec.classes:
            moved_by_training(module)
            assert torch.equal(module(x_BCHW, unknown_B), module(x_BCHW))
            assert not torch.allclose(module(x_BCHW, torch.zeros_like(unknown_B)), module(x_BCHW))

    def test_every_parameter_gets_a_gradient(self, name: str, spec: ImageSpec) -> None:
        module: Discriminator = seeded(discriminators, name, spec)
        moved_by_training(module)
        x_BCHW = torch.rand(B, spec.channels, spec.height, spec.width) * 2 - 1
        logit_B = module(x_BCHW, inputs(1, spec)[1])
        (logit_B * torch.arange(1.0, B + 1)).sum().backward()
        assert not [key for key, p in module.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]


@pytest.mark.parametrize(
    ("registry", "name"), [(r, n) for r in (generators, discriminators) for n in r], ids=lambda v: getattr(v, "kind", v)
)
class TestNetwork:
    def test_256_points_at_full_width(self, registry: Registry[Any], name: str) -> None:
        with torch.device("meta"):
            module = registry.build(
                name, for_entry(name, ImageSpec(channels=3, height=256, width=256, classes=CLASSES))
            )
            condition = torch.empty(B, dtype=torch.int64)
            if registry is generators and module.source_channels:
                condition = torch.empty(B, module.source_channels, 256, 256)
            given = torch.empty(B, module.z_dim) if registry is generators else torch.empty(B, 3, 256, 256)
            made = module(given, condition)
        assert made.shape == ((B, 3, 256, 256) if registry is generators else (B,))
        if name not in FULLY_CONNECTED:
            assert sum(p.numel() for p in module.parameters()) < 60e6

    def test_width_makes_it_wider(self, registry: Registry[Any], name: str) -> None:
        spec = for_entry(name, ImageSpec(channels=3, height=32, width=32))
        with torch.device("meta"):
            narrow, wide = (registry.build(name, spec, settings={"width": w}) for w in (8, 16))
        assert sum(p.numel() for p in wide.parameters()) > 1.5 * sum(p.numel() for p in narrow.parameters())

    @pytest.mark.parametrize(
        "spec", [TableSpec(columns=("age",)), ImageSpec(channels=1, height=7, width=64)], ids=["table", "too-small"]
    )
    def test_data_that_it_is_not_for_are_refused(self, registry: Registry[Any], name: str, spec: Any) -> None:
        if isinstance(spec, TableSpec) and name in OF_TABLES:
            spec = SequenceSpec(channels=1, length=8)
        with pytest.raises(UsageError, match="this network is for"):
            registry.build(name, spec)


# -- readers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(readers))
def test_a_reader_leaves_alone_what_is_not_of_its_format(name: str, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"\x89PNG")
    (tmp_path / "notes.txt").write_text("none")
    reader = readers.build(name)
    for path in (tmp_path, tmp_path / "photo.png", tmp_path / "notes.txt", tmp_path / "absent"):
        assert not reader.accepts(path)
        assert reader_for(path) is None


# -- recipes -------------------------------------------------------------------------------------------------------

FACTS = [
    Facts(channels=c, height=s, width=s, classes=k, examples=n, labelled=n if k else 0, device=d)
    for c, s, k, n, d in [
        (1, 8, 10, 1617, "cpu"),
        (1, 28, 0, 60_000, "cpu"),
        (3, 64, 3, 40, "cuda"),
        (4, 256, 0, 500_000, "cuda"),
        (3, 48, 2, 3, "mps"),
    ]
]


def recipe_for(name: str, facts: Facts) -> Recipe:
    """The recipe for these facts; where they have no classes it may refuse them, if it says what it needs."""
    try:
        return recipes.build(name, DataChoice(source="photos/", size=facts.height, channels=facts.channels), facts)
    except UsageError as error:
        if facts.classes or not str(error).startswith(f"recipe '{name}' needs labels"):
            raise
        pytest.skip(f"{name} needs labels, and says so")


def current(recipe: Recipe, group: str, name: str, default: Any) -> Any:
    """What a setting is in a recipe."""
    if group in recipe.players:
        player = recipe.players[group]
        return getattr(player, name) if name in player_settings() else player.model.settings.get(name, default)
    parts = {"loss": recipe.loss, "objective": recipe.objective, **{p.name: p for p in recipe.penalties}}
    parts |= {"augment": recipe.augment} if recipe.augment is not None else {}
    return parts[group].settings.get(name, default)


def tiny_game(name: str, *, classes: int) -> Game:
    """A game of the recipe with thin networks and random pictures."""
    facts = Facts(channels=1, height=8, width=8, classes=classes, examples=24, labelled=12, device="cpu")
    recipe = dataclasses.replace(recipe_for(name, facts), batch=8)
    settings = known_settings(recipe)
    for player, choice in recipe.players.items():
        for key, value in small(MODELS[player], choice.model.name).items():
            recipe = with_setting(recipe, f"{player}.{key}", str(value), settings)
    spec = for_entry(name, ImageSpec(channels=1, height=8, width=8, classes=CLASSES[:classes]))
    draw = np.random.default_rng(0)
    labels = draw.integers(-1, classes, 24) if classes else None
    train = Part(x=draw.integers(0, 256, (24, 8, 8, 1), np.uint8), y=labels)
    held = Part(x=draw.integers(0, 256, (10, 8, 8, 1), np.uint8), y=None if labels is None else labels[:10])
    if spec.source_channels:
        train, held = (
            dataclasses.replace(part, source=draw.integers(0, 256, (len(part), 8, 8, spec.source_channels), np.uint8))
            for part in (train, held)
        )
    return build_game(recipe, spec, {"train": train, "validation": held}, Precision("fp32", CPU))


PLAYED = [
    name
    for task in ("generate", "rebuild", "anomaly")
    for name in recipes_for(task)
    if recipes[name].behind_colon is None  # networks of others, which are not always there
]


@pytest.mark.parametrize("name", PLAYED)
class TestRecipe:
    @pytest.mark.parametrize("facts", FACTS, ids=lambda f: f"{f.channels}x{f.height}-{f.examples}-{f.device}")
    def test_it_fits_the_facts_and_survives_json(self, name: str, facts: Facts) -> None:
        recipe = recipe_for(name, facts)
        assert recipe.name == name
        assert 2 <= recipe.batch <= max(2, facts.examples)
        assert recipe.kimg > 0
        assert recipe.log_kimg * 1000 % recipe.batch == 0, "rows lie between rounds"
        assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
        assert recipe == recipe_for(name, facts), "a recipe is a pure function"

    def test_every_setting_takes_what_it_is_already(self, name: str) -> None:
        recipe = recipe_for(name, FACTS[0])
        settings = known_settings(recipe)
        paths = [(group, setting) for group, members in settings.items() for setting in members.values()]
        assert len(paths) > 10
        for group, setting in paths:
            value = current(recipe, group, setting.name, setting.default)
            assert setting.meaning, f"{group}.{setting.name}"
            after = with_setting(recipe, f"{group}.{setting.name}", str(value), settings)
            assert current(after, group, setting.name, object()) == value

    def test_its_docstring_is_a_command(self, name: str) -> None:
        assert "Command: sparring train" in (recipes[name].build.__doc__ or "")

    def test_reasons_name_settings_that_there_are(self, name: str) -> None:
        recipe = recipe_for(name, FACTS[0])
        settings = known_settings(recipe)
        known = {f"{group}.{key}" for group, members in settings.items() for key in members}
        assert set(recipe.reasons) <= known | {field.name for field in dataclasses.fields(Recipe)}
        assert all(recipe.reasons.values())

    def test_its_networks_are_a_function_of_the_seed(self, name: str) -> None:
        recipe = recipe_for(name, FACTS[0])
        spec = for_entry(name, ImageSpec(channels=1, height=8, width=8, classes=CLASSES))
        torch.manual_seed(1)
        first = build_modules(recipe, spec)
        second, other = build_modules(recipe, spec), build_modules(dataclasses.replace(recipe, seed=1), spec)
        for player, module in first.items():
            pairs = zip(module.parameters(), second[player].parameters(), other[player].parameters(), strict=True)
            triples = list(pairs)
            assert all(torch.equal(a, b) for a, b, _ in triples)
            assert not all(torch.equal(a, c) for a, _, c in triples)

    @pytest.mark.parametrize("classes", [0, 3])
    def test_it_trains(self, name: str, classes: int) -> None:
        game = tiny_game(name, classes=classes)
        before = [[p.detach().clone() for p in player.module.parameters()] for player in game.players]
        for _ in range(2):
            scalars = play_round(game)
        assert scalars
        assert all(torch.isfinite(value) for value in scalars.values())
        assert game.images == 2 * 8 * next(p.updates for p in game.players if p.name == game.counted)
        for player, old in zip(game.players, before, strict=True):
            assert player.skipped.item() == 0
            pairs = list(zip(old, player.module.parameters(), strict=True))
            # A bias that a relativistic loss cancels has no gradient: it may stay.
            assert all(not torch.equal(a, b) for a, b in pairs if b.grad is not None and b.grad.abs().max() > 1e-6)
            assert sum(not torch.equal(a, b) for a, b in pairs) >= len(pairs) - 1

    def test_it_goes_on_exactly_from_its_state(self, name: str) -> None:
        """Whatever a module or a penalty remembers is in it: singular vectors, running means, past weights."""
        game, again = tiny_game(name, classes=3), tiny_game(name, classes=3)
        play_round(game)
        tensors, counters = capture(game)
        restore(again, {part: {key: v.clone() for key, v in held.items()} for part, held in tensors.items()}, counters)
        for _ in range(2):
            assert {k: v.item() for k, v in play_round(game).items()} == {
                k: v.item() for k, v in play_round(again).items()
            }
        ours, theirs = (capture(played)[0] for played in (game, again))
        assert all(torch.equal(ours[part][key], theirs[part][key]) for part in ours for key in ours[part])
