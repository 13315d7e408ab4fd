"""Runs that begin with the weights of earlier ones."""

import shutil
from pathlib import Path

import pytest
import torch

import sparring
from job.helpers import TINY
from sparring.cli.main import main
from sparring.errors import UsageError
from sparring.runfolder import RunFolder

MLP = ("classifier.width=16", "classifier.depth=1")


def weights(run: Path, stem: str, which: str = "best") -> dict[str, torch.Tensor]:
    return dict(RunFolder.open(run).load_checkpoint(which).tensors[stem])  # type: ignore[arg-type]


def exit_code(*words: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(words)
    return ended.value.code


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "first"
    return sparring.train("digits", recipe="mlp", kimg=0.4, settings=MLP, out=out).path


def test_a_frozen_body_stays_that_of_the_other_run_and_the_head_learns(first: Path, place: Path) -> None:
    settings = (*MLP, "classifier.frozen=1", "classifier.decay=0")
    run = sparring.train("digits", recipe="mlp", kimg=0.2, settings=settings, begin_with=first, out=place / "second")
    before, after = weights(first, "classifier"), weights(run.path, "classifier")
    assert before.keys() == after.keys()
    same = {name for name, value in before.items() if torch.equal(value, after[name])}
    assert same == {name for name in before if not name.startswith("head.")}
    shutil.move(first, place / "away")
    try:
        sparring.resume(run.path, kimg=0.3)
    finally:
        shutil.move(place / "away", first)


def test_what_does_not_fit_stays_as_it_was_drawn(first: Path, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("train", "digits", "--recipe", "mlp", "--kimg", "0.1", "--set", "classifier.depth=1")
    more = ("--set", "classifier.width=24", "--out", str(place / "wider"), "--begin-with", str(first))
    assert exit_code(*asked, *more) == 2
    assert f"--begin-with {first}: none of its matrices" in capsys.readouterr().err
    assert not (place / "wider").exists()
    deeper = ("--set", "classifier.width=16", "--set", "classifier.depth=2", *more[2:])
    assert exit_code(*asked[:-2], *deeper) == 0
    said = capsys.readouterr().err
    assert "begins with 4 of 6 tensors of classifier from first at 0.512 kimg; new are" in said
    assert f"--begin-with {first}" in (place / "wider" / "command.txt").read_text()


def test_both_players_of_a_gan_and_the_average(place: Path) -> None:
    settings = tuple(word for word in TINY[TINY.index("--set") :] if word != "--set")
    options = {"recipe": "gan", "kimg": 0.128, "batch": 32, "settings": settings}
    first = sparring.train("digits", out=place / "first", **options)
    second = sparring.train("digits", out=place / "second", **{**options, "kimg": 0.032}, begin_with=first.path, seed=1)
    moved = weights(second.path, "generator_ema", "last")
    for name, value in weights(first.path, "generator_ema").items():
        if value.is_floating_point():
            torch.testing.assert_close(moved[name], value, rtol=0.2, atol=0.2)


def test_an_unknown_run_is_refused_before_data_are_read(place: Path) -> None:
    with pytest.raises(UsageError, match="no such run"):
        sparring.train(place / "no-pictures-here", begin_with=place / "no-run")
