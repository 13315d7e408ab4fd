"""`sparring predict`, and what the other verbs say of a run that classifies."""

import csv
import io
import json
from pathlib import Path

import pytest
from PIL import Image

from cli.conftest import Command
from sparring.data import open_data


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small classifier of the digits; not to be changed."""
    import sparring

    root = tmp_path_factory.mktemp("predict")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARRING_CACHE", str(root / "cache"))
        settings = ("classifier.width=32", "classifier.depth=1", "classifier.lr=0.01")
        return sparring.train(
            "digits", recipe="mlp", kimg=6, settings=settings, precision="fp32", out=root / "run"
        ).path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Held-out digits, larger than the network's pictures, in folders; a file that is none, and a damaged one."""
    held = open_data("digits").parts["validation"]
    assert held.y is not None
    folder = tmp_path / "photos"
    for number in range(30):
        path = folder / f"shelf-{number % 2}" / f"{number:02}-is-{held.y[number]}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(held.x[number, ..., 0]).resize((32, 32), Image.Resampling.NEAREST).save(path)
    (folder / "notes.txt").write_text("none")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    return folder


def test_a_line_a_picture_and_most_are_right(sparring: Command, classifier: Path, photos: Path) -> None:
    ended = sparring("predict", classifier, photos)
    assert ended.code == 0
    rows = list(csv.DictReader(io.StringIO(ended.out)))
    assert [row["file"] for row in rows] == sorted(p.relative_to(photos).as_posix() for p in photos.rglob("*-is-*"))
    right = [row["file"].endswith(f"-is-{row['class']}.png") for row in rows]
    assert sum(right) >= 24
    assert all(0 < float(row["probability"]) <= 1 for row in rows)
    assert "skipped: broken.png" in ended.err


def test_the_likeliest_come_first(sparring: Command, classifier: Path, photos: Path, tmp_path: Path) -> None:
    ended = sparring("predict", classifier, photos, "--top", "3", "--out", tmp_path / "deep" / "said.json")
    assert ended.lines == [str(tmp_path / "deep" / "said.json")]
    found = json.loads((tmp_path / "deep" / "said.json").read_text(encoding="utf-8"))
    assert len(found["predictions"]) == 30
    for row in found["predictions"]:
        assert row["probabilities"] == sorted(row["probabilities"], reverse=True)
        assert len(set(row["classes"])) == 3
    assert {lost["file"] for lost in found["skipped"]} == {"broken.png", "notes.txt"}


def test_one_picture_with_ten_views(sparring: Command, classifier: Path, photos: Path) -> None:
    one = next(iter(sorted(photos.rglob("*-is-*"))))
    ended = sparring("predict", classifier, one, "--ten-crop", "--json")
    assert [row["file"] for row in json.loads(ended.out)["predictions"]] == [one.name]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("{run}", "absent"), 5, "absent: no such folder or picture"),
        (("{run}", "{empty}"), 5, "there is no picture in it"),
        (("{run}", "{photos}", "--top", "0"), 2, "--top 0: expected 1 or more"),
        (("{gan}", "{photos}"), 2, "can't tell classes"),
    ],
)
def test_what_can_not_be_is_said(
    sparring: Command,
    classifier: Path,
    run_folder: Path,
    photos: Path,
    tmp_path: Path,
    words: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"{run}": classifier, "{photos}": photos, "{empty}": tmp_path / "empty", "{gan}": run_folder}
    ended = sparring("predict", *(places.get(word, word) for word in words))
    assert ended.code == code
    assert message in ended.err
    assert not ended.out


def test_evaluate_prints_the_table(sparring: Command, classifier: Path) -> None:
    ended = sparring("evaluate", classifier)
    assert ended.code == 0
    assert "accuracy" in ended.out
    assert "confusion matrix" in ended.out
    refused = sparring("evaluate", classifier, "--cas")
    assert refused.code == 2
    assert "--cas is for runs that make samples" in refused.err


def test_sample_says_what_to_ask_instead(sparring: Command, classifier: Path) -> None:
    ended = sparring("sample", classifier)
    assert ended.code == 2
    assert "sparring predict" in ended.err


def test_folds_print_a_mean(sparring: Command) -> None:
    words = ("--set", "classifier.width=8", "--kimg", "1", "--precision", "fp32")
    ended = sparring("train", "digits", "--recipe", "mlp", "--folds", "2", *words)
    assert ended.code == 0
    assert "accuracy" in ended.out and "over 2 folds" in ended.out
    refused = sparring("train", "digits", "--recipe", "mlp", "--folds", "2", "--dry-run")
    assert refused.code == 2
