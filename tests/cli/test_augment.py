"""`sparring augment`: what lies in the files, what is refused, and what the proof prints."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli.conftest import Command
from job.helpers import digest, make_classes, make_pictures
from sparring.data import open_data
from sparring.pictures import read_provenance

PROVING = (
    *("--prove", "--recipe", "mlp", "--kimg", "0.5", "--seeds", "2", "--checkpoint", "last"),
    *("--set", "classifier.width=16"),
)


def test_pictures_lie_in_a_folder_of_their_class_and_say_where_they_came_from(
    sparring: Command, run_folder: Path, tmp_path: Path
) -> None:
    ended = sparring("augment", run_folder, "--class", "3", "-n", "12", "--out", tmp_path / "made")
    assert ended.code == 0
    folder = Path(ended.lines[-1])
    assert folder == tmp_path / "made" / "3"
    files = sorted(folder.iterdir())
    assert len(files) == 12 and files[4].name == "made-by-copy-at-0.64-kimg-seed-0-0004.png"
    wanted = {"run": "copy", "kimg": 0.64, "seed": 0, "truncation": 1.0, "class": "3", "number": 4}
    assert read_provenance(files[4]) == wanted
    sparring("sample", run_folder, "-n", "12", "--class", "3", "--checkpoint", "last", "--out", tmp_path / "sampled")
    for number, path in enumerate(files):
        assert Image.open(path).tobytes() == Image.open(tmp_path / "sampled" / f"{number:04}.png").tobytes()


def test_they_are_read_as_training_pictures_beside_real_ones(
    sparring: Command, run_folder: Path, tmp_path: Path
) -> None:
    photos = make_classes(tmp_path / "photos" / "train", **{"3": 20, "4": 20}).parent
    make_classes(photos / "test", **{"3": 4, "4": 4})
    ended = sparring("augment", run_folder, "--class", "3", "-n", "15", "--out", photos / "train")
    assert ended.code == 0 and "PHOTOS/train/3/" in ended.out
    data = open_data(str(photos), size=8, channels=1)
    counts = [np.bincount(np.concatenate([data.labels[part] for part in ("train", "validation")])), data.labels["test"]]
    assert counts[0].tolist() == [35, 20] and len(counts[1]) == 8


def test_nothing_is_written_over(sparring: Command, run_folder: Path, tmp_path: Path) -> None:
    make_pictures(tmp_path / "photos" / "3", 3)
    words = ("augment", run_folder, "--class", "3", "-n", "3", "--out", tmp_path / "photos")
    assert sparring(*words, "--json").code == 0
    before = digest(tmp_path / "photos")
    ended = sparring(*words)
    assert ended.code == 2 and "is there already, and nothing is written over" in ended.err
    assert digest(tmp_path / "photos") == before
    assert len(list((tmp_path / "photos" / "3").iterdir())) == 6


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "--class: of which class? Training pictures: "),
        (("--class", "eleven"), "unknown class 'eleven'"),
        (("--class", "3", "-n", "0"), "0 samples asked for"),
        (("--class", "3", "--seeds", "3"), "--seeds is for --prove"),
        (("--class", "3", "--prove", "--seeds", "1"), "--seeds 1: expected 2 to 100"),
        (("--class", "3", "--prove", "--margin", "0"), "--margin 0: expected a share above 0"),
        (("--class", "3", "--prove", "--recipe", "gan"), "recipe 'gan' is there to generate"),
        (("--class", "3", "--prove", "--checkpoint", "best"), "have no part `test`"),
    ],
)
def test_what_can_not_be_is_said(sparring: Command, run_folder: Path, words: tuple[str, ...], message: str) -> None:
    before = digest(run_folder)
    ended = sparring("augment", run_folder, *words)
    assert ended.code == 2 and message in ended.err
    assert digest(run_folder) == before


def test_the_proof_is_a_table_and_json(sparring: Command, run_folder: Path) -> None:
    words = ("augment", run_folder, "--class", "3", "-n", "40", *PROVING)
    ended = sparring(*words)
    assert ended.code == 0
    for way in ("as it is", "changes", "made", "changes + repeated", "changes + made"):
        assert any(line.startswith(way) for line in ended.lines)
    assert "warning: only" in ended.out and "do they help? " in ended.out
    assert "…" not in ended.out, "no figure is cut"
    record = json.loads(Path(ended.lines[-1]).read_text(encoding="utf-8"))
    told = json.loads(sparring(*words, "--json").out)
    assert told == record and told["finding"] in ("helps", "harms", "no", "unknown")
    assert told["comparisons"][0]["gains"][1]["measure"] == "f1: 3"
