"""metadata.csv and metadata.jsonl above what the folders say."""

import json
from pathlib import Path

import pytest
from test_folder import as_dict, read, reasons, touch

from sparring.data.metadata import read_metadata
from sparring.errors import DataError


def test_csv_with_label_and_split(tmp_path: Path) -> None:
    root = touch(tmp_path, "a.png", "sub/b.png", "c.png", "extra.png")
    (root / "metadata.csv").write_text(
        "file_name,label,split\na.png,rose,train\nsub/b.png,tulip,val\nc.png,,test\ngone.png,rose,train\n", "utf-8-sig"
    )
    found = read(root)
    assert as_dict(found) == {
        "a.png": ("rose", "train"),
        "c.png": (None, "test"),
        "sub/b.png": ("tulip", "validation"),
    }
    assert found.classes == ("rose", "tulip")
    assert "not listed" in reasons(found)["extra.png"]
    assert "no such picture" in reasons(found)["gone.png"]


def test_jsonl_with_numbers_as_labels(tmp_path: Path) -> None:
    root = touch(tmp_path, "0.png", "1.png", "2.png")
    rows = [{"file_name": f"{index}.png", "label": 10 - index, "text": "more"} for index in range(3)]
    (root / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    assert read(root).classes == ("8", "9", "10")


def test_a_file_in_each_split_folder_and_labels_from_folders(tmp_path: Path) -> None:
    root = touch(tmp_path, "train/a.png", "train/b.png", "test/c.png")
    (root / "train" / "metadata.csv").write_text("file_name,label\na.png,x\nb.png,y\n")
    (root / "test" / "metadata.csv").write_text("file_name;label\nc.png;x\n")
    assert as_dict(read(root)) == {
        "train/a.png": ("x", "train"),
        "train/b.png": ("y", "train"),
        "test/c.png": ("x", "test"),
    }
    folders = touch(tmp_path / "folders", "cat/a.png", "dog/b.png")
    (folders / "metadata.csv").write_text("file_name,split\ncat/a.png,train\ndog/b.png,test\n")
    assert as_dict(read(folders)) == {"cat/a.png": ("cat", "train"), "dog/b.png": ("dog", "test")}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("metadata.csv", b"name,label\na.png,x\n", "column 'file_name'"),
        ("metadata.csv", b"", "no column"),
        ("metadata.csv", b"file_name,split\na.png,holdout\n", "unknown split 'holdout'"),
        ("metadata.csv", b"file_name,label\na.png,x\na.png,y\n", "line 3.*listed before"),
        ("metadata.csv", b"file_name,label\n\xff\xfe,x\n", "not UTF-8"),
        ("metadata.jsonl", b'{"file_name": "a.png"}\n{oops\n', "line 2: not JSON"),
        ("metadata.jsonl", b"[1, 2]\n", "text 'file_name'"),
        ("metadata.jsonl", b'{"file_name": "a.png", "label": ["x"]}\n', "one word or number"),
        ("metadata.jsonl", b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(name: str, text: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read_metadata(name, text)
    assert str(caught.value).startswith(name)


def test_a_name_that_points_outside_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"x")
    root = touch(tmp_path / "in", "a.png")
    (root / "metadata.csv").write_text("file_name,label\n../secret.png,x\na.png,y\n/etc/passwd,z\n")
    assert list(as_dict(read(root))) == ["a.png"]
