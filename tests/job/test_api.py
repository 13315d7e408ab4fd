"""The verbs from Python: three lines, no guard, any thread, nothing left behind."""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

import sparring
from job.conftest import SETTINGS
from job.helpers import digest, environment, make_pictures, outputs
from sparring.engine.record import Progress
from sparring.errors import DataError, UsageError
from sparring.job import train as job
from sparring.job.options import TrainOptions
from sparring.job.play import Listeners
from sparring.job.run import Run

SCRIPT = """
import sparring
run = sparring.train("photos/", kimg=0.032, batch=8, settings=["generator.width=4", "discriminator.width=4"])
print(run.sample(8).shape)
print(run.metrics["kimg"])
"""


def test_three_lines_in_a_script_without_a_guard(place: Path, tmp_path: Path) -> None:
    make_pictures(place / "photos", 60)
    (place / "mine.py").write_text(SCRIPT)
    # A module of the user's own beside the script must not be taken for one of the standard library's.
    (place / "queue.py").write_text("raise RuntimeError('not for you')")
    done = subprocess.run(
        [sys.executable, "-P", "mine.py"],
        cwd=place,
        capture_output=True,
        text=True,
        env=environment(SPARRING_CACHE=str(tmp_path / "cache")),
        timeout=100,
    )
    assert done.stdout.splitlines() == ["(8, 12, 12, 3)", "[0.008, 0.016, 0.024, 0.032]"], done.stderr
    assert not done.stderr


def small(out: str, **given: object) -> Run:
    options = {"kimg": 0.064, "batch": 16, "settings": SETTINGS, "device": "cpu", "precision": "fp32"}
    return sparring.train("digits", out=out, **{**options, **given})  # type: ignore[arg-type]


def test_twice_in_one_process_and_from_a_thread() -> None:
    first, second = small("a/one"), small("b/one")
    made: list[Run] = []
    thread = threading.Thread(target=lambda: made.append(small("c/one")))
    thread.start()
    thread.join(timeout=60)
    assert outputs(first.path) == outputs(second.path) == outputs(made[0].path)


def test_the_callers_random_numbers_are_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    small("one").sample(4)
    assert torch.equal(torch.rand(3), expected)


def test_a_run_tells_its_story(finished_run: Path) -> None:
    run = sparring.load(finished_run)
    assert run.path == finished_run and repr(run) == f"Run({str(finished_run)!r})"
    assert run.recipe.name == "gan" and run.spec.classes == tuple("0123456789")
    lengths = {len(values) for values in run.metrics.values()}
    assert len(lengths) == 1 and run.metrics["kimg"][-1] == 0.64
    assert run.metrics["fd_judge"][-1] > run.metrics["fd_judge_floor"][-1] > 0 and run.metrics["fd_judge"][0] is None


def test_samples_depend_on_seed_and_number_alone(finished_run: Path) -> None:
    run = sparring.load(finished_run)
    many = run.sample(130)
    assert many.shape == (130, 8, 8, 1) and many.dtype == np.uint8
    for count in (1, 63, 64, 65):
        assert np.array_equal(run.sample(count), many[:count])
    assert not np.array_equal(run.sample(8, seed=1), many[:8])
    assert np.array_equal(sparring.load(finished_run).sample(8), many[:8])


def test_sampling_while_it_trains(place: Path) -> None:
    seen: list[np.ndarray] = []

    def look(progress: Progress) -> None:
        if not seen:
            seen.append(sparring.load("runs/latest").sample(3))

    options = TrainOptions(data="digits", kimg=0.064, batch=16, settings=SETTINGS, device="cpu")
    run = Run(job.start(options, Listeners(progress=look)))
    assert seen[0].shape == (3, 8, 8, 1)
    assert not np.array_equal(seen[0], run.sample(3))


def test_check_and_resume(place: Path) -> None:
    make_pictures(place / "photos", 30)
    before = digest(place)
    assert sparring.check("photos").parts["train"].pictures == 30
    assert digest(place) == before
    run = small("one")
    assert sparring.resume(run.path, kimg=0.08).metrics["kimg"][-1] == 0.08


def test_errors_are_those_of_the_command_line(place: Path) -> None:
    with pytest.raises(UsageError, match="dcgan"):
        sparring.train("digits", recipe="dgcan")
    with pytest.raises(DataError, match="no such file"):
        sparring.train(place / "nowhere")
    with pytest.raises(UsageError, match="no such run"):
        sparring.load("runs/latest")
    assert not list(place.iterdir())
