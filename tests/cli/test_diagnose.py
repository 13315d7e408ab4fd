"""`sparring diagnose`: hints in words, as JSON, and the exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Ended
from diagnose.helpers import gan
from sparring.cli.diagnose import Diagnose
from sparring.diagnose import Records
from sparring.errors import UsageError
from sparring.runfolder import RunFolder


def written(records: Records, path: Path) -> Path:
    """A run folder that holds these records."""
    folder = RunFolder.create(path, name="made-up")
    folder.write_json("recipe.json", dict(records.recipe))
    folder.write_json("data.json", dict(records.data))
    folder.start_table(dict.fromkeys(records.columns, "as in the tests of the rules"))
    for row in records.rows:
        folder.append_row(row)
    folder.unlock()
    return path


def ended(path: Path, capsys: pytest.CaptureFixture[str], *, as_json: bool = False) -> Ended:
    code: Any = 0
    try:
        Diagnose(run_folder=path, json=as_json).run()
    except SystemExit as stop:
        code = stop.code
    said = capsys.readouterr()
    return Ended(code, said.out, said.err)


def test_a_sound_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = ended(written(gan(), tmp_path / "run"), capsys)
    assert found.code == 0
    assert found.lines[0] == "12 rows until 48 kimg: nothing wrong is seen"


def test_a_collapsed_run_is_told_in_words_and_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = gan(lambda kimg: {"diversity": 0.05, "recall": 0.01} if kimg >= 6 else {})
    found = ended(written(records, tmp_path / "run"), capsys)
    assert found.code == 3
    assert found.lines[1].startswith("error: collapse (since ") and found.lines[2].startswith("  do: ")


def test_numbers_that_are_not_finite_end_with_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = gan(lambda kimg: {"signal": float("inf")} if kimg >= 6 else {})
    assert ended(written(records, tmp_path / "run"), capsys).code == 4


def test_what_is_over_is_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = gan(lambda kimg: {"copies": 0.3 if 3 <= kimg <= 8 else 0.01})
    path = written(records, tmp_path / "run")
    assert any(line.startswith("over: copying (told at 4 kimg)") for line in ended(path, capsys).lines)
    told = json.loads(ended(path, capsys, as_json=True).out)
    assert [hint["rule"] for hint in told["over"]] == ["copying"]
    assert "copying" not in [hint["rule"] for hint in told["hints"]]


def test_json_holds_the_evidence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = gan(lambda kimg: {"copies": 0.1})
    found = json.loads(ended(written(records, tmp_path / "run"), capsys, as_json=True).out)
    hint = next(hint for hint in found["hints"] if hint["rule"] == "copying")
    assert hint["values"]["copies"] == 0.1 and hint["severity"] == "warning" and hint["advice"]


def test_diagnosing_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(gan(), tmp_path / "run")
    before = {each: each.read_bytes() for each in path.rglob("*") if each.is_file()}
    ended(path, capsys)
    assert {each: each.read_bytes() for each in path.rglob("*") if each.is_file()} == before


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a run folder"):
        Diagnose(run_folder=tmp_path).run()
