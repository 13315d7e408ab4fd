"""Volumes in `.npz` files: what is read, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

import sparring
from sparring.data import inspect_data, open_data
from sparring.errors import DataError, UsageError


def balls(count: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a bright ball near the top (class 0) or the bottom (class 1) of 6 x 8 x 10 points."""
    draw = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    x = draw.integers(0, 90, (count, 6, 8, 10), np.uint8)
    for volume, label in zip(x, labels, strict=True):
        depth, column = 1 + 3 * label, draw.integers(2, 8)
        volume[depth : depth + 2, 2:6, column - 2 : column + 2] += 150
    return x, labels


def test_one_set_is_cut_by_content(tmp_path: Path) -> None:
    x, labels = balls(80)
    np.savez(tmp_path / "scans.npz", volumes=x, labels=labels, classes=np.array(["top", "bottom"]))
    data = open_data(str(tmp_path / "scans.npz"))
    assert (data.spec.form, data.spec.classes) == ("1x6x8x10", ("top", "bottom"))
    train, held = data.parts["train"], data.parts["validation"]
    assert len(train) + len(held) == 80
    assert train.x.shape[1:] == (6, 8, 10, 1)
    again = {volume.tobytes(): label for volume, label in zip(x, labels, strict=True)}
    assert train.y is not None
    assert all(again[v.tobytes()] == label for v, label in zip(train.x[..., 0], train.y, strict=True))
    assert inspect_data(str(tmp_path / "scans.npz")).spec == data.spec


def test_given_parts_and_colours(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    videos = {f"{part}_volumes": draw.random((n, 4, 8, 8, 3), np.float32) for part, n in (("train", 9), ("test", 5))}
    np.savez(
        tmp_path / "videos.npz", **videos, train_labels=np.array(list("aab" * 3)), test_labels=np.array(list("abbab"))
    )
    data = open_data(str(tmp_path / "videos.npz"))
    assert {name: len(part) for name, part in data.parts.items()}["test"] == 5
    assert data.spec.classes == ("a", "b")
    assert data.spec.form == "3x4x8x8"
    assert open_data(str(tmp_path / "videos.npz"), conditional=False).parts["train"].y is None


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"volumes": np.zeros((4, 8, 8), np.uint8)}, r"expected \[N, D, H, W\]"),
        ({"volumes": np.zeros((4, 8, 8, 8, 2), np.uint8)}, "C of 1, 3 or 4"),
        ({"volumes": np.zeros((4, 4, 4, 4), np.uint8), "labels": np.zeros(3, int)}, "3 labels for 4 volumes"),
        (
            {"train_volumes": np.zeros((4, 4, 4, 4), np.uint8), "test_volumes": np.zeros((4, 4, 4, 5), np.uint8)},
            "different shapes",
        ),
    ],
)
def test_what_is_no_volume_is_refused(arrays: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(DataError, match=message):
        open_data(str(tmp_path / "bad.npz"))


def test_options_of_pictures_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "scans.npz", volumes=balls(20)[0])
    with pytest.raises(UsageError, match="--size 16"):
        open_data(str(tmp_path / "scans.npz"), size=16)


def test_a_network_of_3d_convolutions_learns_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    x, labels = balls(300)
    np.savez(tmp_path / "scans.npz", volumes=x, labels=labels, classes=np.array(["top", "bottom"]))
    settings = ("classifier.width=4", "classifier.dropout=0", "classifier.lr=0.01")
    run = sparring.train(
        tmp_path / "scans.npz",
        recipe="volume",
        settings=settings,
        kimg=3,
        batch=32,
        precision="fp32",
        out=tmp_path / "run",
    )
    assert run.metrics["validation_accuracy"][-1] > 0.9
    more, wanted = balls(20, seed=9)
    assert (run.classify(more[..., None]).argmax(1) == wanted).mean() > 0.8
    with pytest.raises(UsageError, match="is for flat pictures"):
        sparring.train(tmp_path / "scans.npz", recipe="resnet20", out=tmp_path / "other")
