"""`sparring report`: the page again, of any run folder."""

import json
import shutil
from pathlib import Path

import pytest

from cli.conftest import Command
from job.helpers import digest


def test_the_page_of_a_run_is_built_again_from_its_records_alone(sparring: Command, run_folder: Path) -> None:
    page = run_folder / "report.html"
    page.unlink()
    records = digest(run_folder)
    ended = sparring("report", run_folder)
    assert (ended.code, ended.err, ended.lines) == (0, "", [str(page)])
    first = page.read_bytes()
    page.unlink()
    assert digest(run_folder) == records
    sparring("report", run_folder)
    assert page.read_bytes() == first


def test_a_run_that_is_still_trained_has_one_too(sparring: Command, run_folder: Path) -> None:
    shutil.rmtree(run_folder / "checkpoints")
    (run_folder / "report.html").unlink()
    (run_folder / "timing.json").unlink(missing_ok=True)
    found = json.loads(sparring("report", run_folder, "--json").out)
    assert found == {"run": str(run_folder), "report": str(run_folder / "report.html")}
    assert (run_folder / "report.html").is_file()


def test_an_evaluation_is_shown(sparring: Command, run_folder: Path) -> None:
    assert sparring("evaluate", run_folder, "--seeds", "1", "-n", "60").code == 0
    sparring("report", run_folder)
    text = (run_folder / "report.html").read_text(encoding="utf-8")
    assert "60 samples a seed (seeds 0) against 60 reals of digits, part validation" in text
    assert "copying_test" in text


@pytest.mark.parametrize("name", ["no-such-run", "samples"])
def test_what_is_no_run_is_said_to_be_none(sparring: Command, run_folder: Path, name: str) -> None:
    ended = sparring("report", run_folder / name)
    assert ended.code == 2 and name in ended.err


def test_a_record_that_was_changed_by_hand_is_named(sparring: Command, run_folder: Path) -> None:
    (run_folder / "evaluation.json").write_text("{")
    ended = sparring("report", run_folder)
    assert ended.code == 2 and "evaluation.json: not JSON" in ended.err
