"""Runs on shards: streamed or packed, stopped and gone on with, in several processes."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sparring
from data.made_shards import write_shards
from engine.together import begin, ended
from job.helpers import outputs
from sparring.errors import DataError, UsageError
from sparring.job import train as job

CLASSES = ("cat", "dog", "owl")
SETTINGS = ("generator.width=4", "discriminator.width=4")


@pytest.fixture(autouse=True)
def one_decoder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("sparring.data.shard_pack.usable_cores", lambda: 1)
    monkeypatch.setattr("sparring.data.sharded.HEAD", 90)
    yield


def train(source: str, out: str, *, kimg: float = 0.96, stream: bool = True) -> Path:
    run = sparring.train(
        source, kimg=kimg, batch=16, settings=SETTINGS, precision="fp32", device="cpu", stream=stream, out=out
    )
    return run.path


def test_a_streamed_run_that_was_stopped_is_the_same_to_the_byte(place: Path) -> None:
    """From another folder as well, and in the middle of shards: 480 pictures are 30 of 60 rounds."""
    pattern = write_shards(place / "set", 6, 40, classes=CLASSES)
    whole = train("set/" + Path(pattern).name, "whole")
    train("set/" + Path(pattern).name, "half", kimg=0.48)
    (place / "elsewhere").mkdir()
    cache = next(place.parent.glob("cache"))
    shutil.rmtree(cache / "packs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place / "elsewhere")
        job.resume(place / "half", kimg=0.96)
    found, expected = outputs(place / "half"), outputs(whole)
    weights = [name for name in expected if name.endswith(".safetensors")]
    assert weights and all(found[name] == expected[name] for name in weights)
    assert not list((cache / "work").iterdir()), "nothing is left of what was read"


def test_a_classifier_and_an_autoencoder_learn_from_a_stream(place: Path) -> None:
    pattern = write_shards(place / "set", 4, 40, classes=CLASSES, side=16)
    for task, recipe in (("classify", "mlp"), ("rebuild", "autoencoder")):
        run = sparring.train(
            pattern, task=task, recipe=recipe, kimg=0.32, batch=16, device="cpu", stream=True, out=recipe
        )
        assert run.metrics["kimg"][-1] == 0.32
    with pytest.raises(UsageError, match=r"balance=sampling draws from all pictures"):
        sparring.train(pattern, task="classify", stream=True, kimg=0.1, settings=["objective.balance=sampling"])


def test_shards_that_are_gone_are_a_message(place: Path) -> None:
    pattern = write_shards(place / "set", 3, 40)
    run = train(pattern, "run", kimg=0.32)
    shutil.rmtree(place / "set")
    with pytest.raises(DataError, match=r"x-000\.tar: this shard can't be read"):
        job.resume(run, kimg=0.64)


@pytest.mark.skipif(sys.platform != "linux", reason="gloo over the loopback interface")
def test_two_processes_stream_what_one_streams(place: Path) -> None:
    pattern = write_shards(place / "set", 6, 40)
    words = ("-m", "sparring", "train", pattern, "--stream", "--kimg", "0.32", "--batch", "16", "--precision", "fp32")
    words = (*words, *(word for setting in SETTINGS for word in ("--set", setting)))
    (code, _, said), (other, _, silence) = ended(begin(*words, "--out", "two", cwd=place))
    assert (code, other) == (0, 0), said + silence
    (alone, _, said) = ended(begin(*words, "--out", "one", cwd=place, ranks=1))[0]
    assert alone == 0, said
    rows = [sparring.load(place / name).metrics for name in ("one", "two")]
    for name in ("discriminator_adversarial", "generator_adversarial", "discriminator_grad_norm"):
        assert rows[1][name] == pytest.approx(rows[0][name], rel=1e-4, abs=1e-4)
