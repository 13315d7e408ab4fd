"""Rules of values and labels, against arithmetic written out here."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sparring.data.array_values import channels_last, index_classes, to_uint8
from sparring.errors import DataError

LEVELS = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)


def converted(array: np.ndarray, **others: np.ndarray) -> np.ndarray:
    parts = {"train": array, **others}
    return to_uint8(parts, {key: f"file: '{key}'" for key in parts})["train"]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_every_level_survives_as_float(dtype: str) -> None:
    assert np.array_equal(converted((LEVELS / 255).astype(dtype)), LEVELS)
    assert np.array_equal(converted((LEVELS / 127.5 - 1).astype(dtype)), LEVELS)


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_every_level_survives_as_uint16(dtype: str) -> None:
    assert np.array_equal(converted((LEVELS.astype(np.uint16) * 257).astype(dtype)), LEVELS)


def test_uint16_is_rounded_to_the_nearest_level() -> None:
    every = np.arange(65536, dtype=np.uint16).reshape(1, 256, 256)
    assert np.array_equal(converted(every), np.rint(every.astype(np.float64) * 255 / 65535))


def test_bool_is_black_and_white() -> None:
    assert converted(np.array([[[False, True]]])).tolist() == [[[0, 255]]]


def test_uint8_is_the_same_object() -> None:
    assert converted(LEVELS) is LEVELS


def test_a_part_without_negative_values_is_scaled_like_its_sibling() -> None:
    bright, signed = np.full((1, 8, 8), 1.0), np.linspace(-1, 1, 64).reshape(1, 8, 8)
    grey = np.zeros((1, 8, 8))
    assert converted(bright, test=signed).max() == 255
    assert converted(grey, test=signed).tolist() == np.full((1, 8, 8), 128).tolist()
    assert converted(grey, test=bright).max() == 0


def test_rounding_errors_outside_of_the_range_are_clipped() -> None:
    assert converted(np.array([[[-5e-5, 1 + 5e-5]]], np.float32)).tolist() == [[[0, 255]]]


def test_large_arrays_are_converted_in_chunks_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.random.default_rng(0).random((37, 8, 8, 3))
    whole = converted(picture)
    monkeypatch.setattr("sparring.data.array_values._CHUNK_BYTES", 4000)
    assert np.array_equal(converted(picture), whole)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.arange(256.0).reshape(1, 16, 16), "float64 [1, 16, 16] with values from 0 to 255"),
        (np.full((1, 8, 8), -1.5, np.float32), "values from -1.5 to -1.5"),
        (LEVELS.astype(np.int64), "int64 [4, 8, 8] with values from 0 to 255"),
        (LEVELS.astype(np.uint16), "uint16 [4, 8, 8] with values from 0 to 255"),
        (LEVELS.astype(np.uint32), "uint32"),
        (np.array([[[0.0, np.nan]]]), "NaN"),
        (np.array([[[0.0, np.inf]]]), "infinity"),
        (np.zeros((1, 8, 8), np.complex64), "complex64"),
        (np.array([[["a"]]]), "Expected pictures as numbers"),
        (np.zeros((1, 8, 8), "M8[s]"), "datetime64"),
    ],
)
def test_other_values_are_refused_in_words(array: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match="file: 'train'") as refused:
        converted(array)
    assert words in str(refused.value)


def test_a_nan_is_found_behind_the_first_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sparring.data.array_values._CHUNK_BYTES", 64 * 8)
    array = np.zeros((9, 8, 8))
    array[7, 3, 3] = np.nan
    with pytest.raises(DataError, match="NaN"):
        converted(array)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((5, 9, 8), (5, 9, 8)),
        ((5, 9, 8, 1), (5, 9, 8)),
        ((5, 1, 9, 8), (5, 9, 8)),
        ((5, 9, 8, 3), (5, 9, 8, 3)),
        ((5, 3, 9, 8), (5, 9, 8, 3)),
        ((5, 4, 9, 8), (5, 9, 8, 4)),
    ],
)
def test_channels_end_up_last(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert channels_last(np.zeros(shape, np.uint8), "file").shape == expected


def test_channels_first_pixels_keep_their_place() -> None:
    array = np.random.default_rng(0).integers(0, 256, (2, 3, 9, 8), np.uint8)
    last = channels_last(array, "file")
    assert all(
        last[n, y, x, c] == array[n, c, y, x] for n in range(2) for y in range(9) for x in range(8) for c in range(3)
    )


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((0, 8, 8), "empty"),
        ((3, 8, 0), "empty"),
        ((8, 8), r"\[N, H, W\]"),
        ((2, 8, 8, 8, 3), r"\[N, H, W\]"),
        ((2, 8, 8, 2), "1, 3 or 4 channels"),
        ((2, 3, 32, 3), "second axis or the last"),
    ],
)
def test_other_axes_are_refused(shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(DataError, match=words):
        channels_last(np.zeros(shape, np.uint8), "file")


def indexed(labels: np.ndarray, names: tuple[str, ...] = ()) -> tuple[tuple[str, ...], list[int]]:
    classes, numbers = index_classes({"train": labels}, {"train": "file: 'labels'"}, names)
    assert numbers["train"].dtype == np.int64
    return classes, numbers["train"].tolist()


@pytest.mark.parametrize(
    ("labels", "classes", "numbers"),
    [
        (np.array([2, 0, 2, 1], np.uint8), ("0", "1", "2"), [2, 0, 2, 1]),
        (np.array([10, 9, 30, -1]), ("9", "10", "30"), [1, 0, 2, -1]),
        (np.array([[1], [0]]), ("0", "1"), [1, 0]),
        (np.array([1.0, 0.0]), ("0", "1"), [1, 0]),
        (np.array([True, False]), ("0", "1"), [1, 0]),
        (np.array(["rose", "", "lily"]), ("lily", "rose"), [1, -1, 0]),
        (np.array([b"rose", "é".encode()]), ("rose", "é"), [0, 1]),
        (np.array([-1, -1]), (), [-1, -1]),
    ],
)
def test_labels_become_indices_of_the_names(labels: np.ndarray, classes: tuple[str, ...], numbers: list[int]) -> None:
    assert indexed(labels) == (classes, numbers)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "float32"])
def test_one_hot_rows_are_labels(dtype: str) -> None:
    assert indexed(np.eye(4, dtype=dtype)[[2, 0, 3, 1]]) == (("0", "1", "2", "3"), [2, 0, 3, 1])


def test_given_names_keep_their_order() -> None:
    names = ("shirt", "coat", "bag")
    assert indexed(np.array([2, 0, -1]), names) == (names, [2, 0, -1])
    assert indexed(np.array(["bag", "", "coat"]), names) == (names, [2, -1, 1])


def test_parts_share_their_classes() -> None:
    labels = {"train": np.array([5, 7]), "test": np.array([7, 9])}
    classes, numbers = index_classes(labels, {"train": "a", "test": "b"})
    assert classes == ("5", "7", "9")
    assert {key: value.tolist() for key, value in numbers.items()} == {"train": [0, 1], "test": [1, 2]}


@pytest.mark.parametrize(
    ("labels", "names", "words"),
    [
        (np.array([0.5, 1]), (), "whole numbers or texts"),
        (np.array([0, np.nan]), (), "whole numbers or texts"),
        (np.array([0, -2]), (), "from -2 to 0"),
        (np.array([2**63], np.uint64), (), "9223372036854775808"),
        (np.array([[1, 1], [0, 1]]), (), "not one-hot"),
        (np.array([[0.2, 0.8]]), (), "not one-hot"),
        (np.zeros((2, 0)), (), "not one-hot"),
        (np.zeros((2, 2, 2)), (), r"labels are \[N\]"),
        (np.array(3), (), r"labels are \[N\]"),
        (np.array([3]), ("a", "b"), "the label 3, but only 2 classes"),
        (np.array(["rsoe"]), ("rose", "lily"), "Did you mean 'rose'"),
        (np.array([b"\xff"]), (), "UTF-8"),
        (np.array(["2020-01-01"], "M8[D]"), (), "whole numbers or texts"),
    ],
)
def test_other_labels_are_refused_in_words(labels: np.ndarray, names: tuple[str, ...], words: str) -> None:
    with pytest.raises(DataError, match=words) as refused:
        indexed(labels, names)
    assert "file: 'labels'" in str(refused.value)


def test_numbers_beside_texts_are_refused() -> None:
    labels = {"train": np.array([1]), "test": np.array(["rose"])}
    with pytest.raises(DataError, match="some labels are numbers and some are texts"):
        index_classes(labels, {"train": "a", "test": "b"})


@given(hnp.arrays(np.int64, st.integers(1, 40), elements=st.integers(-1, 12)))
def test_any_whole_numbers_come_back_through_their_names(labels: np.ndarray) -> None:
    classes, numbers = indexed(labels)
    assert [int(classes[number]) if number >= 0 else -1 for number in numbers] == labels.tolist()
    assert set(classes) == {str(label) for label in labels if label >= 0}
