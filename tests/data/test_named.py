"""Data sets by name: digits against scikit-learn, the others in small copies served on the loopback address."""

import gzip
import hashlib
import http.server
import io
import re
import struct
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from sklearn.datasets import load_digits

from sparring.data import named
from sparring.data.collection import Collection
from sparring.data.download import DownloadError, RemoteFile
from sparring.data.named import NAMES, NamedSet, read_named, read_set, summaries
from sparring.errors import DataError, UsageError


def test_digits_are_those_of_scikit_learn(tmp_path: Path) -> None:
    reference = load_digits()
    collection = read_named("digits", cache=tmp_path)
    (block,) = collection.blocks
    assert collection.classes == tuple("0123456789")
    assert block.pictures.shape == (1797, 8, 8) and block.pictures.dtype == np.uint8
    assert np.array_equal(block.pictures, np.rint(reference.images * 255 / 16))
    assert np.array_equal(block.labels, reference.target)
    assert block.split is None
    assert list(tmp_path.iterdir()) == []


def test_digits_need_neither_torch_nor_scikit_learn_in_memory() -> None:
    code = (
        "import sys; from pathlib import Path; from sparring.data.named import read_named;"
        "read_named('digits', cache=Path('nowhere'));"
        "print(sorted({'torch', 'sklearn', 'scipy'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert output.stdout.strip() == "[]"


def test_digits_without_scikit_learns_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere:
        submodule_search_locations = (str(tmp_path),)

    monkeypatch.setattr("importlib.util.find_spec", lambda _: Elsewhere)
    with pytest.raises(DataError, match="Install scikit-learn again"):
        read_named("digits", cache=tmp_path)


def test_an_unknown_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown data set 'cifer10'\. Did you mean 'cifar10'") as refused:
        read_named("cifer10", cache=tmp_path)
    assert all(name in str(refused.value) for name in NAMES)


def test_one_line_for_each_name() -> None:
    assert set(NAMES) == {"digits", "mnist", "fashion-mnist", "kmnist", "cifar10", "cifar100", "svhn"}
    assert set(summaries()) == {*NAMES, "ring", "grid", "swiss-roll", "moons", "spirals"}
    assert all(line and "\n" not in line for line in summaries().values())


@pytest.mark.parametrize("name", NAMES)
def test_each_remote_file_is_fully_described(name: str) -> None:
    files = named._SETS[name].files
    assert len({file.filename for file in files}) == len(files)
    for file in files:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.size > 1000
        assert file.urls and all(re.match("https?://", url) and url.endswith(file.filename) for url in file.urls)


# Small copies of the published files, in their published formats


def idx(array: np.ndarray) -> bytes:
    return gzip.compress(struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes(), mtime=0)


def pictures(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, *shape), np.uint8)


def small_idx() -> dict[str, bytes]:
    return {
        "train-images-idx3-ubyte.gz": idx(pictures(3, 28, 28)),
        "train-labels-idx1-ubyte.gz": idx(np.array([9, 0, 5], np.uint8)),
        "t10k-images-idx3-ubyte.gz": idx(pictures(2, 28, 28)),
        "t10k-labels-idx1-ubyte.gz": idx(np.array([5, 5], np.uint8)),
    }


def tar(inner: str, files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"{inner}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def records(array: np.ndarray, *labels: list[int]) -> bytes:
    rows = zip(*labels, array.transpose(0, 3, 1, 2), strict=True)
    return b"".join(bytes(row[:-1]) + row[-1].tobytes() for row in rows)


def small_cifar10() -> dict[str, bytes]:
    files = {f"data_batch_{n}.bin": records(pictures(3, 32, 32, 3), [9, 0, 5]) for n in range(1, 6)}
    files |= {"test_batch.bin": records(pictures(2, 32, 32, 3), [5, 5]), "batches.meta.txt": b"\n".join(TEN)}
    return {"cifar-10-binary.tar.gz": tar("cifar-10-batches-bin", files)}


def small_cifar100() -> dict[str, bytes]:
    files = {
        "train.bin": records(pictures(3, 32, 32, 3), [1, 1, 1], [9, 0, 5]),
        "test.bin": records(pictures(2, 32, 32, 3), [1, 1], [5, 5]),
        "fine_label_names.txt": b"\n".join(b"thing%d" % number for number in range(100)),
    }
    return {"cifar-100-binary.tar.gz": tar("cifar-100-binary", files)}


def small_svhn() -> dict[str, bytes]:
    def mat(count: int, labels: list[int]) -> bytes:
        buffer = io.BytesIO()
        stored = np.moveaxis(pictures(count, 32, 32, 3), 0, 3)
        savemat(buffer, {"X": stored, "y": np.array(labels, np.uint8)[:, None]}, do_compression=True)
        return buffer.getvalue()

    return {"train_32x32.mat": mat(3, [9, 10, 5]), "test_32x32.mat": mat(2, [5, 5])}


TEN = tuple(f"kind{number}".encode() for number in range(10))
SMALL = {
    "mnist": small_idx,
    "fashion-mnist": small_idx,
    "kmnist": small_idx,
    "cifar10": small_cifar10,
    "cifar100": small_cifar100,
    "svhn": small_svhn,
}
CLASS_9_0_5 = {
    "mnist": ["9", "0", "5"],
    "fashion-mnist": ["Ankle boot", "T-shirt/top", "Sandal"],
    "kmnist": ["wo", "o", "ha"],
    "cifar10": ["kind9", "kind0", "kind5"],
    "cifar100": ["thing9", "thing0", "thing5"],
    "svhn": ["9", "0", "5"],
}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder, and the address under which its files can be had."""
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "served"
    folder.mkdir()
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield folder, f"http://127.0.0.1:{running.server_address[1]}/"
    running.shutdown()
    running.server_close()
    thread.join(timeout=10)


def small_set(name: str, folder: Path, base: str) -> NamedSet:
    """The set as it is registered, but for the sizes, hashes and addresses of its files."""
    for filename, data in SMALL[name]().items():
        (folder / filename).write_bytes(data)
    return replace(named._SETS[name], files=tuple(_at(file, folder, base) for file in named._SETS[name].files))


def _at(file: RemoteFile, folder: Path, base: str) -> RemoteFile:
    data = (folder / file.filename).read_bytes()
    url = base + file.filename
    return replace(file, urls=(url,), size=len(data), sha256=hashlib.sha256(data).hexdigest())


def class_names(collection: Collection, block: int) -> list[str]:
    labels = collection.blocks[block].labels
    assert labels is not None
    return [collection.classes[label] for label in labels]


@pytest.mark.parametrize("name", sorted(SMALL))
def test_each_set_is_fetched_once_and_read(name: str, served: tuple[Path, str], tmp_path: Path) -> None:
    small, cache = small_set(name, *served), tmp_path / "cache"
    progress: dict[str, int] = {}
    collection = read_set(small, cache=cache, on_progress=lambda file, done, _: progress.update({file: done}))
    assert progress == {file.filename: file.size for file in small.files}
    assert sorted(path.name for path in (cache / "downloads" / name).iterdir()) == sorted(progress)
    assert (collection.name, collection.source, collection.layout) == (name, name, summaries()[name])
    shape = (28, 28) if "mnist" in name else (32, 32, 3)
    assert np.array_equal(collection.blocks[0].pictures, pictures(3, *shape))
    assert np.array_equal(collection.blocks[-1].pictures, pictures(2, *shape))
    assert [block.split for block in collection.blocks] == ["train"] * (len(collection.blocks) - 1) + ["test"]
    assert class_names(collection, 0) == CLASS_9_0_5[name]
    assert len(collection.classes) == (100 if name == "cifar100" else 10)
    for file in small.files:
        (served[0] / file.filename).unlink()
    assert np.array_equal(read_set(small, cache=cache).blocks[0].pictures, collection.blocks[0].pictures)


def test_files_that_were_put_there_by_hand(served: tuple[Path, str], tmp_path: Path) -> None:
    small, folder = small_set("mnist", *served), tmp_path / "cache" / "downloads" / "mnist"
    folder.mkdir(parents=True)
    for path in served[0].iterdir():
        path.rename(folder / path.name)
    assert len(read_set(small, cache=tmp_path / "cache").blocks) == 2


def test_without_a_network_the_error_says_all_that_is_missing(served: tuple[Path, str], tmp_path: Path) -> None:
    small, folder = small_set("mnist", *served), tmp_path / "cache" / "downloads" / "mnist"
    folder.mkdir(parents=True)
    (served[0] / "train-images-idx3-ubyte.gz").rename(folder / "train-images-idx3-ubyte.gz")
    for path in served[0].iterdir():
        path.unlink()
    with pytest.raises(DownloadError, match=r"train-labels-idx1-ubyte\.gz could not be downloaded") as refused:
        read_set(small, cache=tmp_path / "cache")
    for file in small.files[1:]:
        assert f"{folder / file.filename} ({file.size:,} bytes, sha256 {file.sha256})" in str(refused.value)
        assert file.urls[0] in str(refused.value)
    assert str(folder / "train-images-idx3-ubyte.gz") not in str(refused.value)


def test_a_svhn_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "train_32x32.mat").write_bytes(b"no MATLAB file" * 100)
    with pytest.raises(DataError, match=r"train_32x32\.mat is no MATLAB file"):
        named._SETS["svhn"].read(tmp_path)
    savemat(tmp_path / "train_32x32.mat", {"Z": np.zeros(3)})
    with pytest.raises(DataError, match=r"train_32x32\.mat is no MATLAB file with 'X' and 'y'"):
        named._SETS["svhn"].read(tmp_path)
