"""How the calibration spoils data and games, and how it counts; the runs themselves are benchmarks/diagnose."""

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from diagnose.helpers import gan
from sparring.diagnose import history

pytest.importorskip("benchmarks.diagnose", reason="benchmarks are not a part of the package")

from benchmarks.diagnose import judging, tampering
from benchmarks.diagnose.cases import HEALTHY, PARTS, SABOTAGES, Case, cases
from benchmarks.diagnose.making import Outcome

from sparring.diagnose.hints import Failure


def arrays(change: tampering.DataName, place: Path) -> dict[str, Any]:
    path = tampering.write_data(tampering.sound_data("digits", place), change, place / "data.npz", seed=3)
    with np.load(path) as file:
        return dict(file)


def test_sound_data_are_the_digits_in_two_parts(tmp_path: Path) -> None:
    found = arrays("as-is", tmp_path)
    assert (len(found["train_images"]), len(found["val_images"])) == (1_497, 300)
    assert found["train_images"].max() == 255 and set(found["val_labels"]) == set(range(10))


def test_what_is_done_to_data(tmp_path: Path) -> None:
    sound = arrays("as-is", tmp_path)
    one, few, noise, shuffled = (
        arrays(change, tmp_path) for change in ("one-class", "few", "noise", "labels-shuffled")
    )
    assert len(set(one["train_labels"])) == 1 and set(one["train_labels"]) == set(one["val_labels"])
    assert len(few["train_images"]) == len(few["train_labels"]) == tampering.FEW
    assert (few["val_images"] == sound["val_images"]).all()
    assert noise["train_images"].std() > 70 and (noise["train_labels"] == sound["train_labels"]).all()
    assert sorted(shuffled["train_labels"]) == sorted(sound["train_labels"])
    assert (shuffled["train_labels"] == sound["train_labels"]).mean() < 0.2


@pytest.mark.parametrize("part", PARTS)
def test_there_are_enough_runs_of_both_kinds(part: Any) -> None:
    whole = [case for source in tampering.SOURCES for case in cases(part, source)]
    sound = sum(case.is_sound for case in whole)
    assert sound >= 20 and len(whole) - sound >= 20
    assert len({case.folder for case in whole}) == len(whole)


def test_the_parts_have_no_seed_in_common() -> None:
    seeds = [{c.seed for source in tampering.SOURCES for c in cases(part, source)} for part in PARTS]
    assert not seeds[0] & seeds[1]


def test_kinds_that_are_right_exist() -> None:
    known = set(get_args(Failure))
    assert all(way.failures and set(way.failures) <= known for way in SABOTAGES.values())
    assert not any(way.failures for way in HEALTHY.values())


def outcome(distance: float | None, *, stopped: str = "") -> Outcome:
    return Outcome(
        kimg=3.0, seconds=1.0, stopped=stopped, distance=distance, agreement=0.9, copies=0.2, copies_floor=0.01
    )


def run(name: str, *told: judging.Told, distance: float = 100.0, harmed: bool = True) -> judging.Judged:
    case = Case(part="fit", source="digits", name=name, seed=0)
    return judging.Judged(case=case, outcome=outcome(distance), harmed=harmed, told=told, budget=32.0)


def test_found_is_the_right_kind_in_the_first_fifth() -> None:
    def told(failure: str, kimg: float) -> judging.Told:
        return judging.Told(rule="some", failure=failure, kimg=kimg)

    assert run("one-dimension", told("collapse", 6.4)).in_time
    assert not run("one-dimension", told("collapse", 6.5)).in_time
    assert not run("one-dimension", told("copying", 1.0)).in_time


def test_counts() -> None:
    early = judging.Told(rule="collapse", failure="collapse", kimg=2.0)
    runs = [
        run("one-dimension", early),
        run("one-dimension"),
        run("one-dimension", early, harmed=False),
        run("memorised", early),
        run("sound-labelled", early, harmed=False),
        run("sound-labelled", harmed=False),
    ]
    found = judging.figures(runs)
    assert (found["harmed"]["k"], found["harmed"]["n"]) == (3, 4)
    assert (found["found"]["k"], found["found"]["n"]) == (1, 3)
    assert (found["false_alarms"]["k"], found["false_alarms"]["n"]) == (1, 2)
    collapse = found["rules"]["collapse"]
    assert (collapse["found"]["k"], collapse["missed"], collapse["on_other_sabotages"]) == (1, 1, 1)
    assert found["sabotages"]["one-dimension"]["first_told_by"] == ["collapse"]
    assert "1 of 2 (9 to 91 %)" in judging.table(found)


def test_harm_is_measured_by_the_sound_runs() -> None:
    usual = judging._Usual(distance=10.0, agreement=0.9)

    def harmed(name: str, found: Outcome) -> bool:
        return judging._harmed(Case(part="fit", source="digits", name=name, seed=0), found, usual)

    assert harmed("one-dimension", outcome(31.0)) and not harmed("one-dimension", outcome(29.0))
    assert harmed("memorised", outcome(1.0)), "copies over three times their floor, whatever the distance"
    assert harmed("not-finite", outcome(None))
    assert not harmed("labels-shuffled", outcome(1.0))


def test_a_run_that_ended_itself_counts_as_told() -> None:
    records = gan(lambda kimg: {"copies": 0.3})
    told = judging._told(history(records), outcome(None, stopped="DivergedError"))
    assert [each.rule for each in told if each.rule in ("copying", judging.STOP)] == ["copying", judging.STOP]
