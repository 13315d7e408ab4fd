"""Stopping and going on: nothing is lost, and the result is the same bytes as without a stop."""

import itertools
import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sparring
from job.conftest import SETTINGS
from job.helpers import last_checkpoint, make_classes, make_pictures, outputs, report
from sparring.data import Data
from sparring.engine.record import Progress
from sparring.engine.train import train
from sparring.errors import DataError, InterruptedRunError, MachineError, UsageError
from sparring.job import train as job
from sparring.job.options import TrainOptions
from sparring.job.play import Listeners
from sparring.job.records import FixedPictures
from sparring.runfolder import RunFolder


def options(**changed: Any) -> TrainOptions:
    given: dict[str, Any] = {
        "data": "digits",
        "kimg": 0.64,
        "batch": 16,
        "settings": SETTINGS,
        "precision": "fp32",
        "device": "cpu",
    }
    return TrainOptions(**{**given, **changed})


def stop_at(kimg: float, number: signal.Signals = signal.SIGINT) -> Listeners:
    """Sends this process a signal when the run is there."""

    def tell(progress: Progress) -> None:
        if progress.kimg >= kimg:
            signal.raise_signal(number)

    return Listeners(progress=tell)


def stopped(place: Path, *, at: float = 0.2, **changed: Any) -> Path:
    """A run that a signal stopped."""
    with pytest.raises(InterruptedRunError):
        job.start(options(out=Path("runs/one"), **changed), stop_at(at))
    return place / "runs" / "one"


def test_two_runs_of_a_seed_are_the_same_bytes_and_another_seed_is_not(place: Path, finished_run: Path) -> None:
    again = job.start(options(out=Path("runs/one")))
    assert outputs(again) == outputs(finished_run)
    assert report(again) == report(finished_run)
    other = job.start(options(out=place / "other" / "one", seed=1))
    differing = {name for name, data in outputs(other).items() if data != outputs(finished_run).get(name)}
    assert {"generator.safetensors", "discriminator.safetensors", "metrics.csv", "init.png"} <= differing


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "terminated"]
)
def test_a_signal_saves_within_a_step_and_says_how_to_go_on(place: Path, number: signal.Signals, code: int) -> None:
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(InterruptedRunError) as stop:
        job.start(options(out=place / "run"), stop_at(0.2, number))
    assert stop.value.exit_code == code
    assert "0.2" in str(stop.value) and f"sparring train --resume {place / 'run'}" in str(stop.value)
    assert json.loads(last_checkpoint(place / "run")["state.json"])["game"]["images"] == 208
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def test_stopped_and_resumed_is_the_same_as_never_stopped(place: Path, finished_run: Path) -> None:
    run = stopped(place, at=0.1)
    for kimg in (0.3, 0.5):
        with pytest.raises(InterruptedRunError):
            job.resume(run, listeners=stop_at(kimg))
    assert job.resume(run) == run
    assert outputs(run) == outputs(finished_run)
    assert report(run) == report(finished_run)


def test_stopped_in_the_middle_of_a_log_window(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sums of the half window are a part of the state."""
    asked = {"kimg": 1.2, "batch": 4}  # a row every three rounds
    whole = job.start(options(out=place / "whole" / "one", **asked))
    rounds = itertools.count()

    def interrupting(*arguments: Any, stop: Callable[[], bool], **named: Any) -> bool:
        def stop_or_signal() -> bool:
            if next(rounds) == 101:
                signal.raise_signal(signal.SIGINT)
            return stop()

        return train(*arguments, stop=stop_or_signal, **named)

    with monkeypatch.context() as patch, pytest.raises(InterruptedRunError):
        patch.setattr("sparring.job.play.train", interrupting)
        job.start(options(out=place / "torn" / "one", **asked))
    state = json.loads(last_checkpoint(place / "torn" / "one")["state.json"])
    assert state["game"]["images"] == 404 and state["window"]["rounds"] == 2
    job.resume(place / "torn" / "one")
    assert outputs(place / "torn" / "one") == outputs(whole)


def test_a_signal_before_the_first_checkpoint_is_saved_too(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reals = FixedPictures.reals

    def interrupted(self: FixedPictures, data: Data) -> None:
        signal.raise_signal(signal.SIGINT)
        reals(self, data)

    with monkeypatch.context() as patch, pytest.raises(InterruptedRunError):
        patch.setattr(FixedPictures, "reals", interrupted)
        job.start(options(out=place / "run"))
    assert json.loads(last_checkpoint(place / "run")["state.json"])["game"]["images"] == 0
    assert job.resume(place / "run") == place / "run"


def test_a_finished_run_goes_on_and_its_report_is_made_again(run_folder: Path) -> None:
    before = (run_folder / "report.html").read_text()
    with pytest.raises(UsageError, match=r"finished at 0.64 kimg.*--kimg 1.28"):
        job.resume(run_folder)
    with pytest.raises(UsageError, match="kimg already"):
        job.resume(run_folder, kimg=0.5)
    job.resume(run_folder, kimg=0.9)
    rows = (run_folder / "metrics.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in (rows[1], rows[-1])] == ["0.016", "0.912"]
    assert (run_folder / "report.html").read_text() != before
    assert json.loads((run_folder / "recipe.json").read_text())["kimg"] == 0.912


def test_a_shorter_run_made_longer_is_the_long_run(place: Path) -> None:
    """The rates of this recipe do not fall, so the end does not matter to the weights."""
    short = job.start(options(out=place / "short" / "one", kimg=0.32))
    job.resume(short, kimg=0.48)
    long = job.start(options(out=place / "long" / "one", kimg=0.48))
    weights = {name: data for name, data in last_checkpoint(long).items() if name.endswith(".safetensors")}
    assert {name: last_checkpoint(short)[name] for name in weights} == weights


def test_a_run_killed_in_its_report_gets_it(place: Path, run_folder: Path) -> None:
    report = run_folder / "report.html"
    report.unlink()
    assert job.resume(run_folder) == run_folder
    assert report.read_text().count("<html") == 1


def test_a_path_called_like_the_data_set_is_not_read_instead(place: Path) -> None:
    run = stopped(place)
    (place / "digits").mkdir()
    with pytest.raises(UsageError, match="in the way"):
        job.resume(run)
    (place / "digits").rmdir()
    assert job.resume(run) == run


def test_a_damaged_last_checkpoint_costs_only_the_way_from_the_one_before(place: Path, finished_run: Path) -> None:
    run = stopped(place)
    with pytest.raises(InterruptedRunError):
        job.resume(run, listeners=stop_at(0.4))
    newest = max(path for path in (run / "checkpoints").iterdir() if path.name.isdecimal())
    (newest / "generator.safetensors").write_bytes(b"not what was written")
    notes: list[str] = []
    job.resume(run, listeners=Listeners(note=notes.append))
    assert any(newest.name in note and "damaged" in note for note in notes)
    assert outputs(run) == outputs(finished_run)


def test_no_whole_checkpoint(run_folder: Path) -> None:
    for weights in (run_folder / "checkpoints").glob("*/generator.safetensors"):
        weights.write_bytes(b"")
    with pytest.raises(MachineError, match="--like"):
        job.resume(run_folder, kimg=2)


def test_a_recipe_that_was_edited_no_longer_fits_the_checkpoint(run_folder: Path) -> None:
    path = run_folder / "recipe.json"
    recipe = json.loads(path.read_text())
    recipe["players"]["generator"]["model"]["settings"]["width"] = 6
    path.write_text(json.dumps(recipe))
    table = (run_folder / "metrics.csv").read_bytes()
    with pytest.raises(UsageError, match=r"does not fit the run's recipe.json"):
        job.resume(run_folder, kimg=2)
    with pytest.raises(UsageError, match=r"does not fit the run's recipe.json"):
        sparring.load(run_folder).sample(2)
    assert (run_folder / "metrics.csv").read_bytes() == table


# -- the data between stop and resume ----------------------------------------------------------------------------------


@pytest.fixture
def photos_run(place: Path) -> Path:
    """A stopped run of two classes of pictures, begun with a relative path."""
    make_classes(place / "photos", cat=30, dog=30)
    return stopped(place, at=0.05, data="photos", kimg=0.1, batch=8)


def test_it_goes_on_from_any_folder(photos_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert job.resume(photos_run) == photos_run


def test_gone_data(photos_run: Path, place: Path) -> None:
    (place / "photos").rename(place / "moved")
    with pytest.raises(DataError, match=r"photos: gone.*back"):
        job.resume(photos_run)
    (place / "moved").rename(place / "photos")
    assert job.resume(photos_run) == photos_run


@pytest.mark.parametrize("again", [job.resume, job.start_like])
def test_another_class_is_an_error(photos_run: Path, place: Path, again: Callable[[Path], Path]) -> None:
    make_pictures(place / "photos" / "owl", 5, first=5000)
    with pytest.raises(DataError, match=r"cat, dog, now.*cat, dog, owl"):
        again(photos_run)
    shutil.rmtree(place / "photos" / "owl")
    again(photos_run)


def test_another_picture_is_a_note(photos_run: Path, place: Path) -> None:
    make_pictures(place / "photos" / "cat", 1, first=7000)
    notes: list[str] = []
    job.resume(photos_run, listeners=Listeners(note=notes.append))
    assert len(notes) == 2 and "have changed since the run began" in notes[0]
    assert "the judge is not the one that the run began with" in notes[1]


def test_another_machine_is_a_note(photos_run: Path) -> None:
    path = photos_run / "environment.json"
    environment = json.loads(path.read_text())
    environment["torch"], environment["threads"] = "1.0", 99
    path.write_text(json.dumps(environment))
    notes: list[str] = []
    job.resume(photos_run, listeners=Listeners(note=notes.append))
    assert [note.split(" ")[0] for note in notes] == ["torch", "threads"]


def test_a_run_of_a_gpu_on_a_machine_without(photos_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = photos_run / "environment.json"
    environment = json.loads(path.read_text())
    environment["device"] = "NVIDIA H100"
    path.write_text(json.dumps(environment))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UsageError, match="--device cpu"):
        job.resume(photos_run)
    assert job.resume(photos_run, device="cpu") == photos_run


# -- one like another --------------------------------------------------------------------------------------------------


def test_like_starts_again_from_recipe_and_data(place: Path, finished_run: Path) -> None:
    again = job.start_like(finished_run, out=place / "runs" / "one")
    assert outputs(again) == outputs(finished_run)
    assert (again / "command.txt").read_text() == f"sparring train --like {finished_run}\n"
    other = job.start_like(finished_run, out=place / "other", seed=5)
    recipe = json.loads((other / "recipe.json").read_text())
    assert recipe["seed"] == 5
    assert last_checkpoint(other)["generator.safetensors"] != last_checkpoint(finished_run)["generator.safetensors"]


def test_latest_is_the_newest(place: Path) -> None:
    for number in (1, 2):
        job.start(options(kimg=0.032))
        assert (place / "runs" / "latest").read_text() == f"digits-gan-00{number}\n"
    job.resume("runs/latest", kimg=0.064)
    assert (place / "runs" / "digits-gan-002" / "metrics.csv").read_text().splitlines()[-1].startswith("0.064,")


# -- locks -------------------------------------------------------------------------------------------------------------


def test_two_can_not_train_in_one_folder(run_folder: Path) -> None:
    other = RunFolder.open(run_folder)
    other.lock()
    with pytest.raises(UsageError, match="another process"):
        job.resume(run_folder, kimg=2)
    other.unlock()
    job.resume(run_folder, kimg=0.7)


def test_a_failed_run_does_not_keep_its_lock(place: Path, run_folder: Path) -> None:
    class RefusedError(Exception):
        pass

    def fail(progress: Progress) -> None:
        raise RefusedError

    with pytest.raises(RefusedError):
        job.start(options(out=place / "run"), Listeners(progress=fail))
    assert job.resume(place / "run") == place / "run"
    with pytest.raises(RefusedError):
        job.resume(run_folder, kimg=0.8, listeners=Listeners(progress=fail))
    assert job.resume(run_folder) == run_folder
