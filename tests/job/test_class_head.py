"""A run whose discriminator names classes: what it says of pictures, of its samples, and how often it is right."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, recall_score

import sparring
from job.conftest import empty_cache
from sparring.cli.main import main
from sparring.data import open_data
from sparring.engine import sampling
from sparring.errors import UsageError
from sparring.job.evaluate import evaluate
from sparring.job.parts import build_modules
from sparring.losses.base import DISCRIMINATOR
from sparring.models.gan.base import Discriminator
from sparring.pictures import read_provenance

LABELS, SEED = 60, 3


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory, judges: Path) -> Path:
    """A small `ssgan` of the digits at its end; not to be changed."""
    root = tmp_path_factory.mktemp("taught")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARRING_CACHE", empty_cache(root, judges))
        patch.chdir(root)
        small = ("generator.width=32", "discriminator.width=64")
        return sparring.train(
            "digits",
            recipe="ssgan",
            labels=LABELS,
            kimg=6.0,
            batch=32,
            seed=SEED,
            settings=small,
            precision="fp32",
            device="cpu",
            out="runs/taught",
        ).path


@pytest.fixture
def last(taught: Path) -> sparring.Run:
    return sparring.load(taught, device="cpu", checkpoint="last")


def held() -> tuple[np.ndarray, np.ndarray]:
    data = open_data("digits", labels=LABELS, seed=SEED)
    return np.asarray(data.parts["validation"].x), data.labels["validation"]


def test_probabilities_are_the_softmax_of_the_averaged_networks_logits(last: sparring.Run) -> None:
    module = build_modules(last.recipe, last.spec)[DISCRIMINATOR]
    assert isinstance(module, Discriminator)
    module.load_state_dict(dict(last.checkpoint.tensors["discriminator_ema"]))
    pictures, _ = held()
    x_BCHW = torch.tensor(pictures).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        logits = module.eval().class_logits(module.features(x_BCHW)).double().numpy()
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    found = last.classify(pictures)
    assert found.shape == (len(pictures), 10) and found.dtype == np.float64
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-12)
    assert last.classify(pictures[:0]).shape == (0, 10)


def test_few_labels_teach_it_more_than_chance_and_the_column_says_how_much(last: sparring.Run) -> None:
    pictures, labels = held()
    accuracy = accuracy_score(labels, last.classify(pictures).argmax(1))
    assert accuracy > 0.3
    assert last.metrics["class_accuracy"][-1] == pytest.approx(accuracy, abs=1e-9)
    assert "class_accuracy" in (last.path / "METRICS.md").read_text()


def test_the_best_checkpoint_is_still_the_one_with_the_least_distance(last: sparring.Run) -> None:
    best = [event for event in last.events if event["kind"] == "best"]
    measured = [value for value in last.metrics["fd_judge"] if value is not None]
    assert best[-1]["values"]["fd_judge"] == pytest.approx(min(measured))


def test_pictures_of_another_size_are_refused(last: sparring.Run) -> None:
    for wrong in (np.zeros((2, 8, 8), np.uint8), np.zeros((2, 9, 8, 1), np.uint8), np.zeros((2, 8, 8, 1), np.float32)):
        with pytest.raises(UsageError, match=r"expected uint8 \[N, 8, 8, 1\]"):
            last.classify(wrong)


def test_a_discriminator_that_names_no_class_says_so(finished_run: Path) -> None:
    run = sparring.load(finished_run, device="cpu")
    assert not run.names_classes
    with pytest.raises(UsageError, match=r"names none.*ssgan.*heads=auxiliary"):
        run.classify(np.zeros((1, 8, 8, 1), np.uint8))
    assert "class_accuracy" not in run.metrics


def test_samples_are_drawn_together_with_their_classes(last: sparring.Run) -> None:
    """P(x, y) = P(x) P(y | x): over many draws each picture's classes come as often as D says."""
    pictures = last.sample(20, seed=5)
    likely = last.classify(pictures)
    assert np.array_equal(last.named(pictures, seed=1), last.named(pictures, seed=1))
    draws = np.stack([last.named(pictures, seed=seed) for seed in range(300)])
    for k in range(10):
        share = (draws == k).mean(0)
        np.testing.assert_allclose(share, likely[:, k], atol=0.13)


def test_rows_are_drawn_apart_and_as_shares_of_all() -> None:
    shares = np.array([0.2, 0.0, 0.5, 0.3])
    rows = sampling.drawn_by_row(np.stack([shares] * 500), seed=4)
    assert np.array_equal(rows, sampling.drawn_labels(500, shares.tolist(), seed=4))
    assert rows[:7].tolist() == sampling.drawn_by_row(np.stack([shares] * 7), seed=4).tolist()
    assert not (rows == 1).any()
    assert sampling.drawn_by_row(np.eye(4), seed=0).tolist() == [0, 1, 2, 3]


def exit_code(*words: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    assert isinstance(stop.value.code, int)
    return stop.value.code


def test_sample_writes_the_classes_that_the_discriminator_names(
    taught: Path, last: sparring.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(taught, tmp_path / "run")
    words = ("sample", run, "-n", 12, "--checkpoint", "last", "--device", "cpu")
    assert exit_code(*words, "--npz", tmp_path / "made.npz") == 0
    with np.load(tmp_path / "made.npz") as made:
        expected = last.named(made["images"][..., None], seed=0)
        assert np.array_equal(made["labels"], expected)
        assert made["classes"].tolist() == list("0123456789")
    assert exit_code(*words, "--out", tmp_path / "png") == 0
    told = [read_provenance(tmp_path / "png" / f"{n:04}.png")["class"] for n in range(12)]
    assert told == [str(label) for label in expected]
    assert exit_code(*words, "--class", "3") == 2
    assert "its generator takes none" in capsys.readouterr().err


def test_evaluate_tells_accuracy_and_error_with_their_interval(taught: Path, tmp_path: Path) -> None:
    run = shutil.copytree(taught, tmp_path / "run")
    (found,) = evaluate(run, extractor="conv", count=40, seeds=1, checkpoint="last", device="cpu").evaluations
    rows = {row.measure: row for row in found.rows}
    pictures, labels = held()
    named = sparring.load(run, device="cpu", checkpoint="last").classify(pictures).argmax(1)
    accuracy, error = rows["d_class_accuracy"], rows["d_class_error"]
    assert accuracy.value == pytest.approx(accuracy_score(labels, named))
    assert error.value == pytest.approx(1 - accuracy.value)
    assert list(accuracy.classes.values()) == pytest.approx(recall_score(labels, named, average=None).tolist())
    assert f"of {len(labels):,} pictures of the part validation" in accuracy.note
    low, high = map(float, accuracy.note.rsplit("interval ", 1)[1].split(" to "))
    assert low < accuracy.value < high < low + 0.25
    assert json.loads((run / "evaluation.json").read_text())["evaluations"][0]["rows"]
