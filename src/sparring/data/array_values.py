"""From arrays as people save them to uint8 pictures and class numbers.

Pictures (any of bool, uint8, uint16 and floats; nothing is guessed beyond these rules):

- uint8 is taken as it is, bool becomes 0 and 255;
- uint16 covers 0 to 65535 (an array of them that stays below 256 is 8-bit data in a wide type, and refused);
- floats lie in [0, 1], or, where a value below zero occurs, in [-1, 1].

All the arrays of one source share one rule: a test part without a negative value is scaled like its training part.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from sparring.errors import DataError, did_you_mean

Array = npt.NDArray[Any]
Key = TypeVar("Key")
Range = tuple[float, float]

FLOAT_SLACK = 1e-4
"""How far a float may lie outside its range: rounding errors of a resize or a normalisation."""

CHANNELS = (1, 3, 4)
_CHUNK_BYTES = 1 << 24


def describe(array: Array, limits: Range | None = None) -> str:
    """An array in words.

    >>> describe(np.zeros((5, 8, 8), np.uint8))
    'uint8 [5, 8, 8]'
    """
    words = f"{array.dtype} [{', '.join(map(str, array.shape))}]"
    return words if limits is None else f"{words} with values from {limits[0]:g} to {limits[1]:g}"


def channels_last(array: Array, where: str) -> Array:
    """Check the axes of pictures, and put the channels last.

    Args:
        array: [N, H, W], [N, H, W, C] or [N, C, H, W] with 1, 3 or 4 channels.
        where: file and key, for the message.

    Returns:
        A view: [N, H, W] where there is one channel, [N, H, W, C] otherwise.

    Raises:
        DataError: no pictures, other axes, or axes that can be read both ways.
    """
    if 0 in array.shape:
        raise DataError(f"{where} is empty: {describe(array)}. Save at least one picture with at least one pixel.")
    if array.ndim == 3:
        return array
    if array.ndim != 4:
        raise DataError(f"{where} is {describe(array)}; pictures are [N, H, W], [N, H, W, C] or [N, C, H, W].")
    return _one_channel_squeezed(_moved(array, where))


def _moved(array: Array, where: str) -> Array:
    last, first = array.shape[3] in CHANNELS, array.shape[1] in CHANNELS
    if last and first:
        raise DataError(
            f"{where} is {describe(array)}: its channels may be the second axis or the last. "
            "Save pictures as [N, H, W, C] with sides of 8 pixels or more."
        )
    if not last and not first:
        raise DataError(
            f"{where} is {describe(array)}; 1, 3 or 4 channels are expected, as [N, H, W, C] or [N, C, H, W]."
        )
    return array if last else np.moveaxis(array, 1, 3)


def _one_channel_squeezed(array: Array) -> Array:
    return array.reshape(array.shape[:3]) if array.shape[3] == 1 else array


def to_uint8(parts: Mapping[Key, Array], where: Mapping[Key, str]) -> dict[Key, npt.NDArray[np.uint8]]:
    """Turn the pictures of one source into uint8 by the rules at the top of this module.

    Args:
        parts: pictures of any shape. uint8 comes back as the same object, unread.
        where: file and key of each, for the messages.

    Raises:
        DataError: another dtype, or values outside of the documented ranges.
    """
    limits = {
        key: _limits(array) for key, array in parts.items() if array.dtype.kind in "iuf" and array.dtype != np.uint8
    }
    signed = any(low < -FLOAT_SLACK for key, (low, _) in limits.items() if parts[key].dtype.kind == "f")
    return {key: _as_uint8(array, limits.get(key), signed, where[key]) for key, array in parts.items()}


def _limits(array: Array) -> Range:
    lows, highs = zip(*((chunk.min(), chunk.max()) for chunk in _chunks(array)), strict=True)
    # np.min and np.max keep a NaN; the builtin ones would lose it
    return float(np.min(lows)), float(np.max(highs))


def _chunks(array: Array) -> Iterator[Array]:
    rows = _rows_per_chunk(array)
    return (array[start : start + rows] for start in range(0, len(array), rows))


def _rows_per_chunk(array: Array) -> int:
    return max(1, _CHUNK_BYTES // (math.prod(array.shape[1:]) * array.itemsize))


def _as_uint8(array: Array, limits: Range | None, signed: bool, where: str) -> npt.NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    rule = _rule(array.dtype, limits, signed)
    if rule is None:
        raise DataError(f"{where} is {describe(array, limits)}. {_advice(array.dtype, limits)}")
    # chunk by chunk: a memory-mapped file of floats can be larger than the memory
    result = np.empty(array.shape, np.uint8)
    rows = _rows_per_chunk(array)
    for start in range(0, len(array), rows):
        result[start : start + rows] = rule(array[start : start + rows])
    return result


def _rule(dtype: np.dtype[Any], limits: Range | None, signed: bool) -> Callable[[Array], Array] | None:
    if dtype == np.bool_:
        return _from_bool
    if limits is None or not np.isfinite(limits).all():
        return None
    if dtype.kind == "u" and dtype.itemsize == 2:
        return _from_uint16 if limits[1] > 255 else None
    if dtype.kind != "f" or limits[0] < -1 - FLOAT_SLACK or limits[1] > 1 + FLOAT_SLACK:
        return None
    return _from_signed if signed else _from_unit


def _from_bool(chunk: Array) -> Array:
    return chunk.astype(np.uint8) * np.uint8(255)


def _from_uint16(chunk: Array) -> Array:
    return np.asarray((chunk.astype(np.uint32) + 128) // 257)


def _from_unit(chunk: Array) -> Array:
    return np.asarray(np.rint(np.clip(_wide(chunk), 0, 1) * 255))


def _from_signed(chunk: Array) -> Array:
    return np.asarray(np.rint((np.clip(_wide(chunk), -1, 1) + 1) * 127.5))


def _wide(chunk: Array) -> Array:
    return chunk.astype(np.float32) if chunk.itemsize < 4 else chunk


def _advice(dtype: np.dtype[Any], limits: Range | None) -> str:
    if limits is not None and not np.isfinite(limits).all():
        return "NaN and infinity are no colours: find the pictures that hold them."
    if dtype.kind in "iuf":
        return (
            "Expected: uint8 from 0 to 255, uint16 from 0 to 65535, or floats in [0, 1] or [-1, 1]. "
            "Values from 0 to 255 in another type: save them with .round().astype('uint8')."
        )
    return "Expected pictures as numbers: uint8, uint16, bool or floats."


def index_classes(
    labels: Mapping[Key, Array], where: Mapping[Key, str], names: tuple[str, ...] = ()
) -> tuple[tuple[str, ...], dict[Key, npt.NDArray[np.int64]]]:
    """Turn the labels of one source into indices of one tuple of class names.

    Args:
        labels: whole numbers [N] or [N, 1] (-1: no label), one-hot rows [N, K], or texts [N] ("": no label).
        where: file and key of each, for the messages.
        names: names by number where they are known; otherwise the numbers or texts that occur are the names.

    Returns:
        The class names (numbers in numeric order, texts sorted; `names` as given), and int64 [N] with -1 for no label.

    Raises:
        DataError: other shapes or values, numbers beside texts, or a label that `names` does not hold.
    """
    plain = {key: _plain_labels(array, where[key]) for key, array in labels.items()}
    if len({array.dtype.kind for array in plain.values()}) > 1:
        raise DataError(f"{' and '.join(where.values())}: some labels are numbers and some are texts. Save one kind.")
    found = np.unique(np.concatenate([np.unique(array) for array in plain.values()])) if plain else np.array([])
    known = found[found != ""] if found.dtype.kind == "U" else found[found != -1]
    if names:
        return names, {key: _indices_in(names, array, where[key]) for key, array in plain.items()}
    classes = tuple(str(value) for value in known.tolist())
    return classes, {key: _indices(known, array) for key, array in plain.items()}


def _indices(known: Array, labels: Array) -> npt.NDArray[np.int64]:
    present = np.isin(labels, known)
    return np.where(present, np.searchsorted(known, labels), -1).astype(np.int64)


def _indices_in(names: tuple[str, ...], labels: Array, where: str) -> npt.NDArray[np.int64]:
    if labels.dtype.kind == "U":
        return _indices_of_texts(names, labels, where)
    if len(labels) and labels.max() >= len(names):
        raise DataError(
            f"{where} holds the label {labels.max()}, but only {len(names)} classes are named (0 to {len(names) - 1})."
        )
    return labels


def _indices_of_texts(names: tuple[str, ...], labels: Array, where: str) -> npt.NDArray[np.int64]:
    numbers = {"": -1} | {name: number for number, name in enumerate(names)}
    for label in np.unique(labels).tolist():
        if label not in numbers:
            raise DataError(f"{where} holds the label '{label}', which is no class. {did_you_mean(label, names)}")
    return np.array([numbers[label] for label in labels.tolist()], np.int64)


def _plain_labels(labels: Array, where: str) -> Array:
    """Labels as int64 [N] or texts [N]."""
    if labels.ndim == 2:
        labels = labels[:, 0] if labels.shape[1] == 1 else _from_one_hot(labels, where)
    if labels.ndim != 1:
        raise DataError(f"{where} is {describe(labels)}; labels are [N] or one-hot rows [N, classes].")
    if labels.dtype.kind in "US":
        return _texts(labels, where)
    return _whole_numbers(labels, where)


def _from_one_hot(labels: Array, where: str) -> Array:
    numbers = labels.dtype.kind in "biuf" and bool(np.isin(labels, (0, 1)).all())
    if not numbers or not bool((labels.sum(axis=1) == 1).all()):
        raise DataError(
            f"{where} is {describe(labels)}, but not one-hot (a single 1 a row). Save one class number a picture."
        )
    return np.asarray(labels.argmax(axis=1))


def _texts(labels: Array, where: str) -> Array:
    try:
        return labels.astype(np.str_) if labels.dtype.kind == "U" else np.char.decode(labels, "utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{where} holds labels that are not UTF-8: {error}. Save them as text.") from error


def _whole_numbers(labels: Array, where: str) -> npt.NDArray[np.int64]:
    whole = labels.dtype.kind in "iub" or (labels.dtype.kind == "f" and _all_whole(labels))
    if not whole:
        raise DataError(f"{where} is {describe(labels)}; labels are whole numbers or texts, one a picture.")
    if len(labels) and (labels.min() < -1 or labels.max() > np.iinfo(np.int64).max):
        raise DataError(
            f"{where} holds labels from {labels.min()} to {labels.max()}; expected 0, 1, 2, ..., and -1 for no label."
        )
    return labels.astype(np.int64)


def _all_whole(labels: Array) -> bool:
    return bool(np.isfinite(labels).all()) and bool((labels == np.rint(labels)).all())
