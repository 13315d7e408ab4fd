"""Data sets as `datasets` knows them, here as parquet files of a folder."""

from pathlib import Path

import pytest
from made_shards import pixels, png

from sparring.data import open_data
from sparring.errors import DataError, UsageError

datasets = pytest.importorskip("datasets")
CLASSES = ["cat", "dog", "owl"]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sparring.data.shard_pack.usable_cores", lambda: 1)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)


def write(folder: Path, split: str, seeds: range, files: int, *, names: list[str] | None = None) -> None:
    """Parquet files of one part, a share of the seeds each."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    label = datasets.ClassLabel(names=names) if names else datasets.Value("int64")
    features = datasets.Features({"id": datasets.Value("int64"), "photo": datasets.Image(), "label": label})
    rows = {
        "id": list(seeds),
        "photo": [{"bytes": png(seed), "path": None} for seed in seeds],
        "label": [seed % 3 for seed in seeds],
    }
    whole = datasets.Dataset.from_dict(rows, features=features)
    for number in range(files):
        part = whole.shard(files, number, contiguous=True)
        part.to_parquet(str(folder / "data" / f"{split}-{number:05d}-of-{files:05d}.parquet"))


def content(data: object, name: str) -> dict[bytes, str]:
    part = data.parts[name]
    return {x.tobytes(): data.classes[y] for x, y in zip(part.x, part.y, strict=True)}


def test_its_files_are_shards_and_its_parts_are_parts(tmp_path: Path, cache: Path) -> None:
    write(tmp_path / "set", "train", range(40), 4, names=CLASSES)
    write(tmp_path / "set", "validation", range(40, 46), 1, names=CLASSES)
    data = open_data(f"hf:{tmp_path}/set", cache=cache)
    assert data.name == "set" and data.classes == tuple(CLASSES)
    assert content(data, "train") == {pixels(seed): CLASSES[seed % 3] for seed in range(40)}
    assert content(data, "validation") == {pixels(seed): CLASSES[seed % 3] for seed in range(40, 46)}


def test_plain_labels_and_the_part_that_is_drawn(tmp_path: Path, cache: Path) -> None:
    write(tmp_path / "set", "train", range(60), 3)
    data = open_data(f"hf:{tmp_path}/set", cache=cache)
    assert data.classes == ("0", "1", "2")
    found = content(data, "train") | content(data, "validation")
    assert found == {pixels(seed): str(seed % 3) for seed in range(60)}


def test_without_pictures_or_without_the_library(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "train.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"its columns are not declared|no column of pictures"):
        open_data(f"hf:{tmp_path}/words", cache=cache)
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(UsageError, match=r"pip install 'sparring\[stream\]'"):
        open_data("hf:someone/some", cache=cache)
