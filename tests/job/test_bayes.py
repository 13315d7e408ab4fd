"""A variational autoencoder that is told the class, asked which class a picture is of, and whether it is of any."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sparring
from cli.conftest import Command
from cli.conftest import sparring as sparring_
from job.conftest import empty_cache
from job.helpers import make_pictures
from sparring.data import open_data
from sparring.errors import UsageError
from sparring.job.coded import by_bayes_rule
from sparring.job.evaluate_rebuilding import RebuildEvaluation
from sparring.job.run import evidence

command = sparring_


@pytest.fixture(scope="module")
def cvae(tmp_path_factory: pytest.TempPathFactory, judges: Path) -> sparring.Run:
    """A small one of the digits; not to be changed but for its evaluation."""
    root = tmp_path_factory.mktemp("cvae")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARRING_CACHE", empty_cache(root, judges))
        settings = ("autoencoder.hidden=64", "autoencoder.z_dim=4", "autoencoder.lr=0.005")
        return sparring.train(
            "digits", recipe="cvae", settings=settings, kimg=24, precision="fp32", device="cpu", out=root / "run"
        )


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twenty held-out digits, and forty pictures of noise."""
    held = open_data("digits").parts["validation"]
    folder = make_pictures(tmp_path / "photos" / "noise", 40, bands=1, side=8).parent
    assert held.y is not None
    for number in range(20):
        Image.fromarray(held.x[number, ..., 0]).save(folder / f"digit-{held.y[number]}-{number:02}.png")
    return folder


def test_it_names_digits_by_bayes_rule(cvae: sparring.Run) -> None:
    held = open_data("digits").parts["validation"]
    likely = cvae.classify(np.asarray(held.x))
    assert (likely.argmax(1) == held.y).mean() > 0.85
    np.testing.assert_allclose(likely.sum(1), 1)
    joint = cvae.log_joint(np.asarray(held.x[:5]))
    np.testing.assert_allclose(by_bayes_rule(joint), likely[:5], atol=1e-4)
    np.testing.assert_allclose(
        evidence(joint), np.log(np.exp(joint - joint.max(1, keepdims=True)).sum(1)) + joint.max(1)
    )


def test_more_samples_of_z_tighten_its_evidence(cvae: sparring.Run) -> None:
    held = np.asarray(open_data("digits").parts["validation"].x[:60])
    few, many = (evidence(cvae.log_joint(held, samples=samples)).mean() for samples in (1, 100))
    assert few < many


def test_noise_is_none_of_these(command: Command, cvae: sparring.Run, photos: Path) -> None:
    ended = command("predict", cvae.path, photos, "--strange", "0.02")
    assert ended.code == 0
    rows = list(csv.DictReader(io.StringIO(ended.out)))
    noise, digits = ([row for row in rows if row["file"].startswith(kind)] for kind in ("noise", "digit"))
    assert {row["class"] for row in noise} == {"none of these"}
    right = [row["class"] == row["file"].split("-")[1] for row in digits]
    assert len(digits) == 20 and sum(right) >= 15
    assert max(float(row["log_p"]) for row in noise) < min(float(row["log_p"]) for row in digits)
    assert all(0 < float(row["tail"]) <= 1 for row in rows)


def test_json_tells_the_evidence_as_well(command: Command, cvae: sparring.Run, photos: Path) -> None:
    told = json.loads(command("predict", cvae.path, photos, "--top", "2", "--json").out)["predictions"]
    assert {"file", "classes", "probabilities", "log_p", "tail"} == set(told[0])


def test_strangers_are_measured(cvae: sparring.Run, photos: Path) -> None:
    own = sparring.evaluate(cvae.path, count=100, seeds=1, bound=5, device="cpu")
    assert isinstance(own, RebuildEvaluation)
    rows = {row.name: row for row in own.rows}
    assert rows["bayes_accuracy"].value > 0.85 and rows["bayes_accuracy"].count == 100
    assert rows["bayes_log_loss"].low is not None
    assert "evidence_auc" not in rows
    other = sparring.evaluate(
        cvae.path, against=str(photos / "noise"), count=100, seeds=1, bound=5, extractor="conv", device="cpu"
    )
    assert isinstance(other, RebuildEvaluation)
    rows = {row.name: row for row in other.rows}
    assert rows["evidence_auc"].value > 0.99 and rows["strange"].value == 1
    assert "bayes_accuracy" not in rows


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--strange", "0.0001"), "only 189 examples are held out to compare with"),
        (("--strange", "2"), "expected a share above 0 and below 1"),
        (("--ten-crop",), "--ten-crop is for classifiers"),
    ],
)
def test_what_can_not_be_is_said(
    command: Command, cvae: sparring.Run, photos: Path, words: tuple[str, ...], message: str
) -> None:
    ended = command("predict", cvae.path, photos, *words)
    assert ended.code == 2 and message in ended.err


def test_others_have_no_evidence(command: Command, run_folder: Path, photos: Path) -> None:
    with pytest.raises(UsageError, match="has no p"):
        sparring.load(run_folder, device="cpu").log_joint(np.zeros((1, 8, 8, 1), np.uint8))
    assert command("predict", run_folder, photos, "--strange", "0.05").code == 2
