"""Which picture belongs to which part, and which labels are kept: pure functions of what the pictures show.

Names, order and number of files do not matter, so a picture stays in its part when others are added, and copies of a
picture never end up on both sides.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sparring.data.collection import Split
from sparring.errors import DataError, UsageError

PARTS: tuple[Split, ...] = ("train", "validation", "test")
VALIDATION_SHARE = 0.1
Hashes = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


def assign(hashes: Hashes, given: Sequence[Split | None]) -> dict[Split, npt.NDArray[np.int64]]:
    """The rows of each part, ascending.

    Given splits win; pictures without one are for training. Where no validation part is given, those pictures of train
    become
    it whose content hash lies in the lowest tenth of all hashes: about 10 %, at least one, never all. There is a test
    part only where one is given.

    Args:
        hashes: content hashes, uint8 [N, 16].
        given: the split that the source gives to each picture.

    Raises:
        DataError: nothing is left to train on.
    """
    codes = part_codes(given)
    rows = {name: np.flatnonzero(codes == index) for index, name in enumerate(PARTS)}
    if not len(rows["train"]):
        raise DataError(
            "there are no pictures to train on: all lie in the given validation and test parts."
            " Move some to a folder 'train'."
        )
    if not len(rows["validation"]):
        held_out = _held_out(hashes[rows["train"]])
        rows["validation"], rows["train"] = rows["train"][held_out], rows["train"][~held_out]
    return {name: part for name, part in rows.items() if len(part)}


def part_codes(given: Sequence[Split | None]) -> npt.NDArray[np.int64]:
    """The index in `PARTS` of each picture's given split; train where there is none."""
    code: dict[Split | None, int] = {name: index for index, name in enumerate(PARTS)}
    code[None] = 0
    return np.fromiter((code[split] for split in given), np.int64, len(given))


def limit_labels(labels: Labels, hashes: Hashes, *, keep: int, classes: Sequence[str], seed: int) -> Labels:
    """Labels with all but `keep` of them set to -1: equally many of each class as far as there are, drawn by seed and
    content.

    Args:
        labels: int64 [N], -1 where there is none.
        hashes: content hashes, uint8 [N, 16].
        keep: how many labels to keep.
        classes: names, indexed by the labels.
        seed: draws which ones.

    Raises:
        DataError: there are no labels.
        UsageError: there are fewer labels than asked for, or fewer asked for than there are classes.
    """
    known = np.flatnonzero(labels >= 0)
    if not classes or not len(known):
        raise DataError(
            f"--labels {keep}: these pictures have no labels. Put them into class folders, or leave it out."
        )
    counts = np.bincount(labels[known], minlength=len(classes))
    if keep > len(known):
        raise UsageError(f"--labels {keep}: the training part has only {len(known)} labels. Ask for fewer.")
    if keep < len(classes):
        raise UsageError(f"--labels {keep} is fewer than the {len(classes)} classes. Ask for {len(classes)} or more.")
    ranks = _ranks(hashes[known], seed)
    kept = np.full_like(labels, -1)
    for index, quota in enumerate(_quotas(counts, keep, seed)):
        members = np.flatnonzero(labels[known] == index)
        chosen = known[members[np.argsort(ranks[members], kind="stable")[:quota]]]
        kept[chosen] = index
    return kept


def fingerprint(hashes: Hashes) -> str:
    """One hexadecimal digest for a set of content hashes, whatever their order."""
    ordered = hashes[np.lexsort(hashes.T[::-1])] if len(hashes) else hashes
    return hashlib.blake2b(np.ascontiguousarray(ordered).tobytes(), digest_size=16).hexdigest()


def content_hashes(x: npt.NDArray[Any]) -> Hashes:
    """Of decoded examples [N, ...], uint8 [N, 16]."""
    digests = (hashlib.blake2b(example.tobytes(), digest_size=16).digest() for example in x)
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 16)


def as_keys(hashes: Hashes) -> npt.NDArray[np.void]:
    """Content hashes [N, 16] as N comparable values."""
    return np.ascontiguousarray(hashes).view("V16").reshape(-1)


def lies_low(hashes: Hashes) -> npt.NDArray[np.bool_]:
    """Whether each content hash lies in the lowest tenth of all hashes; uint8 [N, 16] to bool [N]."""
    return np.asarray(_positions(hashes) < np.uint64(VALIDATION_SHARE * 2**64))


def _positions(hashes: Hashes) -> npt.NDArray[np.uint64]:
    position: npt.NDArray[np.uint64] = np.ascontiguousarray(hashes[:, :8]).view(">u8").reshape(-1)
    return position


def _held_out(hashes: Hashes) -> npt.NDArray[np.bool_]:
    """True for validation. Copies share a hash, so they share the answer."""
    position, low = _positions(hashes), lies_low(hashes)
    if bool(low.any()) and not bool(low.all()):
        return low
    if position.min() == position.max():
        return np.asarray(np.arange(len(position)) == 0)  # nothing but copies of one picture
    none_below = not bool(low.any())
    return np.asarray(position == position.min() if none_below else position < position.max())


def _ranks(hashes: Hashes, seed: int) -> npt.NDArray[np.uint64]:
    key = f"labels {seed}".encode("ascii")
    digests = (hashlib.blake2b(row.tobytes(), digest_size=8, key=key).digest() for row in hashes)
    return np.frombuffer(b"".join(digests), ">u8").astype(np.uint64)


def _quotas(counts: npt.NDArray[np.int64], keep: int, seed: int) -> npt.NDArray[np.int64]:
    """How many labels of each class: dealt one at a time in an order drawn by the seed, until a class has no more."""
    order = np.argsort(_ranks(_numbers(len(counts)), seed))
    quotas = np.zeros_like(counts)
    while (left := keep - int(quotas.sum())) > 0:
        open_classes = order[quotas[order] < counts[order]]
        share = max(1, left // len(open_classes))
        for index in open_classes[: left if left < len(open_classes) else None]:
            quotas[index] += min(share, int(counts[index] - quotas[index]))
    return quotas


def _numbers(count: int) -> npt.NDArray[np.uint8]:
    """0 .. count - 1 as rows of 8 bytes."""
    return np.arange(count, dtype="<u8").view(np.uint8).reshape(count, 8)
