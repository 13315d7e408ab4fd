"""Parts and kept labels as pure functions of content."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparring.data.split import PARTS, assign, fingerprint, limit_labels
from sparring.errors import DataError, UsageError


def random_hashes(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 16), np.uint8)


def test_given_splits_win() -> None:
    given_splits = ["train", "validation", "test", None, "train"]
    parts = assign(random_hashes(5), given_splits)
    assert {name: rows.tolist() for name, rows in parts.items()} == {"train": [0, 3, 4], "validation": [1], "test": [2]}


def test_a_tenth_is_held_out_by_content_and_there_is_no_test_part() -> None:
    hashes = random_hashes(20_000)
    parts = assign(hashes, [None] * len(hashes))
    assert set(parts) == {"train", "validation"}
    assert len(parts["validation"]) / len(hashes) == pytest.approx(0.1, abs=0.01)
    # independently: the leading byte of the hash alone decides all but one value in 256
    assert hashes[parts["validation"], 0].max() <= 25 and hashes[parts["train"], 0].min() >= 25


def test_a_picture_stays_in_its_part_when_others_are_added_or_moved() -> None:
    hashes = random_hashes(2000)
    old = assign(hashes[:1500], [None] * 1500)["validation"]
    held_out = {hashes[row].tobytes() for row in old}
    order = np.random.default_rng(1).permutation(2000)
    new = assign(hashes[order], [None] * 2000)["validation"]
    first = {hash_.tobytes() for hash_ in hashes[:1500]}
    assert {hashes[order][row].tobytes() for row in new} & first == held_out


@settings(max_examples=80, deadline=None)
@given(
    kinds=st.lists(st.integers(0, 6), min_size=2, max_size=30),
    splits=st.lists(st.sampled_from([None, "train", "test"]), min_size=30, max_size=30),
)
def test_every_picture_is_in_one_part_and_copies_stay_together(kinds: list[int], splits: list[str | None]) -> None:
    hashes = random_hashes(7)[kinds]
    chosen = [None, None, *splits][: len(kinds)]
    parts = assign(hashes, chosen)
    assert sorted(np.concatenate(list(parts.values())).tolist()) == list(range(len(kinds)))
    assert len(parts["train"]) and len(parts["validation"])
    training = [row for row, split in enumerate(chosen) if split != "test"]
    if len({kinds[row] for row in training}) > 1:
        sides = [{kinds[row] for row in parts[name]} for name in PARTS[:2]]
        assert not sides[0] & sides[1]


def test_nothing_to_train_on_is_an_error() -> None:
    with pytest.raises(DataError, match="no pictures to train on"):
        assign(random_hashes(2), ["test", "validation"])


def test_labels_are_balanced_and_drawn_by_seed_and_content() -> None:
    hashes, labels = random_hashes(600), np.arange(600) % 4
    kept = limit_labels(labels, hashes, keep=102, classes="abcd", seed=0)
    assert sorted(np.bincount(kept[kept >= 0]).tolist()) == [25, 25, 26, 26]
    assert (kept[kept >= 0] == labels[kept >= 0]).all()
    order = np.random.default_rng(2).permutation(600)
    assert np.array_equal(limit_labels(labels[order], hashes[order], keep=102, classes="abcd", seed=0), kept[order])
    assert not np.array_equal(limit_labels(labels, hashes, keep=102, classes="abcd", seed=1), kept)


def test_a_rare_class_gives_all_it_has() -> None:
    labels = np.array([0] * 3 + [1] * 100 + [2] * 100 + [-1] * 50)
    kept = limit_labels(labels, random_hashes(253), keep=63, classes="abc", seed=5)
    assert np.bincount(kept[kept >= 0]).tolist() == [3, 30, 30]
    assert (kept[-50:] == -1).all()


@pytest.mark.parametrize(
    ("labels", "keep", "error", "words"),
    [
        ([-1] * 10, 5, DataError, "no labels"),
        ([0, 1] * 5, 11, UsageError, "only 10 labels"),
        ([0, 1] * 5, 1, UsageError, "fewer than the 2 classes"),
    ],
)
def test_labels_that_cannot_be_kept(labels: list[int], keep: int, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        limit_labels(np.array(labels), random_hashes(10), keep=keep, classes="ab", seed=0)


def test_the_fingerprint_of_a_part_does_not_depend_on_order() -> None:
    hashes = random_hashes(50)
    assert fingerprint(hashes) == fingerprint(hashes[::-1])
    assert fingerprint(hashes) != fingerprint(hashes[1:])
    assert len(fingerprint(hashes[:0])) == 32
