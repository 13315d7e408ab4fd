"""`sparring evaluate`: what is printed of a run and of a file, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from cli.conftest import Command


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    second = np.clip(0.5 + 0.3 * (labels - 0.5) + rng.normal(0, 0.2, 200), 0, 1)
    np.savez(tmp_path / "predictions.npz", labels=labels, probabilities=np.column_stack([1 - second, second]))
    return tmp_path / "predictions.npz"


def test_a_table_under_its_conditions(sparring: Command, run_folder: Path) -> None:
    ended = sparring("evaluate", run_folder, "-n", "60", "--seeds", "2", "--extractor", "conv")
    assert ended.code == 0 and not ended.err
    assert ended.lines[0] == "copy: best checkpoint, 0.64 kimg, averaged weights, truncation 1"
    assert ended.lines[1] == (
        "60 samples a seed (seeds 0, 1) against 60 reals of digits, part validation; floors: 60 reals"
    )
    heads = next(line for line in ended.lines if line.startswith("measure"))
    assert heads.split() == ["measure", "value", "sd", "floor", "blurred", "no", "class", "doubled", "better"]
    distance = next(line for line in ended.lines if line.startswith("fd_conv")).split()
    assert len(distance) == 8 and distance[-1] == "lower"
    assert max(map(len, ended.lines)) <= 120
    assert ended.lines[-1] == str(run_folder / "evaluation.json")


def test_json_is_what_lies_in_the_run(sparring: Command, run_folder: Path) -> None:
    ended = sparring("evaluate", run_folder, "-n", "30", "--seeds", "1", "--extractor", "conv", "--json")
    found = json.loads(ended.out)
    assert found == json.loads((run_folder / "evaluation.json").read_text())
    row = next(row for row in found["evaluations"][0]["rows"] if row["measure"] == "recall")
    assert row["better"] == "higher" and row["floor"] > row["value"] and "k = 5" in row["note"]


def test_classifiers_learn_from_samples_where_that_is_asked_for(sparring: Command, run_folder: Path) -> None:
    ended = sparring("evaluate", run_folder, "-n", "40", "--seeds", "1", "--cas", "--json")
    rows = {row["measure"]: row for row in json.loads(ended.out)["evaluations"][0]["rows"]}
    assert rows["cas"]["floor"] == rows["cas_reverse"]["floor"] > 0.9
    assert rows["cas"]["value"] < 0.7  # 640 pictures do not make a generator
    assert "learned from" in rows["cas"]["note"]


def test_a_file_of_predictions(sparring: Command, predictions: Path) -> None:
    ended = sparring("evaluate", predictions, "--min-recall", "0.9")
    assert ended.code == 0 and not ended.err
    assert "200 examples" in ended.lines[0]
    names = {line.split()[0] for line in ended.lines if line}
    assert {"accuracy", "roc_auc", "threshold", "recall_at_threshold"} <= names
    assert "confusion matrix: rows are labels, columns predictions" in ended.lines
    found = json.loads(sparring("evaluate", predictions, "--json").out)
    assert found["count"] == 200 and 0.6 < found["rows"][0]["value"] < 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("copy", "--extractor", "juge"), 2, "Did you mean 'judge'?"),
        (("copy", "--extractor", "no.onnx"), 2, ".onnx"),
        (("copy", "-n", "9"), 2, "-n 9: expected 10 to"),
        (("copy", "--seeds", "0"), 2, "--seeds 0: expected 1 to 100"),
        (("copy", "--against", "no-such-data"), 2, "no-such-data"),
        (("copy", "--min-recall", "0.9"), 2, "this run is none"),
        (("copy", "--extractor", "conv", "--robust"), 2, "--robust: conv tells no 10 classes"),
        (("copyy",), 2, "Did you mean 'copy'?"),
        (("none.npz",), 5, "none.npz"),
        (("none.csv", "--cas"), 2, "--cas is for runs"),
        (("none.csv", "-n", "100"), 2, "--count is for runs"),
    ],
)
def test_what_can_not_be_measured_is_refused(
    sparring: Command, run_folder: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    ended = sparring("evaluate", *words)
    assert (ended.code, ended.out) == (code, "") and said in ended.err
    assert not (run_folder / "evaluation.json").exists()
