"""IDX files made with struct, byte by byte as the format's description says."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sparring.data.idx import is_idx_source, read_idx, read_idx_array
from sparring.errors import DataError

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array: np.ndarray) -> bytes:
    code = CODES[array.dtype.str[1:]]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + b"".join(struct.pack(f">{array.dtype.char}", value) for value in array.ravel().tolist())


def write(path: Path, array: np.ndarray) -> Path:
    data = idx_bytes(array)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 9, 8), np.uint8)


@pytest.fixture
def mnist_like(tmp_path: Path) -> Path:
    write(tmp_path / "train-images-idx3-ubyte.gz", pictures(6))
    write(tmp_path / "train-labels-idx1-ubyte.gz", np.array([3, 1, 3, 7, 1, 0], np.uint8))
    write(tmp_path / "t10k-images-idx3-ubyte.gz", pictures(2, seed=1))
    write(tmp_path / "t10k-labels-idx1-ubyte.gz", np.array([7, 9], np.uint8))
    return tmp_path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    array=st.sampled_from(sorted(CODES)).flatmap(
        lambda code: hnp.arrays(code, hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=5))
    ),
    packed=st.booleans(),
)
def test_any_array_comes_back(tmp_path: Path, array: np.ndarray, packed: bool) -> None:
    path = write(tmp_path / ("x-idx3-ubyte.gz" if packed else "x-idx3-ubyte"), array)
    read = read_idx_array(path)
    assert read.shape == array.shape
    assert np.array_equal(read, array, equal_nan=array.dtype.kind == "f")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    head=st.sampled_from([b"", b"\0\0\x08\x03", b"\0\0\x0d\x01\0\0\0\x02"]),
    data=st.binary(max_size=64),
    gz=st.booleans(),
)
def test_any_bytes_are_read_or_refused_with_a_data_error(tmp_path: Path, head: bytes, data: bytes, gz: bool) -> None:
    path = tmp_path / ("a-idx3-ubyte.gz" if gz else "a-idx3-ubyte")
    path.write_bytes(head + data)
    try:
        blocks = read_idx(path).blocks
    except DataError as error:
        assert str(path) in str(error)
    else:
        assert blocks[0].pictures.size > 0


def test_a_folder_gives_both_parts_with_labels(mnist_like: Path) -> None:
    assert is_idx_source(mnist_like)
    collection = read_idx(mnist_like)
    assert collection.classes == ("0", "1", "3", "7", "9")
    train, test = collection.blocks
    assert (train.split, test.split) == ("train", "test")
    assert np.array_equal(train.pictures, pictures(6))
    assert np.array_equal(test.pictures, pictures(2, seed=1))
    assert train.labels is not None and test.labels is not None
    assert train.labels.tolist() == [2, 1, 2, 3, 1, 0]
    assert test.labels.tolist() == [3, 4]


def test_given_class_names_are_indexed_by_the_stored_number(mnist_like: Path) -> None:
    collection = read_idx(mnist_like, classes=tuple("abcdefghij"))
    assert collection.classes == tuple("abcdefghij")
    assert collection.blocks[0].labels is not None
    assert collection.blocks[0].labels.tolist() == [3, 1, 3, 7, 1, 0]


def test_the_dotted_spelling_and_a_plain_twin(tmp_path: Path) -> None:
    write(tmp_path / "train-images.idx3-ubyte", pictures(4))
    (tmp_path / "train-images.idx3-ubyte.gz").write_bytes(b"not read, because the plain file is there")
    collection = read_idx(tmp_path)
    assert np.array_equal(collection.blocks[0].pictures, pictures(4))
    assert collection.blocks[0].labels is None
    assert collection.classes == ()


def test_a_part_without_labels_beside_one_with(mnist_like: Path) -> None:
    (mnist_like / "t10k-labels-idx1-ubyte.gz").unlink()
    labels = read_idx(mnist_like).blocks[1].labels
    assert labels is not None and labels.tolist() == [-1, -1]


@pytest.mark.parametrize("name", ["digits-images-idx3-ubyte", "photos.idx3-ubyte.gz", "photos.idx", "PHOTOS.IDX3"])
def test_a_single_file_of_pictures(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, pictures(5))
    assert is_idx_source(path)
    collection = read_idx(path)
    assert np.array_equal(collection.blocks[0].pictures, pictures(5))
    assert collection.blocks[0].split is None
    assert collection.classes == ()


def test_emnist_is_read_as_stored_and_says_so(tmp_path: Path) -> None:
    write(tmp_path / "emnist-letters-train-images-idx3-ubyte", pictures(3))
    collection = read_idx(tmp_path)
    assert np.array_equal(collection.blocks[0].pictures, pictures(3))
    assert any("rows and columns exchanged" in note for note in collection.notes)


@pytest.mark.parametrize("name", ["notes.txt", "index.html", "train-images.png", "idx3"])
def test_other_files_are_no_source(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    assert not is_idx_source(tmp_path / name)
    assert not is_idx_source(tmp_path)
    assert not is_idx_source(tmp_path / "absent-idx3-ubyte")


@pytest.mark.parametrize("cut", [0, 3, 4, 10, 16, 17, -1])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_file_that_is_cut_short(tmp_path: Path, cut: int, suffix: str) -> None:
    path = tmp_path / f"train-images-idx3-ubyte{suffix}"
    data = idx_bytes(pictures(3))[:cut]
    path.write_bytes(gzip.compress(data) if suffix else data)
    with pytest.raises(DataError, match=r"cut short|no IDX file") as refused:
        read_idx(path)
    assert str(path) in str(refused.value)


def test_a_compressed_stream_that_is_cut_short(tmp_path: Path) -> None:
    path = write(tmp_path / "train-images-idx3-ubyte.gz", pictures(50))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="can't be read"):
        read_idx(path)


def test_a_file_that_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(idx_bytes(pictures(3)) + b"\0")
    with pytest.raises(DataError, match="too long"):
        read_idx(path)


def test_a_header_that_promises_terabytes_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(struct.pack(">BBBB3I", 0, 0, 8, 3, 2**32 - 1, 2**20, 2**20) + b"abc")
    with pytest.raises(DataError, match="3 bytes of values are there"):
        read_idx(path)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array([1, 2], np.uint8), "labels, not pictures"),
        (np.zeros((0, 8, 8), np.uint8), "is empty"),
        (np.full((1, 8, 8), -3, np.int8), "int8 .* with values from -3 to -3"),
        (np.full((1, 8, 8), 99, np.float32), "values from 99 to 99"),
    ],
)
def test_other_content_is_refused_in_words(tmp_path: Path, array: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_idx(write(tmp_path / "a-idx3-ubyte", array))


def test_counts_that_differ(mnist_like: Path) -> None:
    write(mnist_like / "train-labels-idx1-ubyte.gz", np.array([3, 1], np.uint8))
    with pytest.raises(DataError, match="holds 2 labels, but 6 pictures"):
        read_idx(mnist_like)


def test_labels_without_their_pictures(mnist_like: Path) -> None:
    (mnist_like / "t10k-images-idx3-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"the labels t10k-labels-idx1-ubyte\.gz, but not the pictures"):
        read_idx(mnist_like)


def test_two_sets_in_one_folder(mnist_like: Path) -> None:
    write(mnist_like / "emnist-letters-train-images-idx3-ubyte.gz", pictures(3))
    with pytest.raises(DataError, match="Keep one set a folder"):
        read_idx(mnist_like)
