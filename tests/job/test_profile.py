"""`--profile`: what it says adds up, and the run is the same to the byte."""

import gzip
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.small_games import table_game
from job.conftest import SETTINGS
from job.helpers import outputs
from sparring.cli.train import Train
from sparring.engine.profile import RECORDED, TIMED, WARM_UP, Operator, Profile, by_kind
from sparring.errors import UsageError
from sparring.job import train as job
from sparring.job.options import TrainOptions
from sparring.job.profile import needed_flops
from sparring.report.profile import page


def options(out: Path, *, kimg: float = 0.64) -> TrainOptions:
    return TrainOptions(data="digits", kimg=kimg, batch=16, settings=SETTINGS, precision="fp32", device="cpu", out=out)


@pytest.fixture(scope="module")
def profiled(tmp_path_factory: pytest.TempPathFactory, judges: Path) -> Path:
    """A run like `finished_run`, looked into; not to be changed."""
    root = tmp_path_factory.mktemp("profiled")
    (root / "cache").mkdir()
    (root / "cache" / "judges").symlink_to(judges, target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARRING_CACHE", str(root / "cache"))
        return job.start(options(root / "one"), profile=True)


def test_the_run_is_the_same_to_the_byte(profiled: Path, finished_run: Path) -> None:
    assert outputs(profiled) == outputs(finished_run)


def test_the_parts_of_a_round_make_the_round(profiled: Path) -> None:
    facts = json.loads((profiled / "profile.json").read_text())
    phases = facts["phases"]
    expected = {f"{name} {part}" for name in ("generator", "discriminator") for part in ("forward", "backward", "step")}
    others = {"dealing", "average of the weights", "mean over processes", "what is logged"}
    assert expected | others == phases.keys()
    assert 0.8 * facts["mean_round_seconds"] < sum(phases.values()) <= facts["mean_round_seconds"]
    assert 0 < facts["share_of_limit"] < 1
    spent = facts["not_training"]
    timing = json.loads((profiled / "timing.json").read_text())
    judged = (spent["shares"]["judging"] + spent["shares"]["drawing"]) * spent["seconds"]
    assert judged == pytest.approx(timing["judging_seconds"], abs=2e-3)
    assert page(facts) == (profiled / "profile.txt").read_text()
    assert "Where the time went" in (profiled / "report.html").read_text()


def test_the_trace_holds_the_recorded_rounds(profiled: Path) -> None:
    events = json.loads(gzip.decompress((profiled / "trace.json.gz").read_bytes()))["traceEvents"]
    named = [event["name"] for event in events if event.get("cat") == "user_annotation"]
    assert named.count("round") == RECORDED
    assert named.count("discriminator backward") == RECORDED
    assert any(event["name"] == "aten::convolution_backward" for event in events)


def test_a_run_that_is_too_short_says_so(place: Path) -> None:
    run = job.start(options(place / "short", kimg=0.16), profile=True)
    assert "too short" in (run / "profile.txt").read_text()
    assert not (run / "trace.json.gz").exists()


def test_of_a_run_that_ends_while_it_is_recorded_those_rounds_are_told(place: Path) -> None:
    run = job.start(options(place / "short", kimg=0.48), profile=True)
    told = json.loads((run / "profile.json").read_text())
    assert told["conditions"]["recorded"] == 2
    events = json.loads(gzip.decompress((run / "trace.json.gz").read_bytes()))["traceEvents"]
    assert [event["name"] for event in events if event.get("cat") == "user_annotation"].count("round") == 2
    # What a round holds does not depend on how many were recorded.
    steps = next(o for o in told["operators"] if o["name"] == "aten::convolution_backward")
    assert steps["calls"] == round(steps["calls"])


def test_a_run_that_fails_while_it_is_recorded_leaves_no_recorder_behind() -> None:
    """One that is left ends the process with a segmentation fault."""
    game, looked = table_game(), Profile()
    with closing(looked), pytest.raises(RuntimeError, match="no more"):
        for _ in range(WARM_UP + TIMED + 2):
            looked(game)
        raise RuntimeError("no more")
    assert looked.recorded == 2
    assert looked.trace is not None


@pytest.mark.parametrize("option", [{"folds": 3}, {"sweep": "gamma"}])
def test_of_several_runs_none_is_looked_into(option: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--profile looks into one run"):
        Train(data="digits", profile=True, **option).run()


def test_operations_are_counted_forwards_and_backwards() -> None:
    """3 to 16 to 1, 16 examples: forwards, the weights' gradients, and the gradient of the hidden layer."""
    forwards = 2 * 16 * (3 * 16 + 16 * 1)
    assert needed_flops(table_game(), rounds=2) == 2 * forwards + 2 * 16 * 16


def test_each_operator_is_of_one_kind() -> None:
    names = ("aten::mkldnn_convolution", "aten::addmm", "aten::native_batch_norm", "aten::_fused_adam_", "aten::mul")
    kinds = by_kind([Operator(name=name, seconds=1.0, calls=1.0) for name in names])
    assert list(kinds.values()) == [1.0] * len(names)
