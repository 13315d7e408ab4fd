"""A sweep: short runs with several values, then the run with the best; told, recorded, refused where it can not be."""

import json
from pathlib import Path

import pytest

from sparring.errors import CollapsedError, DivergedError, UsageError
from sparring.job import sweep as sweeping
from sparring.job.options import TrainOptions
from sparring.job.sweep import start_swept, swept_paths
from sparring.job.train import Listeners, open_and_plan, start
from sparring.recipe import Recipe
from sparring.runfolder import RunFolder

TINY = ("generator.width=4", "discriminator.width=4")


def options(**more: object) -> TrainOptions:
    asked: dict[str, object] = {"kimg": 0.64, "batch": 16, "precision": "fp32", "device": "cpu", "settings": TINY}
    return TrainOptions(data="digits", **{**asked, **more})  # type: ignore[arg-type]


def recipe(name: str = "gan", *settings: str) -> Recipe:
    return open_and_plan(options(recipe=name, settings=(*TINY, *settings)))[1].recipe


def test_gamma_is_that_of_every_penalty_that_has_one() -> None:
    gamma = recipe().penalties[0].settings["gamma"]
    assert swept_paths(recipe(), "gamma") == {"r1.gamma": gamma}
    both = recipe("gan", "penalties=r1,r2", "r2.gamma=0.5")
    assert swept_paths(both, "gamma") == {"r1.gamma": gamma, "r2.gamma": 0.5}
    assert swept_paths(recipe(), "generator.lr") == {"generator.lr": 2e-3}


@pytest.mark.parametrize(
    ("name", "sweep", "message"),
    [
        ("dcgan", "gamma", "'dcgan' has no penalty with a gamma"),
        ("gan", "generator.rl", r"no number above 0 of this name.*generator\.lr"),
        ("gan", "generator.fall", "no number above 0"),
        ("gan", "generator.updates", "no number above 0"),
    ],
)
def test_what_can_not_be_swept_is_refused_before_anything_is_written(
    name: str, sweep: str, message: str, place: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        start_swept(options(recipe=name), sweep)
    assert not (place / "runs").exists()


def test_the_run_has_the_value_of_the_nearest_trial(place: Path) -> None:
    notes: list[str] = []
    path = start_swept(options(), "gamma", Listeners(note=notes.append))
    record = json.loads((place / "runs" / "sweep-gan-001" / "sweep.json").read_text())
    nearest = min(record["trials"], key=lambda trial: trial["distance"])
    assert record["best"] == nearest["run"]
    assert len(record["trials"]) == 5
    run = RunFolder.open(path)
    assert f"r1.gamma={run.read_json('recipe.json')['penalties'][0]['settings']['gamma']:.4g}" in nearest["settings"]
    assert run.read_json("recipe.json")["kimg"] == 0.64
    trial = RunFolder.open(place / "runs" / "sweep-gan-001" / "trial-0").read_json("recipe.json")
    assert trial["kimg"] == pytest.approx(0.32)
    assert nearest["settings"][0] in notes[-1]
    assert nearest["settings"][0] in (path / "command.txt").read_text(), "the command alone makes the run again"


def test_a_trial_that_fails_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(asked: TrainOptions, listeners: Listeners) -> Path:
        path = start(asked, listeners)
        if asked.out is not None and asked.out.name != "trial-3":
            raise DivergedError("a gradient was not finite")
        return path

    monkeypatch.setattr(sweeping, "start", failing)
    path = start_swept(options(), "gamma")
    assert RunFolder.open(path).read_json("recipe.json")["penalties"][0]["settings"]["gamma"] == pytest.approx(
        4 * recipe().penalties[0].settings["gamma"], rel=1e-3
    )


@pytest.mark.parametrize("kind", [DivergedError, CollapsedError])
def test_where_every_trial_fails_the_sweep_does(
    kind: type[DivergedError | CollapsedError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(asked: TrainOptions, listeners: Listeners) -> Path:
        start(asked, listeners)
        raise kind("it failed")

    monkeypatch.setattr(sweeping, "start", failing)
    with pytest.raises(kind, match="no trial of the sweep can be gone on with"):
        start_swept(options(), "gamma")


def test_the_trials_are_a_part_of_the_minutes() -> None:
    run, trial = sweeping._shared(options(kimg=None, minutes=15.0), recipe())
    assert run.minutes is not None and trial.minutes is not None
    assert run.minutes + 5 * trial.minutes == pytest.approx(15.0)
