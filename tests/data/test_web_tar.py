"""What lies in a shard, against WebDataset's own reader and writer, and in damaged ones."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from made_shards import png, write_shard, write_tar
from PIL import Image

from sparring.data.places import read_bytes
from sparring.data.web_tar import first_names, list_shard


def test_the_same_examples_as_webdataset_reads(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    path = tmp_path / "x.tar"
    with webdataset.TarWriter(str(path)) as writer:
        for number in range(7):
            example = {"__key__": f"deep/{number:03d}", "png": png(number), "cls": number % 3}
            writer.write(example | ({"json": {"caption": "none"}} if number == 4 else {}))
    expected = [
        (example["png"], example["cls"].decode())
        for example in webdataset.WebDataset(str(path), shardshuffle=False, empty_check=False)
    ]
    found = list_shard(path, shown="x.tar")
    assert [(read_bytes(place), label) for place, label in zip(found.places, found.labels, strict=True)] == expected
    assert found.names == [f"x.tar/deep/{number:03d}.png" for number in range(7)]
    assert found.skipped == []


def test_labels_are_words_numbers_or_in_an_object(tmp_path: Path) -> None:
    members = {}
    labels: dict[str, tuple[str, bytes] | None] = {
        "a": ("cls", b" cat\n"),
        "b": ("cls", b"7"),
        "c": ("json", json.dumps({"label": "dog", "width": 3}).encode()),
        "d": ("json", json.dumps({"cls": 12}).encode()),
        "e": ("json", b"{broken"),
        "f": ("json", json.dumps({"label": None}).encode()),
        "g": ("json", json.dumps({"label": ["a"]}).encode()),
        "h": ("cls", b"\xff\xfe"),
        "i": None,
        "j": ("txt", b"a caption"),
        "k": ("json", b"[1, 2]"),
    }
    for key, label in labels.items():
        members[f"{key}.png"] = png(ord(key))
        if label is not None:
            members[f"{key}.{label[0]}"] = label[1]
    found = list_shard(write_tar(tmp_path / "x.tar", members), shown="x.tar")
    assert dict(zip(labels, found.labels, strict=True)) == {
        **dict.fromkeys(labels),
        **{"a": "cat", "b": "7", "c": "dog", "d": "12"},
    }


@pytest.mark.parametrize("order", [("a.mask.png", "a.jpg"), ("a.jpg", "a.mask.png")])
def test_the_picture_is_the_one_with_the_plain_ending(tmp_path: Path, order: tuple[str, str]) -> None:
    found = list_shard(write_tar(tmp_path / "x.tar", {name: png(len(name)) for name in order}), shown="x.tar")
    assert [read_bytes(place) for place in found.places] == [png(len("a.jpg"))]
    assert found.names == ["x.tar/a.jpg"]
    assert [(s.name, s.reason) for s in found.skipped] == [("x.tar/a.mask.png", "a second picture of one example")]


def test_of_a_shard_that_is_cut_short_the_pictures_before_the_cut(tmp_path: Path) -> None:
    path = write_shard(tmp_path / "x.tar", range(6), classes=("a", "b"))
    whole = list_shard(path, shown="x.tar")
    inside = whole.places[4].offset + 10
    path.write_bytes(path.read_bytes()[:inside])
    found = list_shard(path, shown="x.tar")
    assert found.places == whole.places[:4] and found.labels == whole.labels[:4]
    (skipped,) = found.skipped
    assert skipped.name == "x.tar" and "cut short after 8 files" in skipped.reason


def test_links_and_junk_are_no_pictures(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "x.tar", {"._a.png": b"junk", "a.png": png(1), "README": b"words", "b/": b""})
    found = list_shard(path, shown="x.tar")
    assert found.names == ["x.tar/a.png"]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(read_bytes(found.places[0])))).shape, (12, 12, 3))


def test_something_else_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(b"no tar at all" * 100)
    assert first_names(path) == []
    found = list_shard(path, shown="x.tar")
    assert found.names == [] and "damaged" in found.skipped[0].reason
