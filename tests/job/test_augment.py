"""Whether made pictures help: what classifiers are given, what is kept, and answers that are known beforehand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sparring
from job.helpers import digest
from sparring.data import Part
from sparring.errors import UsageError
from sparring.job import augment_proof
from sparring.job.augment import Wish
from sparring.job.augment_arms import Pixels, repeated, with_more
from sparring.job.augment_proof import ANSWERS, Trial, prove
from sparring.job.augment_verdict import COMPARED, Comparison, verdict_of
from sparring.job.run import Run
from sparring.metrics.benefit import Finding, Gain

SMALL = Trial(recipe="mlp", kimg=2, seeds=2, margin=0.2, settings=("classifier.width=32", "classifier.lr=0.01"))


def test_repeated_pictures_are_the_class_own_each_as_often_as_any() -> None:
    x = np.arange(12, dtype=np.uint8).reshape(12, 1, 1, 1)
    real = Part(x=x, y=np.array([0, 1, 1, -1] * 3))
    more = repeated(real, 1, 14, seed=3)
    counts = np.bincount(more.ravel(), minlength=12)
    assert set(np.flatnonzero(counts)) == {1, 2, 5, 6, 9, 10}
    assert counts[counts > 0].min() == 2 and counts.max() == 3
    both = with_more(real, more, 1)
    assert len(both) == 26 and both.y is not None
    assert (both.x[:12] == x).all() and (both.y[12:] == 1).all() and (both.y[:12] == real.y).all()


def said(kind: Finding, value: float = 0.1) -> Comparison:
    gain = Gain(measure="f1: a", value=value, low=0, high=1, freedom=4, seed_sd=0, test_sd=0, finding=kind)
    return Comparison(first="", second="", gains=(gain, gain))


@pytest.mark.parametrize(
    ("control", "again", "plain", "finding", "words"),
    [
        ("helps", "helps", "helps", "helps", "yes"),
        ("helps", "unknown", "helps", "unknown", "can't be told from repeating"),
        ("helps", "no", "helps", "no", "no more than repeating"),
        ("helps", "harms", "helps", "harms", "they harm"),
        ("no", "helps", "helps", "no", "ruled out"),
        ("harms", "unknown", "no", "harms", "they harm"),
        ("unknown", "helps", "helps", "unknown", "can't tell"),
        ("helps", "helps", "unknown", "unknown", "can't tell"),
        ("helps", "helps", "no", "no", "ruled out"),
        ("unknown", "unknown", "unknown", "unknown", "can't tell"),
    ],
)
def test_to_help_they_have_to_beat_every_way_without_them(
    control: Finding, again: Finding, plain: Finding, finding: str, words: str
) -> None:
    found = verdict_of([said(control), said(again), said(plain), said("helps"), said("helps")], 0.02)
    assert found[0] == finding and words in found[1]
    assert [pair[1].name for pair in COMPARED[:3]] == ["changes", "changes + repeated", "as it is"]


@pytest.fixture(scope="module")
def rare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on two classes of which one has few training pictures that all look alike, and many test pictures that
    don't; not to be changed."""
    root = tmp_path_factory.mktemp("rare")
    for part, counts in {"train": (8, 150), "validation": (20, 20), "test": (60, 60)}.items():
        for number, count in enumerate(counts):
            save(root / "photos" / part / ("rare", "usual")[number], drawn(number, count, part, wide=part != "train"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARRING_CACHE", str(root / "cache"))
        settings = ("generator.width=4", "discriminator.width=4")
        run = sparring.train(
            root / "photos", kimg=0.3, batch=16, settings=settings, precision="fp32", device="cpu", out=root / "run"
        )
    return run.path


def drawn(number: int, count: int, part: str, *, wide: bool) -> Pixels:
    """Noise with a bright stripe: across of the rare class, which lies in one row of the training pictures and in any
    row of the others; down of the usual one."""
    draw = np.random.default_rng([number, len(part)])
    pictures = draw.integers(0, 120, (count, 8, 8), np.uint8)
    places = draw.integers(0, 8, count) if wide or number else np.full(count, 3)
    for picture, place in zip(pictures, places, strict=True):
        if number:
            picture[:, place] = 255
        else:
            picture[place] = 255
    return pictures[..., None]


def save(folder: Path, pictures: Pixels) -> None:
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture[..., 0]).save(folder / f"{number:04}.png")


def painted(run: Path, monkeypatch: pytest.MonkeyPatch, *, good: bool) -> Run:
    """The run with a generator that makes what the class is, or what the other class is."""

    def sample(
        self: Run, count: int = 64, *, label: str | None = None, seed: int = 0, truncation: float = 1.0
    ) -> object:
        assert label == "rare"
        return drawn(0 if good else 1, count, "x" * (seed + 20), wide=True)

    monkeypatch.setattr(Run, "sample", sample)
    return Run(run, device="cpu", checkpoint="last")


ASKED = Wish(label="rare", count=150)


def test_good_pictures_are_found_to_help(rare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest(rare)
    trial = replace(SMALL, kimg=6, seeds=4)
    found = prove(painted(rare, monkeypatch, good=True), ASKED, trial, out=tmp_path / "proof")
    assert found.finding == "helps", found.verdict
    assert found.tested == 80 and found.count == 160
    assert "part validation and test" in found.conditions[-1]
    assert found.means["changes + made"][0] > found.means["changes"][0] + 0.2
    record = json.loads(found.written.read_text(encoding="utf-8"))
    assert record["finding"] == "helps" and record["comparisons"][0]["second"] == "changes"
    assert digest(rare) == before, "with --out the run's folder stays as it is"


def test_pictures_of_another_class_are_not(rare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = prove(painted(rare, monkeypatch, good=False), ASKED, SMALL, out=tmp_path / "proof")
    assert found.finding != "helps", found.verdict


def test_what_was_trained_is_kept_and_more_seeds_go_on(
    rare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, trained = painted(rare, monkeypatch, good=True), []
    answered = augment_proof.answers

    def counted(*args: object, **named: object) -> object:
        trained.append(args)
        if len(trained) == 7:
            raise KeyboardInterrupt
        return answered(*args, **named)

    monkeypatch.setattr(augment_proof, "answers", counted)
    with pytest.raises(KeyboardInterrupt):
        prove(run, ASKED, SMALL, out=tmp_path / "proof")
    kept = json.loads((tmp_path / "proof" / ANSWERS).read_text(encoding="utf-8"))["answers"]
    assert len(kept) == 6
    first = prove(run, ASKED, SMALL, out=tmp_path / "proof")
    assert len(trained) == 7 + 4, "of ten classifiers six were there"
    straight = prove(run, ASKED, SMALL, out=tmp_path / "straight")
    assert first.to_json() == straight.to_json()
    prove(run, ASKED, replace(SMALL, seeds=3), out=tmp_path / "proof")
    assert len(trained) == 11 + 10 + 5
    with pytest.raises(UsageError, match="answers to another question"):
        prove(run, Wish(label="rare", count=20), SMALL, out=tmp_path / "proof")


def test_the_best_checkpoint_leaves_the_test_part_alone(
    rare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted(rare, monkeypatch, good=True)
    found = prove(Run(rare, device="cpu", checkpoint="best"), ASKED, SMALL, out=tmp_path / "proof")
    assert (found.tested, found.count) == (60, 120)
    assert any("part test" in line for line in found.conditions)
    assert not found.warnings
    few = prove(
        Run(rare, device="cpu", checkpoint="best"),
        ASKED,
        replace(SMALL, margin=0.01),
        out=tmp_path / "proof",
    )
    assert "only 60 test pictures of 'rare'" in few.warnings[0] and "100 or more" in few.warnings[0]


def test_without_a_test_part_the_best_checkpoint_is_refused(run_folder: Path) -> None:
    with pytest.raises(UsageError, match=r"chosen by it.*Leave --checkpoint out"):
        prove(Run(run_folder, device="cpu", checkpoint="best"), Wish(label="3", count=20), SMALL)


def test_of_a_real_run_with_its_own_pictures(run_folder: Path) -> None:
    """The digits: no part `test`, a generator that has learned nothing yet."""
    found = prove(Run(run_folder, device="cpu", checkpoint="last"), Wish(label="3", count=100), SMALL)
    assert found.written.parent.parent == run_folder / "augment"
    assert set(found.means) == {"as it is", "changes", "made", "changes + repeated", "changes + made"}
    assert all(0 <= value <= 1 for row in found.means.values() for value in row)
    assert "part validation" in found.conditions[-1]
