"""`sparring joint`: what it prints of the worked example, and what it refuses."""

import json
from pathlib import Path

import pytest

from sparring.cli.main import main

ROWS = ["a,b,y", *["0,0,1", "0,0,1", "0,1,1", "0,1,0", "0,1,1", "1,0,0", "1,1,0", "1,1,0", "1,1,0", "1,1,1"]]


@pytest.fixture
def worked(tmp_path: Path) -> Path:
    path = tmp_path / "worked.csv"
    path.write_text("\n".join(ROWS) + "\n", encoding="utf-8")
    return path


def told(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[str, int]:
    """What is printed, and the exit code."""
    with pytest.raises(SystemExit) as ended:
        main(["joint", *map(str, words)])
    captured = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return captured.out + captured.err, ended.value.code


def test_table(worked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, worked)[0].splitlines()
    assert lines[0] == "10 rows; y is y: P(0) = 1/2, P(1) = 1/2"
    assert [line.split() for line in lines[2:]] == [
        ["0", "0", "1/5", "0", "1/5", "0", "2/5", "0", "1"],
        ["0", "1", "3/10", "1/10", "1/5", "1/5", "2/5", "1/3", "2/3"],
        ["1", "0", "1/10", "1/10", "0", "1/5", "0", "1", "0"],
        ["1", "1", "2/5", "3/10", "1/10", "3/5", "1/5", "3/4", "1/4"],
    ]


def test_given_and_samples(worked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "P(y=0 | x) = 3/4" in told(capsys, worked, "--given", "b=1,a=1")[0]
    drawn = told(capsys, worked, "--sample", 3, "--seed", 1)[0].splitlines()
    assert len(drawn) == 3
    assert all(line.startswith("u = 0.") for line in drawn)


def test_json(worked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(told(capsys, worked, "--json", "--given", "a=0,b=1")[0])
    assert found["table"][1]["p_x_given_y"] == {"0": "1/5", "1": "2/5"}
    assert found["given"] == {"p_y_given_x": {"0": "1/3", "1": "2/3"}, "prediction": ["1"]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--given", "a=0"), "expected a value for each column of x, as a=0,b=0"),
        (("--given", "a=7,b=0"), "none of the 10 rows has a=7, b=0"),
        (("--target", "z"), "there is no column 'z'. There are a, b, y."),
        (("--sample", "-1"), "expected 0 or more"),
    ],
)
def test_refused(worked: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str) -> None:
    text, code = told(capsys, worked, *words)
    assert said in text
    assert code == 2


def test_no_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, code = told(capsys, tmp_path / "none.csv")
    assert "none.csv" in text
    assert code == 5
