"""`sparring compare`: what is printed, what lies in the files, and what is refused."""

import json
import shutil
from pathlib import Path

import pytest

from cli.conftest import Command
from sparring.pictures import read_provenance


@pytest.fixture
def other(run_folder: Path, place: Path) -> Path:
    """A run like the first one but for two settings."""
    folder = shutil.copytree(run_folder, place / "other")
    recipe = json.loads((folder / "recipe.json").read_text())
    recipe["seed"] = 5
    recipe["players"]["generator"]["lr"] = 0.01
    (folder / "recipe.json").write_text(json.dumps(recipe))
    return folder


def test_what_differs_and_what_was_measured_is_printed_and_written(
    sparring: Command, run_folder: Path, other: Path, tmp_path: Path
) -> None:
    ended = sparring("compare", run_folder, other, "--out", tmp_path / "both")
    assert ended.code == 0 and not ended.err
    assert ended.lines[-1] == str(tmp_path / "both" / "compare.html")
    words = " ".join(ended.out.split())
    assert "players.generator.lr 0.002 0.01" in words and "seed 0 5" in words
    assert "fd_" in words and "floor" in words
    assert sorted(path.name for path in (tmp_path / "both").iterdir()) == [
        "compare.html",
        "compare.json",
        "compare.png",
    ]
    assert read_provenance(tmp_path / "both" / "compare.png") == {"runs": "copy, other", "seed": 0}


def test_by_default_comparisons_are_numbered_beside_the_runs(
    sparring: Command, run_folder: Path, other: Path, place: Path
) -> None:
    for number in (1, 2):
        ended = sparring("compare", run_folder, other)
        assert ended.lines[-1] == str(place / "runs" / f"compare-{number:03}" / "compare.html")


def test_json_is_the_whole_comparison(sparring: Command, run_folder: Path, other: Path, tmp_path: Path) -> None:
    found = json.loads(sparring("compare", run_folder, other, "--out", tmp_path / "a", "--json").out)
    assert found == json.loads((tmp_path / "a" / "compare.json").read_text())
    assert found["runs"] == ["copy", "other"] and found["kimg"] == [0.64, 0.64]
    assert found["differences"] == {"players.generator.lr": [0.002, 0.01], "seed": [0, 5]}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("copy",), "1 runs to compare: expected 2 to 8"),
        (("copy", "copy"), "given twice"),
        (("copy", "cpy"), "Did you mean 'copy'?"),
        (("copy", "other", "--seed", "-1"), "--seed -1"),
        (("copy", "other", "--out", "other"), "holds a run already"),
    ],
)
def test_what_can_not_be_compared_is_refused(
    sparring: Command, run_folder: Path, other: Path, words: tuple[str, ...], said: str
) -> None:
    ended = sparring("compare", *words)
    assert ended.code == 2 and said in ended.err
    assert not Path("runs").exists()
