"""From few labels and many pictures without one: trained, asked for classes, and refused what they can't take."""

from pathlib import Path

import numpy as np
import pytest

import sparring
from cli.conftest import Command
from cli.conftest import sparring as sparring_
from job.conftest import empty_cache
from sparring.data import open_data
from sparring.errors import UsageError
from sparring.job.coded import by_bayes_rule
from sparring.job.evaluate_rebuilding import RebuildEvaluation

command = sparring_
LABELS = 30


def trained(out: Path, recipe: str, *settings: str, kimg: float, seed: int = 0) -> sparring.Run:
    return sparring.train(
        "digits",
        recipe=recipe,
        labels=LABELS,
        settings=settings,
        kimg=kimg,
        seed=seed,
        precision="fp32",
        device="cpu",
        out=out,
    )


def right(run: sparring.Run) -> float:
    held = open_data("digits").parts["validation"]
    return float((run.classify(np.asarray(held.x)).argmax(1) == held.y).mean())


def test_guesses_that_are_sure_are_worth_labels(tmp_path: Path) -> None:
    """The same network and steps, with the weight of the guesses and without."""
    small = ("classifier.width=16", "classifier.stages=2", "classifier.lr=0.1", "objective.strength=0.5")
    run = trained(tmp_path / "all", "fixmatch", *small, kimg=24)
    alone = trained(tmp_path / "alone", "fixmatch", *small, "objective.unlabelled=0", kimg=24)
    assert right(run) > right(alone) + 0.05
    assert run.metrics["classifier_sure"][-1] > 0.5
    assert alone.metrics["classifier_guesses"][-1] == 0


@pytest.fixture(scope="module")
def m2(tmp_path_factory: pytest.TempPathFactory, judges: Path) -> sparring.Run:
    root = tmp_path_factory.mktemp("m2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARRING_CACHE", empty_cache(root, judges))
        return trained(
            root / "run", "m2", "autoencoder.hidden=64", "autoencoder.z_dim=4", "autoencoder.lr=0.003", kimg=30
        )


def test_it_names_classes_by_its_guess_and_has_evidence_as_well(m2: sparring.Run, command: Command) -> None:
    assert right(m2) > 0.6
    held = np.asarray(open_data("digits").parts["validation"].x[:40])
    likely, joint = m2.classify(held), m2.log_joint(held)
    np.testing.assert_allclose(likely.sum(1), 1)
    assert not np.allclose(likely, by_bayes_rule(joint))
    found = sparring.evaluate(m2.path, count=100, seeds=1, bound=5, device="cpu")
    assert isinstance(found, RebuildEvaluation)
    rows = {row.name: row for row in found.rows}
    assert rows["guess_accuracy"].value > 0.6 and rows["bayes_accuracy"].count == 100
    assert min(value for value in m2.metrics["validation_class_error"] if value is not None) < 0.4


def test_rows_and_data_without_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="these data are rows: take --recipe mlp"):
        sparring.train(
            "moons", recipe="fixmatch", settings=("augment=none", "classifier.model=mlp"), kimg=1, out=tmp_path / "rows"
        )
    for recipe in ("fixmatch", "m2"):
        with pytest.raises(UsageError, match=f"recipe '{recipe}' needs labels"):
            sparring.train("digits", recipe=recipe, unconditional=True, kimg=1, out=tmp_path / recipe)
    with pytest.raises(UsageError, match="take --recipe m2"):
        sparring.train("digits", recipe="vae", settings=("autoencoder.model=m2",), kimg=1, out=tmp_path / "vae")
