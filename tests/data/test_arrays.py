"""Array files that numpy itself wrote, and damaged ones."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sparring.data.arrays import is_array_source, read_arrays
from sparring.errors import DataError, MachineError

FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)


def pictures(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def npz(folder: Path, **arrays: np.ndarray) -> Path:
    path = folder / "photos.npz"
    np.savez(path, **arrays)
    return path


def test_images_and_labels(tmp_path: Path) -> None:
    path = npz(tmp_path, images=pictures(4, 9, 8), labels=np.array([2, 5, 2, -1]))
    assert is_array_source(path)
    collection = read_arrays(path)
    (block,) = collection.blocks
    assert (collection.name, collection.source, collection.classes) == ("photos", str(path), ("2", "5"))
    assert collection.layout == "arrays images uint8 [4, 9, 8]"
    assert np.array_equal(block.pictures, pictures(4, 9, 8))
    assert block.labels is not None and block.labels.tolist() == [0, 1, 0, -1]
    assert block.split is None


def test_images_alone_have_no_classes(tmp_path: Path) -> None:
    collection = read_arrays(npz(tmp_path, images=pictures(4, 9, 8)))
    assert collection.classes == ()
    assert collection.blocks[0].labels is None


@pytest.mark.parametrize(
    ("keys", "split"),
    [
        (("train_images", "train_labels"), "train"),
        (("training_images", "training_labels"), "train"),
        (("val_images", "val_labels"), "validation"),
        (("valid_images", "valid_labels"), "validation"),
        (("validation_images", "validation_labels"), "validation"),
        (("test_images", "test_labels"), "test"),
        (("x_train", "y_train"), "train"),
        (("X_val", "y_val"), "validation"),
        (("x_test", "y_test"), "test"),
        (("arr_0", "arr_1"), None),
    ],
)
def test_each_spelling_of_a_part(tmp_path: Path, keys: tuple[str, str], split: str | None) -> None:
    stored = {keys[0]: pictures(3, 9, 8), keys[1]: np.array([1, 0, 1])}
    (block,) = read_arrays(npz(tmp_path, **stored)).blocks
    assert block.split == split
    assert np.array_equal(block.pictures, stored[keys[0]])
    assert block.labels is not None and block.labels.tolist() == [1, 0, 1]


def test_parts_with_names_one_without_labels_and_a_foreign_key(tmp_path: Path) -> None:
    collection = read_arrays(
        npz(
            tmp_path,
            train_images=pictures(3, 3, 9, 8),
            train_labels=np.eye(3, dtype=np.float32)[[2, 0, 2]],
            test_images=pictures(2, 9, 8, 1, seed=1),
            classes=np.array(["shirt", "coat", "bag"]),
            author=np.array("someone"),
        )
    )
    train, test = collection.blocks
    assert collection.classes == ("shirt", "coat", "bag")
    assert np.array_equal(train.pictures, pictures(3, 3, 9, 8).transpose(0, 2, 3, 1))
    assert np.array_equal(test.pictures, pictures(2, 9, 8, 1, seed=1)[..., 0])
    assert train.labels is not None and train.labels.tolist() == [2, 0, 2]
    assert test.labels is not None and test.labels.tolist() == [-1, -1]
    assert collection.notes == ("keys that are not used: author",)


def test_floats_of_all_parts_share_one_range(tmp_path: Path) -> None:
    train, test = np.linspace(-1, 1, 64).reshape(1, 8, 8), np.zeros((1, 8, 8))
    blocks = read_arrays(npz(tmp_path, x_train=train, x_test=test)).blocks
    assert np.array_equal(blocks[0].pictures, np.rint((train + 1) * 127.5))
    assert (blocks[1].pictures == 128).all()


@FUZZ
@given(
    array=hnp.arrays(
        np.uint8,
        st.one_of(
            st.tuples(st.integers(1, 4), st.integers(5, 9), st.integers(5, 9)),
            st.tuples(st.integers(1, 4), st.integers(5, 9), st.integers(5, 9), st.sampled_from([1, 3, 4])),
        ),
    ),
    first=st.booleans(),
    fortran=st.booleans(),
    packed=st.booleans(),
)
def test_any_layout_comes_back(tmp_path: Path, array: np.ndarray, first: bool, fortran: bool, packed: bool) -> None:
    stored = np.moveaxis(array, 3, 1) if first and array.ndim == 4 else array
    stored = np.asfortranarray(stored) if fortran else np.ascontiguousarray(stored)
    expected = array[..., 0] if array.ndim == 4 and array.shape[3] == 1 else array
    (np.savez_compressed if packed else np.savez)(tmp_path / "a.npz", images=stored)
    np.save(tmp_path / "a.npy", stored)
    assert np.array_equal(read_arrays(tmp_path / "a.npz").blocks[0].pictures, expected)
    assert np.array_equal(read_arrays(tmp_path / "a.npy").blocks[0].pictures, expected)


def test_npy_stays_on_the_disk_and_can_not_be_written(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", pictures(4, 9, 8, 3))
    block = read_arrays(tmp_path / "a.npy").blocks[0]
    assert isinstance(block.pictures, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        block.pictures[0] = 0


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ({"faces": pictures(2, 8, 8), "id": np.arange(2)}, ["Found: faces, id", "Known: images, labels, PART_images"]),
        ({}, ["Found: none"]),
        ({"images": pictures(2, 8, 8), "test_labels": np.arange(2)}, ["'test_labels' has no pictures"]),
        ({"val_images": pictures(2, 8, 8), "valid_images": pictures(2, 8, 8)}, ["val_images", "are the same part"]),
        ({"images": pictures(2, 8, 8), "labels": np.arange(3)}, ["'labels' is int64 [3]", "'images' holds 2 pictures"]),
        ({"images": pictures(2, 8, 8), "labels": np.array(3)}, ["'labels' is int64 []", "holds 2 pictures"]),
        ({"images": pictures(0, 8, 8)}, ["'images' is empty: uint8 [0, 8, 8]"]),
        ({"images": pictures(8, 8)}, ["uint8 [8, 8]", "[N, H, W]"]),
        ({"images": np.full((2, 8, 8), 300.0)}, ["float64 [2, 8, 8] with values from 300 to 300"]),
        ({"images": np.array([[1], [1, 2]], object)}, ["array of Python objects", "np.stack"]),
        ({"images": np.zeros(3, [("a", "u1")])}, ["[N, H, W]"]),
        (
            {"images": pictures(2, 8, 8), "labels": np.array([0, 1]), "classes": np.arange(2)},
            ["'classes' is int64 [2]"],
        ),
        ({"images": pictures(2, 8, 8), "labels": np.array([0, 1]), "classes": np.array(["a", "a"])}, ["different"]),
        ({"images": pictures(2, 8, 8), "labels": np.array([0, 2]), "classes": np.array(["a", "b"])}, ["the label 2"]),
    ],
)
def test_bad_content_is_refused_in_words(tmp_path: Path, stored: dict[str, np.ndarray], words: list[str]) -> None:
    path = npz(tmp_path, **stored)
    with pytest.raises(DataError) as refused:
        read_arrays(path)
    for word in (str(path), *words):
        assert word in str(refused.value)


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_objects_are_never_unpickled(tmp_path: Path, suffix: str) -> None:
    hostile = np.array([Touch(tmp_path / "touched")], object)
    path = tmp_path / f"a{suffix}"
    np.save(path, hostile) if suffix == ".npy" else np.savez(path, images=hostile)
    with pytest.raises(DataError, match="array of Python objects"):
        read_arrays(path)
    assert not (tmp_path / "touched").exists()


def test_a_header_that_promises_terabytes_is_not_believed(tmp_path: Path) -> None:
    np.save(tmp_path / "small.npy", pictures(2, 8, 8))
    forged = (tmp_path / "small.npy").read_bytes().replace(b"(2, 8, 8), }" + 7 * b" ", b"(99999999, 8, 8), }")
    assert b"99999999" in forged
    (tmp_path / "small.npy").write_bytes(forged)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("images.npy", forged)
    for name in ("small.npy", "a.npz"):
        with pytest.raises(DataError, match="its header promises uint8"):
            read_arrays(tmp_path / name)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_cut_short_at_every_length(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    np.save(path, pictures(1, 8, 8)) if suffix == ".npy" else np.savez(path, images=pictures(1, 8, 8))
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match="damaged"):
            read_arrays(path)


@FUZZ
@given(
    st.one_of(
        st.binary(max_size=80),
        st.builds(
            bytes.__add__, st.sampled_from([b"\x93NUMPY\x01\0\x20\0{'descr'", b"PK\3\4"]), st.binary(max_size=60)
        ),
    )
)
def test_any_bytes_give_a_data_error(tmp_path: Path, data: bytes) -> None:
    for name in ("a.npy", "a.npz"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match=name):
            read_arrays(tmp_path / name)


@FUZZ
@given(suffix=st.sampled_from([".npy", ".npz"]), place=st.integers(0, 10**6), value=st.integers(0, 255))
def test_any_changed_byte_is_read_or_refused(tmp_path: Path, suffix: str, place: int, value: int) -> None:
    path = tmp_path / f"a{suffix}"
    stored = pictures(1, 8, 8)
    np.save(path, stored) if suffix == ".npy" else np.savez_compressed(path, images=stored, labels=np.array([3]))
    data = bytearray(path.read_bytes())
    data[place % len(data)] = value
    path.write_bytes(data)
    try:
        collection = read_arrays(path)
    except DataError as error:
        assert str(path) in str(error)
    else:
        assert collection.blocks[0].pictures.dtype == np.uint8


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = npz(tmp_path, images=pictures(1, 8, 8))
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="encrypted"):
        read_arrays(path)


def test_what_does_not_fit_in_the_memory_is_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*_: object, **__: object) -> np.ndarray:
        raise MemoryError

    path = npz(tmp_path, images=pictures(1, 8, 8))
    monkeypatch.setattr(np.lib.format, "read_array", too_large)
    with pytest.raises(MachineError, match="does not fit in the memory"):
        read_arrays(path)


@pytest.mark.parametrize("name", ["a.png", "a.zip", "npz", "a.npz.txt"])
def test_other_files_are_no_source(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert not is_array_source(tmp_path / name)
    assert not is_array_source(tmp_path)
    assert not is_array_source(tmp_path / "absent.npz")


def test_idx_and_cifar_are_dispatched(tmp_path: Path) -> None:
    idx, cifar = tmp_path / "x-idx3-ubyte", tmp_path / "cifar"
    idx.write_bytes(b"\0\0\x08\x03\0\0\0\1\0\0\0\x08\0\0\0\x08" + bytes(64))
    cifar.mkdir()
    (cifar / "data_batch_1.bin").write_bytes(bytes(3073))
    assert is_array_source(idx) and is_array_source(cifar)
    assert read_arrays(idx).blocks[0].pictures.shape == (1, 8, 8)
    assert read_arrays(cifar).blocks[0].pictures.shape == (1, 32, 32, 3)


def test_real_mnist_whole() -> None:
    folder = os.environ.get("SPARRING_TEST_DATA")
    if not folder or not Path(folder, "mnist.npz").exists():
        pytest.skip("SPARRING_TEST_DATA names no folder with mnist.npz")
    collection = read_arrays(Path(folder, "mnist.npz"))
    assert [block.pictures.shape for block in collection.blocks] == [(60000, 28, 28), (10000, 28, 28)]
    assert collection.classes == tuple("0123456789")
    # counts of each digit in the published training part
    labels = collection.blocks[0].labels
    assert labels is not None
    assert np.bincount(labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
