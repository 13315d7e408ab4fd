"""CIFAR batches laid out as their page describes them: a label, then 1,024 red, green and blue values each."""

import gzip
import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sparring.data.cifar import is_cifar_source, read_cifar
from sparring.errors import DataError

TEN = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
HUNDRED = tuple(f"thing_{number:02d}" for number in range(100))


def pictures(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), np.uint8)


def planes(array: np.ndarray) -> np.ndarray:
    """[N, 3072]: all of red, row by row, then green, then blue."""
    return np.stack([np.concatenate([picture[:, :, c].ravel() for c in range(3)]) for picture in array])


def binary(array: np.ndarray, *labels: list[int]) -> bytes:
    rows = zip(*labels, planes(array), strict=True)
    return b"".join(bytes(row[:-1]) + row[-1].tobytes() for row in rows)


def cifar10_binary() -> dict[str, bytes]:
    files = {f"data_batch_{n}.bin": binary(pictures(3, n), [n, 0, 9]) for n in range(1, 6)}
    files["test_batch.bin"] = binary(pictures(2, 6), [4, 5])
    return files | {"batches.meta.txt": ("\n".join(TEN) + "\n\n").encode(), "readme.html": b"<html>"}


def cifar10_python() -> dict[str, bytes]:
    def batch(seed: int, labels: list[int]) -> bytes:
        return pickle.dumps({b"data": planes(pictures(len(labels), seed)), b"labels": labels, b"filenames": []}, 2)

    files = {f"data_batch_{n}": batch(n, [n, 0, 9]) for n in range(1, 6)}
    return files | {"test_batch": batch(6, [4, 5]), "batches.meta": pickle.dumps({"label_names": list(TEN)}, 2)}


def cifar100_binary() -> dict[str, bytes]:
    return {
        "train.bin": binary(pictures(3, 1), [19, 0, 7], [99, 0, 42]),
        "test.bin": binary(pictures(2, 2), [1, 2], [3, 4]),
        "fine_label_names.txt": "\n".join(HUNDRED).encode(),
        "coarse_label_names.txt": b"not read",
    }


def cifar100_python() -> dict[str, bytes]:
    train = {"data": planes(pictures(3, 1)), "coarse_labels": [19, 0, 7], "fine_labels": [99, 0, 42]}
    test = {"data": planes(pictures(2, 2)), "coarse_labels": [1, 2], "fine_labels": [3, 4]}
    meta = {"fine_label_names": list(HUNDRED), "coarse_label_names": ["not read"]}
    return {name: pickle.dumps(value, 4) for name, value in (("train", train), ("test", test), ("meta", meta))}


FORMS = {
    "cifar-10-batches-bin": cifar10_binary,
    "cifar-10-batches-py": cifar10_python,
    "cifar-100-binary": cifar100_binary,
    "cifar-100-python": cifar100_python,
}


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def write_archive(path: Path, inner: str, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"{inner}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def source(tmp_path: Path, form: str, where: str) -> Path:
    files = FORMS[form]()
    if where == "archive":
        kind = "binary" if "bin" in form else "python"
        return write_archive(tmp_path / f"cifar-{form.split('-')[1]}-{kind}.tar.gz", form, files)
    folder = write_folder(tmp_path / "data" / form, files)
    return folder if where == "folder" else folder.parent


@pytest.mark.parametrize("where", ["folder", "folder above", "archive"])
@pytest.mark.parametrize("form", ["cifar-10-batches-bin", "cifar-10-batches-py"])
def test_cifar10(tmp_path: Path, form: str, where: str) -> None:
    path = source(tmp_path, form, where)
    assert is_cifar_source(path)
    collection = read_cifar(path)
    assert (collection.name, collection.classes, collection.notes) == ("cifar10", TEN, ())
    assert [block.split for block in collection.blocks] == ["train"] * 5 + ["test"]
    for seed, block in enumerate(collection.blocks, start=1):
        labels = [seed, 0, 9] if seed < 6 else [4, 5]
        assert np.array_equal(block.pictures, pictures(len(labels), seed))
        assert block.labels is not None and block.labels.dtype == np.int64
        assert block.labels.tolist() == labels


@pytest.mark.parametrize("where", ["folder", "folder above", "archive"])
@pytest.mark.parametrize("form", ["cifar-100-binary", "cifar-100-python"])
def test_cifar100_takes_the_fine_labels(tmp_path: Path, form: str, where: str) -> None:
    path = source(tmp_path, form, where)
    assert is_cifar_source(path)
    collection = read_cifar(path)
    assert (collection.name, collection.classes) == ("cifar100", HUNDRED)
    train, test = collection.blocks
    assert (train.split, test.split) == ("train", "test")
    assert np.array_equal(train.pictures, pictures(3, 1))
    assert np.array_equal(test.pictures, pictures(2, 2))
    assert train.labels is not None and train.labels.tolist() == [99, 0, 42]
    assert test.labels is not None and test.labels.tolist() == [3, 4]


def test_a_few_batches_without_names(tmp_path: Path) -> None:
    files = {name: cifar10_binary()[name] for name in ("data_batch_2.bin", "data_batch_4.bin")}
    collection = read_cifar(write_folder(tmp_path / "few", files))
    assert [block.name for block in collection.blocks] == ["data_batch_2.bin", "data_batch_4.bin"]
    assert collection.classes == tuple("0123456789")
    assert "data_batch_1.bin" in collection.notes[0] and "data_batch_2.bin" not in collection.notes[0]


def test_train_bin_of_others_is_no_source(tmp_path: Path) -> None:
    assert not is_cifar_source(write_folder(tmp_path / "tokens", {"train.bin": bytes(1000), "val.bin": bytes(10)}))
    assert not is_cifar_source(write_folder(tmp_path / "words", {"train": b"text", "test": b"text"}))
    assert is_cifar_source(write_folder(tmp_path / "cifar", {"train.bin": bytes(3074 * 2)}))


@pytest.mark.parametrize("name", ["cifar10-jpg.tar.xz", "photos.tar.gz", "cifar.zip"])
def test_other_archives_are_no_source(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert not is_cifar_source(tmp_path / name)
    assert not is_cifar_source(tmp_path)


def test_a_hostile_batch_runs_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "made"
    files = cifar10_python()
    files["data_batch_3"] = b"cos\nmkdir\n(V" + str(marker).encode() + b"\ntR."
    with pytest.raises(DataError, match=r"data_batch_3 asks to run 'os.mkdir'"):
        read_cifar(write_folder(tmp_path / "hostile", files))
    assert not marker.exists()


def test_a_hostile_archive_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "work" / "cifar-10-binary.tar.gz"
    path.parent.mkdir()
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("cifar-10-batches-bin/data_batch_2.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(link)
        for name in ("../../data_batch_1.bin", "/data_batch_3.bin"):
            data = binary(pictures(1, 1), [1])
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    blocks = read_cifar(path).blocks
    assert [block.name for block in blocks] == ["data_batch_1.bin", "data_batch_3.bin"]
    assert sorted(found.name for found in tmp_path.rglob("*")) == ["cifar-10-binary.tar.gz", "work"]


def test_a_member_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    member = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
    member.size = 1 << 33
    path = tmp_path / "cifar-10-binary.tar.gz"
    path.write_bytes(gzip.compress(member.tobuf(tarfile.PAX_FORMAT) + bytes(4096)))
    with pytest.raises(DataError, match="8,589,934,592 bytes"):
        read_cifar(path)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("data_batch_1.bin", binary(pictures(2, 1), [1, 2])[:-1], "cut short"),
        ("data_batch_1.bin", b"", "is empty"),
        ("data_batch_1.bin", binary(pictures(1, 1), [200]), "labels from 200 to 200, where 0 to 9"),
        ("batches.meta.txt", b"cat\ndog\n", "names 2 classes, where 10"),
        ("batches.meta.txt", b"\xff\xfe" * 10, "no text of class names"),
    ],
)
def test_bad_binary_files(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words) as refused:
        read_cifar(write_folder(tmp_path / "bad", cifar10_binary() | {name: data}))
    assert name in str(refused.value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"labels": [1]}, r"holds \['labels'\]; expected 'data' and 'labels'"),
        ({"data": np.zeros((2, 3072), np.uint8), "labels": [1]}, r"uint8 \[1, 3072\] is expected"),
        ({"data": np.zeros((1, 3072), np.int8), "labels": [1]}, "'data' is int8"),
        ({"data": np.zeros((1, 3071), np.uint8), "labels": [1]}, r"'data' is uint8 \[1, 3071\]"),
        ({"data": [0] * 3072, "labels": [1]}, "'data' is list"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": ["cat"]}, "no list of whole numbers"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": [2**80]}, "no list of whole numbers"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": [-1]}, "labels from -1 to -1"),
        ({"data": np.zeros((0, 3072), np.uint8), "labels": []}, "is empty"),
    ],
)
def test_bad_python_batches(tmp_path: Path, value: dict[str, object], words: str) -> None:
    files = cifar10_python() | {"test_batch": pickle.dumps(value, 2)}
    with pytest.raises(DataError, match=words) as refused:
        read_cifar(write_folder(tmp_path / "bad", files))
    assert "test_batch" in str(refused.value)


def test_names_that_are_no_list(tmp_path: Path) -> None:
    files = cifar10_python() | {"batches.meta": pickle.dumps({"label_names": 3}, 2)}
    with pytest.raises(DataError, match="no list 'label_names'"):
        read_cifar(write_folder(tmp_path / "bad", files))


def test_an_archive_without_batches_and_a_mixed_one(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "cifar-10-binary.tar.gz", "photos", {"a.txt": b"x"})
    with pytest.raises(DataError, match=r"holds no CIFAR batch. Expected files such as data_batch_1.bin"):
        read_cifar(path)
    both = {**cifar10_binary(), "train.bin": cifar100_binary()["train.bin"]}
    path = write_archive(tmp_path / "cifar-100-binary.tar.gz", "both", both)
    with pytest.raises(DataError, match="mixes CIFAR-10, binary version and CIFAR-100, binary version"):
        read_cifar(path)


def test_an_archive_that_is_cut_short(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "cifar-10-binary.tar.gz", "cifar-10-batches-bin", cifar10_binary())
    whole = path.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1000):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"cifar-10-binary\.tar\.gz"):
            read_cifar(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(name=st.sampled_from(["cifar-10-binary.tar.gz", "cifar-100-python.tar"]), data=st.binary(max_size=1200))
def test_any_bytes_give_a_data_error(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=name):
        read_cifar(tmp_path / name)
