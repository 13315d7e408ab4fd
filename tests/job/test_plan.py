"""Options, plans and budgets: what a run will do, before it does it."""

import dataclasses
import shlex
from pathlib import Path

import pytest
import torch
import tyro
from hypothesis import given
from hypothesis import strategies as st

from sparring.cli.train import Train
from sparring.data import inspect_data
from sparring.data.spec import ImageSpec
from sparring.engine.precision import Precision
from sparring.engine.record import looks, milestone
from sparring.errors import DataError, MachineError, UsageError
from sparring.job import measure
from sparring.job.options import TrainOptions, check_numbers
from sparring.job.plan import Plan, make_plan, plan_of
from sparring.nn import ranks

COLOUR = ImageSpec(channels=3, height=16, width=16)
CLASSES = ImageSpec(channels=1, height=8, width=8, classes=("a", "b"))


def plan(*settings: str, spec: ImageSpec = COLOUR, examples: int = 500, labelled: int = 0, **given: object) -> Plan:
    options = TrainOptions(data="pictures", device="cpu", settings=settings, **given)  # type: ignore[arg-type]
    return make_plan(options, spec, examples=examples, labelled=labelled)


# -- options -----------------------------------------------------------------------------------------------------------

words = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=12).filter(
    lambda word: not word.startswith("-") and word.strip() == word
)
numbers = st.floats(0.001, 1e6, allow_nan=False)


@given(
    st.builds(
        TrainOptions,
        data=words,
        recipe=words,
        size=st.none() | st.integers(8, 256),
        fit=st.sampled_from(["crop", "pad"]),
        channels=st.sampled_from([None, 1, 3, 4]),
        batch=st.none() | st.integers(2, 4096),
        kimg=st.none() | numbers,
        minutes=st.none() | numbers,
        seed=st.integers(0, 2**63 - 1),
        out=st.none() | words.filter(lambda word: "/" not in word).map(Path),
        settings=st.lists(words, max_size=3).map(tuple),
        device=words,
        precision=words,
        labels=st.none() | st.integers(1, 10**6),
        unconditional=st.booleans(),
    )
)
def test_command_txt_asks_for_the_same(options: TrainOptions) -> None:
    program, verb, *arguments = shlex.split(options.command())
    assert (program, verb) == ("sparring", "train")
    config = (tyro.conf.DisallowNone, tyro.conf.FlagCreatePairsOff)
    assert tyro.cli(Train, args=arguments, config=config)._options() == options


@pytest.mark.parametrize("name", ["kimg", "minutes", "batch", "labels", "seed"])
@pytest.mark.parametrize("value", [float("nan"), -1])
def test_numbers_out_of_range_name_their_option(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"--{name} "):
        check_numbers(dataclasses.replace(TrainOptions(data="x"), **{name: value}))


def test_a_path_is_made_absolute_and_a_name_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert TrainOptions(data="photos").data_choice().source == "photos"
    (tmp_path / "photos").mkdir()
    assert TrainOptions(data="photos").data_choice().source == str(tmp_path / "photos")


# -- the recipe that is resolved ---------------------------------------------------------------------------------------


def test_options_win_over_the_recipe_and_its_reasons_go() -> None:
    made, default = plan("generator.lr=0.5", "r1.gamma=3", batch=7, kimg=1.0, seed=4), plan()
    assert (made.recipe.batch, made.recipe.seed) == (7, 4)
    assert made.recipe.kimg == 1.001  # whole batches
    assert made.recipe.players["generator"].lr == 0.5
    assert made.recipe.penalties[0].settings["gamma"] == 3
    assert {"batch", "kimg", "r1.gamma"} <= default.recipe.reasons.keys()
    assert not {"batch", "kimg", "r1.gamma", "generator.lr"} & made.recipe.reasons.keys()


def test_sizes_are_those_of_the_networks_and_cost_no_memory() -> None:
    spec = ImageSpec(channels=3, height=64, width=64)
    assert plan(spec=spec, recipe="dcgan").parameters == {"generator": 3_576_704, "discriminator": 2_765_568}


def test_networks_beyond_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan()
    needed = 5 * sum(made.parameters.values()) * 4
    monkeypatch.setattr("sparring.job.plan.device_memory", lambda device: needed)
    plan()
    monkeypatch.setattr("sparring.job.plan.device_memory", lambda device: needed - 1)
    with pytest.raises(MachineError, match="smaller width"):
        plan()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("generator.accumulate=3", "discriminator.accumulate=3"), "does not divide the batch of 32"),
        (("generator.width=99999999999999",), "no network can be built"),
        (("generator.updates=2",), "shared_fakes"),
        (("discriminator.sharded=true",), "gradient penalties differentiate twice"),
        (("generator.sharded=true", "penalties=historical-averaging"), "historical-averaging is of weights"),
        (("generator.compiled=true",), "classifiers alone are compiled"),
    ],
)
def test_settings_that_can_not_be_together(settings: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        plan(*settings)


@pytest.mark.parametrize(
    ("recipe", "settings", "said"),
    [
        ("quick", ("classifier.frozen=0.5",), "a part of it waits at first"),
        ("quick", ("objective.l1=0.1",), "objective.l1 is of weights"),
        ("vae", (), "asked in more ways than one"),
    ],
)
def test_players_that_can_not_be_sharded(recipe: str, settings: tuple[str, ...], said: str) -> None:
    player = "autoencoder" if recipe == "vae" else "classifier"
    given = {"spec": CLASSES, "labelled": 500, "recipe": recipe}
    plan(*settings, **given)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=said):
        plan(f"{player}.sharded=true", *settings, **given)  # type: ignore[arg-type]


def test_processes_that_share_a_player_out_have_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ImageSpec(channels=3, height=16, width=16, classes=("a", "b"))
    needed = 5 * plan(spec=spec, labelled=500, recipe="quick").parameters["classifier"] * 4
    monkeypatch.setattr("sparring.job.plan.device_memory", lambda device: needed // 2 + 1)
    with ranks.within(ranks.World(0, 2)):
        plan("classifier.sharded=true", spec=spec, labelled=500, recipe="quick")
        with pytest.raises(MachineError, match="share them out"):
            plan(spec=spec, labelled=500, recipe="quick")


def test_classes_without_a_label() -> None:
    assert plan(spec=CLASSES, labelled=2).recipe.data.conditional
    with pytest.raises(DataError, match="--unconditional"):
        plan(spec=CLASSES, labelled=0)


def test_a_batch_that_is_chosen_fits_the_pictures() -> None:
    assert [plan(examples=count).recipe.batch for count in (2, 3, 9, 31, 500)] == [2, 2, 8, 16, 32]
    with pytest.raises(DataError, match=r"a few hundred"):
        plan(examples=1)


# -- budgets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("images", [500, 999, 1_000, 1_499, 1_500, 2_000, 3_000, 3_500, 63_999, 96_000, 1_000_000])
def test_looks_are_counted_as_the_recorder_takes_them(images: int) -> None:
    step = max(1, min(500, images // 1_000))
    taken, looked_at = 0, 0
    for seen in [*range(step, images, step), images]:
        if milestone(seen) > looked_at or seen == images:
            taken += 1
            looked_at = milestone(seen)
    assert looks(images) == taken


@pytest.mark.parametrize("minutes", [0.2, 1.0, 20.0, 600.0])
@pytest.mark.parametrize(("speed", "look"), [(10.0, 4.0), (400.0, 0.2), (20_000.0, 0.5)])
def test_a_budget_counts_everything_and_is_nearly_used_up(minutes: float, speed: float, look: float) -> None:
    report = inspect_data("digits")
    fixed = dataclasses.replace(plan(), images_per_second=speed, look_seconds=look)
    made = measure.with_budget(fixed, report, minutes=minutes)
    images = round(made.recipe.kimg * 1000)
    spent = images / speed + looks(images) * look
    assert spent + measure.REPORT_SECONDS <= 60 * minutes
    assert spent * 1.06 + measure.REPORT_SECONDS + look + made.recipe.batch / speed > 60 * minutes
    assert images % made.recipe.batch == 0
    assert made.seconds == pytest.approx(60 * minutes, rel=0.05, abs=2 * look + 2 * made.recipe.batch / speed)
    assert f"{minutes:g} minutes" in made.recipe.reasons["kimg"]


def test_a_budget_too_short_for_one_batch_is_one_batch() -> None:
    slow = dataclasses.replace(plan(), images_per_second=0.001)
    assert measure.with_budget(slow, inspect_data("digits"), minutes=0.01).recipe.kimg == 0.032


def test_measuring_leaves_the_callers_random_numbers_alone() -> None:
    report = inspect_data("digits")
    tiny = plan("generator.width=4", "discriminator.width=4", spec=CLASSES, labelled=500)
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    made = measure.measured(tiny, report, seconds=0.1)
    assert torch.equal(torch.rand(2), expected)
    assert made.images_per_second is not None and made.images_per_second > 0
    assert made.look_seconds > 0 and made.memory is not None and made.memory > 1 << 20


def test_a_machine_without_the_resource_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    assert measure._peak_memory(torch.device("cpu")) is None


def test_the_plan_of_a_whole_recipe_is_the_same_plan() -> None:
    made = plan()
    assert (
        plan_of(made.recipe, COLOUR, examples=500, precision=Precision(made.precision.name, torch.device("cpu")))
        == made
    )
