"""Recipes as data: text and JSON in, the same recipe out, and every way to get it wrong."""

import dataclasses
import json
import math
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparring.errors import UsageError
from sparring.recipe import (
    FORMAT,
    DataChoice,
    Part,
    PlayerChoice,
    Recipe,
    player_settings,
    with_setting,
)
from sparring.registry import Range, Setting
from sparring.typed import describe_type, parse_value

OPTION = "--set some.thing"
RECIPE = Recipe(
    name="gan",
    data=DataChoice(source="photos/", size=32, channels=3, labels=100),
    players={
        "discriminator": PlayerChoice(model=Part(name="compact", settings={"width": 8}), lr=2e-3, betas=(0.0, 0.99)),
        "generator": PlayerChoice(model=Part(name="compact"), lr=1e-3, ema_kimg=5.0, clip=1.0),
    },
    objective=Part(name="adversarial", settings={"shared_fakes": False}),
    loss=Part(name="relativistic"),
    penalties=(Part(name="r1", settings={"gamma": 0.5, "every": 4}), Part(name="r2")),
    batch=32,
    kimg=12.8,
    seed=7,
    reasons={"kimg": "because"},
)
SETTINGS = {
    "generator": {
        **player_settings(),
        "width": Setting(name="width", type=int, default=48, meaning="channels", range=Range(1)),
    },
    "discriminator": dict(player_settings()),
    "loss": {"margin": Setting(name="margin", type=float, default=1.0, meaning="m")},
    "objective": {"shared_fakes": Setting(name="shared_fakes", type=bool, default=True, meaning="s")},
    "r1": {"gamma": Setting(name="gamma", type=float, default=1.0, meaning="g", range=Range(0.0))},
}
FINITE = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(1e-12, allow_infinity=False)
DECAY = st.floats(0, 1, exclude_max=True)


# -- text ----------------------------------------------------------------------------------------------------------


@given(st.integers())
def test_whole_numbers_survive_being_text(value: int) -> None:
    assert parse_value(str(value), int, option=OPTION) == value


@given(FINITE)
def test_numbers_survive_being_text(value: float) -> None:
    assert parse_value(repr(value), float, option=OPTION) == value


@given(st.none() | FINITE)
def test_numbers_or_none_survive_being_text(value: float | None) -> None:
    assert parse_value(str(value), float | None, option=OPTION) == value


@given(st.booleans())
def test_truths_survive_being_text(value: bool) -> None:
    for text in (str(value), str(value).lower(), str(value).upper(), str(int(value)), "yes" if value else "no"):
        assert parse_value(text, bool, option=OPTION) is value


@given(st.text())
def test_texts_lose_the_blanks_around_them_and_nothing_else(value: str) -> None:
    assert parse_value(value, str, option=OPTION) == value.strip()


@given(st.sampled_from(["crop", "pad", 3]))
def test_choices_survive_being_text(value: str | int) -> None:
    assert parse_value(str(value), Literal["crop", "pad", 3], option=OPTION) == value


@given(st.tuples(FINITE, FINITE))
def test_pairs_survive_being_text_with_and_without_brackets(pair: tuple[float, float]) -> None:
    for text in (f"{pair[0]!r},{pair[1]!r}", str(pair), str(list(pair))):
        assert parse_value(text, tuple[float, float], option=OPTION) == pair


@given(st.lists(st.integers() | st.none()).map(tuple))
def test_rows_of_any_length_survive_being_text(row: tuple[int | None, ...]) -> None:
    assert parse_value(",".join(map(str, row)), tuple[int | None, ...], option=OPTION) == row


def test_none_is_none_even_where_texts_are_allowed() -> None:
    assert parse_value("none", str | None, option=OPTION) is None
    assert parse_value("rose", str | None, option=OPTION) == "rose"


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("3.5", int, "a whole number"),
        ("many", float, "a number"),
        ("nan", float, "a number"),
        ("inf", float | None, "a number or none"),
        ("maybe", bool, "true or false"),
        ("stretch", Literal["crop", "pad"], "crop or pad"),
        ("0.5", tuple[float, float], "a number,a number"),
        ("0.5,0.9,1", tuple[float, float], "a number,a number"),
        ("0.5,nan", tuple[float, float], "a number,a number"),
        ("", int, "a whole number"),
    ],
)
def test_a_bad_text_is_refused_with_option_text_and_expectation(text: str, kind: Any, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_value(text, kind, option=OPTION)
    assert str(caught.value) == f"{OPTION}={text}: expected {expected}."
    assert caught.value.exit_code == 2


@given(st.text())
def test_any_text_is_a_number_or_a_usage_error(text: str) -> None:
    try:
        value = parse_value(text, float | None, option=OPTION)
    except UsageError as error:
        assert OPTION in str(error)
    else:
        assert value is None or math.isfinite(value)


def test_types_in_words() -> None:
    assert describe_type(float | None) == "a number or none"
    assert describe_type(Literal["linear", "cosine"]) == "linear or cosine"


# -- JSON ----------------------------------------------------------------------------------------------------------


def through_json(recipe: Recipe) -> Recipe:
    return Recipe.from_json(json.loads(json.dumps(recipe.to_json())))


def test_a_recipe_survives_json() -> None:
    assert through_json(RECIPE) == RECIPE


@given(
    data=st.builds(
        DataChoice,
        source=st.text(),
        size=st.none() | st.integers(8, 256),
        fit=st.sampled_from(["crop", "pad"]),
        channels=st.none() | st.sampled_from([1, 3, 4]),
        conditional=st.booleans(),
        labels=st.none() | st.integers(1, 10**6),
    ),
    player=st.builds(
        PlayerChoice,
        model=st.builds(
            Part,
            name=st.text(),
            settings=st.dictionaries(
                st.text(), st.integers() | FINITE | st.booleans() | st.text() | st.tuples(FINITE, st.integers())
            ),
        ),
        lr=POSITIVE,
        betas=st.tuples(DECAY, DECAY),
        updates=st.integers(1, 9),
        clip=st.none() | POSITIVE,
        ema_kimg=st.none() | POSITIVE,
        fall=st.sampled_from(["constant", "linear", "cosine"]),
    ),
    kimg=FINITE,
    seed=st.integers(0),
    precision=st.sampled_from(["auto", "bf16", "fp32", "fp64"]),
    reasons=st.dictionaries(st.text(), st.text()),
)
def test_any_recipe_survives_json(
    data: DataChoice, player: PlayerChoice, kimg: float, seed: int, precision: Any, reasons: dict[str, str]
) -> None:
    changes: dict[str, Any] = {"data": data, "kimg": kimg, "seed": seed, "precision": precision, "reasons": reasons}
    recipe = dataclasses.replace(RECIPE, players={"generator": player}, **changes)
    assert through_json(recipe) == recipe


def test_whole_numbers_stand_for_numbers() -> None:
    value = {**RECIPE.to_json(), "kimg": 12}
    assert Recipe.from_json(value).kimg == 12.0
    assert isinstance(Recipe.from_json(value).kimg, float)


def changed(path: str, value: Any) -> dict[str, Any]:
    """The recipe's JSON with one entry set, or taken out where `value` is the class `object`."""
    root: dict[str, Any] = json.loads(json.dumps(RECIPE.to_json()))
    *groups, last = path.split(".")
    inner: Any = root
    for group in groups:
        inner = inner[int(group)] if group.isdigit() else inner[group]
    if value is object:
        del inner[last]
    else:
        inner[last] = value
    return root


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("btach", 3, r"recipe\.btach: unknown\. Did you mean 'batch'\?"),
        ("data.colour", 3, r"recipe\.data\.colour: unknown"),
        ("players.generator.lrr", 3, r"recipe\.players\.generator\.lrr: unknown\. Did you mean 'lr'\?"),
        ("batch", object, r"recipe: batch missing"),
        ("players.generator.lr", object, r"recipe\.players\.generator: lr missing"),
        ("batch", "32", r"recipe\.batch: expected a whole number, got '32'"),
        ("batch", True, r"recipe\.batch: expected a whole number, got True"),
        ("batch", 32.5, r"recipe\.batch: expected a whole number"),
        ("kimg", None, r"recipe\.kimg: expected a number, got None"),
        ("data.size", "big", r"recipe\.data\.size: expected a whole number"),
        ("data.conditional", 1, r"recipe\.data\.conditional: expected true or false"),
        ("data.fit", "stretch", r"recipe\.data\.fit: expected crop or pad"),
        ("players.generator.betas", [0.5], r"recipe\.players\.generator\.betas: expected"),
        ("players.generator.betas", [0.5, "x"], r"recipe\.players\.generator\.betas\[1\]: expected a number"),
        ("players.generator.lr", -0.1, r"recipe\.players\.generator\.lr=-0\.1: expected 1e-12 or more"),
        ("players", [], r"recipe\.players: expected"),
        ("penalties.1.name", 5, r"recipe\.penalties\[1\]\.name: expected text"),
        ("loss", "hinge", r"recipe\.loss: expected an object, got 'hinge'"),
        ("format", "new", r"recipe\.format: expected a whole number"),
        ("format", None, r"recipe\.format: expected a whole number"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_path(path: str, value: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Recipe.from_json(changed(path, value))


def test_a_newer_format_is_refused_before_anything_else_is_read() -> None:
    value = {**changed("format", FORMAT + 1), "invented_later": 1}
    with pytest.raises(UsageError, match=rf"format {FORMAT + 1}.*reads up to {FORMAT}.*newer.*Upgrade"):
        Recipe.from_json(value)


@pytest.mark.parametrize("value", [None, [], "recipe", 3])
def test_what_is_no_object_is_no_recipe(value: Any) -> None:
    with pytest.raises(UsageError, match="recipe: expected an object"):
        Recipe.from_json(value)


# -- one setting changed -------------------------------------------------------------------------------------------


def test_a_setting_changes_its_own_place_and_nothing_else() -> None:
    player = with_setting(RECIPE, "generator.lr", "0.5", SETTINGS)
    assert player.players["generator"].lr == 0.5
    assert dataclasses.replace(player, players=RECIPE.players) == RECIPE
    assert player.players["discriminator"] == RECIPE.players["discriminator"]
    assert with_setting(RECIPE, "generator.width", "9", SETTINGS).players["generator"].model.settings == {"width": 9}
    assert with_setting(RECIPE, "generator.clip", "none", SETTINGS).players["generator"].clip is None
    assert with_setting(RECIPE, "loss.margin", "2", SETTINGS).loss == Part(
        name="relativistic", settings={"margin": 2.0}
    )
    assert with_setting(RECIPE, "objective.shared_fakes", "yes", SETTINGS).objective.settings == {"shared_fakes": True}
    penalties = with_setting(RECIPE, "r1.gamma", "3", SETTINGS).penalties
    assert penalties == (Part(name="r1", settings={"gamma": 3.0, "every": 4}), Part(name="r2"))


def test_settings_add_up() -> None:
    once = with_setting(RECIPE, "generator.betas", "0.1,0.2", SETTINGS)
    twice = with_setting(once, "generator.updates", "2", SETTINGS)
    assert (twice.players["generator"].betas, twice.players["generator"].updates) == ((0.1, 0.2), 2)


@pytest.mark.parametrize(
    ("path", "close"),
    [("generator.wdth", "generator.width"), ("genrator.lr", "generator.lr"), ("r1.gama", "r1.gamma"), ("lr", "")],
)
def test_an_unknown_setting_is_answered_with_the_closest(path: str, close: str) -> None:
    with pytest.raises(UsageError, match=rf"--set {path}: recipe 'gan' has no such setting.*{close}"):
        with_setting(RECIPE, path, "1", SETTINGS)


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("generator.lr", "0", "1e-12 or more"),
        ("generator.lr", "-1", "1e-12 or more"),
        ("generator.betas", "0.5,1", "0 or more and below 1"),
        ("generator.updates", "0", "1 or more"),
        ("generator.accumulate", "-2", "1 or more"),
        ("generator.ema_kimg", "-1", "0 or more"),
        ("generator.width", "0", "1 or more"),
        ("r1.gamma", "-0.5", "0 or more"),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_option(path: str, text: str, expected: str) -> None:
    with pytest.raises(UsageError, match=rf"--set {path}=.*: expected {expected}\."):
        with_setting(RECIPE, path, text, SETTINGS)


def test_every_setting_of_a_player_has_a_meaning() -> None:
    assert set(player_settings()) == {field.name for field in dataclasses.fields(PlayerChoice)} - {"model"}
    assert all(setting.meaning for setting in player_settings().values())
