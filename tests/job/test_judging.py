"""Judging as a part of a run: who judges, what is written, and how a run ends by what was seen."""

import json
from pathlib import Path
from typing import Any

import pytest

import sparring
from job.conftest import SETTINGS
from job.helpers import make_pictures
from sparring.diagnose.hints import Hint
from sparring.errors import CollapsedError, UsageError
from sparring.job import train as job
from sparring.job.options import TrainOptions
from sparring.recipe import Task
from sparring.recipes.base import LEAST_JUDGED, MOST_JUDGED, judged_samples


def options(**changed: Any) -> TrainOptions:
    given: dict[str, Any] = {"data": "digits", "kimg": 2.5, "batch": 16, "settings": SETTINGS, "precision": "fp32"}
    return TrainOptions(**{**given, "device": "cpu", **changed})


def rows(run: Path) -> list[dict[str, Any]]:
    return sparring.load(run)._folder.rows()


def test_a_run_says_who_judged_it_and_what_that_took(finished_run: Path) -> None:
    judge = json.loads((finished_run / "judge.json").read_text())
    assert judge["extractor"] == "judge" and len(judge["sha256"]) == 64
    assert judge["accuracy"] > 0.95 and judge["held"] == 189
    timing = json.loads((finished_run / "timing.json").read_text())
    assert 0 < timing["judging_seconds"] < timing["training_seconds"]
    assert "Judging took" in (finished_run / "report.html").read_text()


def test_every_measure_stands_beside_its_floor(finished_run: Path) -> None:
    last = rows(finished_run)[-1]
    for name in ("fd_judge", "precision", "recall", "coverage", "diversity", "duplicates", "copies", "class_kl"):
        assert last[name] is not None and last[f"{name}_floor"] is not None, name


def test_labels_that_training_must_not_see_still_serve_the_judge(place: Path) -> None:
    last = rows(job.start(options(kimg=0.1, unconditional=True)))[-1]
    assert last["fd_judge"] is not None and last["class_kl"] is not None
    assert "class_agreement" not in last, "nobody asked for a class"


def test_pictures_without_labels_are_judged_by_random_convolutions(place: Path) -> None:
    run = job.start(options(data=str(make_pictures(place / "photos", 60)), kimg=0.1))
    assert json.loads((run / "judge.json").read_text())["extractor"] == "conv"
    last = rows(run)[-1]
    assert last["fd_conv"] is not None and "class_kl" not in last


def test_labels_that_mean_nothing_are_noted(place: Path) -> None:
    for name, first in (("a", 0), ("b", 500)):
        make_pictures(place / "photos" / name, 80, first=first)
    run = job.start(options(data=str(place / "photos"), kimg=0.1))
    judge = json.loads((run / "judge.json").read_text())
    assert judge["extractor"] == "conv" and judge["refused"]["accuracy"] < 0.9


def test_a_run_that_ends_without_variety_says_so_after_all_is_written(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hint = Hint(failure="collapse", severity="error", kimg=0.1, text="All alike.", advice="Go back.", rule="collapse")
    monkeypatch.setattr("sparring.job.play.diagnose", lambda records: [hint])
    with pytest.raises(CollapsedError, match=r"lost its variety\. All alike\. Go back\.") as ended:
        job.start(options(kimg=0.1, out=place / "run"))
    assert ended.value.exit_code == 3
    assert (place / "run" / "report.html").is_file()
    assert sparring.load(place / "run").checkpoint.images == 112


def test_a_run_until_it_converged_ends_early_and_goes_on_when_told_to(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sparring.diagnose.watch.converged", lambda records: records.kimg > 1.2)
    run = job.start(options(until_converged=True))
    assert rows(run)[-1]["kimg"] == pytest.approx(1.5, abs=0.05)
    with pytest.raises(UsageError, match=r"finished at 1\.5.* kimg"):
        job.resume(run)
    job.resume(run, kimg=2.5)
    assert rows(run)[-1]["kimg"] == pytest.approx(2.0, abs=0.06), "until the next look, at which nothing was gained"


@pytest.mark.parametrize("task", ["generate", "classify"])
@pytest.mark.parametrize("kimg", [0.032, 1, 8, 48, 200, 5_000])
def test_judging_looks_at_a_small_share(kimg: float, task: Task) -> None:
    from sparring.engine.record import looks

    count = judged_samples(kimg, task)
    assert LEAST_JUDGED <= count <= MOST_JUDGED[task]
    assert count == LEAST_JUDGED or count * looks(round(1000 * kimg)) <= 0.1 * 1000 * kimg
