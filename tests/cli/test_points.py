"""Verbs on a run of points of a plane."""

import json
from pathlib import Path

import numpy as np
import pytest

from cli.conftest import Command
from sparring import load, train


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of points."""
    settings = ("generator.width=8", "discriminator.width=8")
    out = tmp_path_factory.mktemp("ring") / "one"
    return train("ring", kimg=0.2, batch=64, settings=settings, device="cpu", out=out).path


def test_samples_as_files(sparring: Command, ring: Path, place: Path) -> None:
    run = load(ring, device="cpu")
    ended = sparring("sample", ring, "-n", "12", "--out", place / "made", "--device", "cpu")
    assert ended.code == 0 and Path(ended.out.strip()) == place / "made" / "points.png"
    table = np.loadtxt(place / "made" / "points.csv", delimiter=",", skiprows=1, dtype=np.float32)
    assert np.array_equal(table, run.sample(12))
    assert sparring("sample", ring, "-n", "12", "--npz", place / "made.npz", "--device", "cpu").code == 0
    with np.load(place / "made.npz") as arrays:
        assert list(arrays) == ["points"] and np.array_equal(arrays["points"], run.sample(12))


def test_check_diagnose_and_report(sparring: Command, ring: Path) -> None:
    assert "8 Gaussians" in sparring("check", "ring").out
    assert sparring("diagnose", ring).code == 0
    found = json.loads(sparring("check", "grid", "--json").out)
    assert found["columns"] == ["x", "y"]
    before = (ring / "samples" / "animation.webp").read_bytes()
    assert sparring("report", ring).code == 0
    assert (ring / "samples" / "animation.webp").read_bytes() == before
