"""metrics.csv and events.jsonl: the same bits back, whole lines only."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sparring.errors import UsageError
from sparring.runfolder import RunFolder

_COLUMNS = {"kimg": "thousands of reals seen", "loss": "a | loss,\nin two lines", "phase": "a word"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.one_of(st.none(), st.floats(), st.integers()), min_size=1, max_size=8))
def test_numbers_come_back_with_the_same_bits(folder: RunFolder, values: list[float | int | None]) -> None:
    (folder.path / "metrics.csv").unlink(missing_ok=True)
    folder.start_table(_COLUMNS)
    for value in values:
        folder.append_row({"kimg": value})
    read = [row["kimg"] for row in folder.rows()]
    for value, again in zip(values, read, strict=True):
        assert type(again) is type(value)
        assert again == value or (isinstance(value, float) and math.isnan(value))
        if isinstance(value, float) and isinstance(again, float):
            assert math.copysign(1, value) == math.copysign(1, again) or math.isnan(value)


def test_the_file_is_a_plain_csv(folder: RunFolder) -> None:
    folder.start_table(_COLUMNS)
    folder.append_row({"kimg": 0.5, "loss": np.float64(0.1), "phase": 'a, "b"\nc'})
    folder.append_row({"loss": 3, "kimg": None})
    with (folder.path / "metrics.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["kimg", "loss", "phase"], ["0.5", "0.1", 'a, "b" c'], ["", "3", ""]]
    assert folder.rows()[1] == {"kimg": None, "loss": 3, "phase": None}


def test_an_unknown_column_is_refused(folder: RunFolder) -> None:
    folder.start_table(_COLUMNS)
    with pytest.raises(ValueError, match=r"no column los; its columns: kimg, loss, phase"):
        folder.append_row({"los": 1.0})
    assert folder.rows() == []


def test_meanings_are_written_and_read(folder: RunFolder) -> None:
    folder.start_table(_COLUMNS)
    assert folder.meanings() == {**_COLUMNS, "loss": "a | loss, in two lines"}
    assert "| `loss` |" in (folder.path / "METRICS.md").read_text()


def test_a_resumed_run_goes_on_with_its_table(folder: RunFolder) -> None:
    folder.start_table(_COLUMNS)
    folder.append_row({"kimg": 1.0})
    with (folder.path / "metrics.csv").open("ab") as file:
        file.write(b"2.0,0.")
    again = RunFolder.open(folder.path)
    assert [row["kimg"] for row in again.rows()] == [1.0]
    again.start_table(_COLUMNS)
    again.append_row({"kimg": 3.0})
    assert [row["kimg"] for row in again.rows()] == [1.0, 3.0]


def test_other_columns_are_refused_and_named(folder: RunFolder) -> None:
    folder.start_table(_COLUMNS)
    with pytest.raises(UsageError, match="without phase and with fd_digits"):
        folder.start_table({"kimg": "", "loss": "", "fd_digits": ""})
    with pytest.raises(UsageError, match="in another order"):
        folder.start_table(dict(reversed(_COLUMNS.items())))


def test_events_are_strict_json_lines(folder: RunFolder) -> None:
    values = {"grad": float("inf"), "list": [float("nan"), 1], "x": 0.1 + 0.2, "n": {"deep": -math.inf}}
    folder.append_event(kimg=1.5, kind="spike", severity="error", values=values, text="Größer als erwartet\n2")
    lines = (folder.path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    event = json.loads(lines[0], parse_constant=refuse)
    expected = {"grad": "inf", "list": ["nan", 1], "x": 0.1 + 0.2, "n": {"deep": "-inf"}}
    assert event == {
        "kimg": 1.5,
        "kind": "spike",
        "severity": "error",
        "values": expected,
        "text": "Größer als erwartet\n2",
    }
    assert folder.events() == [event]


def test_a_torn_event_does_not_count_and_a_changed_one_is_named(folder: RunFolder, tmp_path: Path) -> None:
    assert folder.events() == []
    folder.append_event(kimg=1.0, kind="a", severity="info", values={}, text="")
    with (folder.path / "events.jsonl").open("ab") as file:
        file.write(b'{"kimg": 2.0, "ki')
    assert [event["kimg"] for event in folder.events()] == [1.0]
    (folder.path / "events.jsonl").write_text('{"kimg": 1}\nwhat\n')
    with pytest.raises(UsageError, match=r"events\.jsonl, line 2: not JSON"):
        folder.events()
