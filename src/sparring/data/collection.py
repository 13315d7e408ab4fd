"""What a reader finds: pictures not yet decoded or arrays not yet packed, with their labels and given splits.

A reader turns a source (a folder, an archive, an array file, a name) into one `Collection`. Nothing here decodes or
imports torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Split = Literal["train", "validation", "test"]


class FilePlace(NamedTuple):
    """A picture that is a file of its own, or `size` bytes at `offset` of an uncompressed archive."""

    path: str
    offset: int = 0
    size: int | None = None


class ZipPlace(NamedTuple):
    """A picture that is a member of a zip archive."""

    path: str
    member: str


class PairPlace(NamedTuple):
    """A picture and the source that it is made from, each in a place of its own."""

    target: FilePlace | ZipPlace
    source: FilePlace | ZipPlace


class Item(NamedTuple):
    """One encoded picture, or a pair. `name` is its path inside the source, as a user would write it."""

    name: str
    place: FilePlace | ZipPlace | PairPlace
    label: str | None = None
    split: Split | None = None


@dataclass(frozen=True, kw_only=True)
class ArrayBlock:
    """Decoded pictures: uint8 [N, H, W] or [N, H, W, C] with labels int64 [N] (-1: none), or None without classes."""

    name: str
    pictures: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64] | None = None
    split: Split | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A file that is not used, and the reason in words."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Collection:
    """All that a reader found.

    Args:
        name: short name of the data, used in the run folder's name ("photos").
        source: what the user asked for, as given.
        layout: how it was understood, in words ("class folders, given splits train and test").
        classes: names of the classes, sorted, or in the order that a data set publishes; empty where there are none.
            `ArrayBlock.labels` index this tuple.
        items: encoded pictures; or
        blocks: decoded pictures. Exactly one of the two is filled.
        paired: whether each picture comes with a source.
        by_class: the same pictures as two classes, where folders called A and B may be either.
    """

    name: str
    source: str
    layout: str
    classes: tuple[str, ...] = ()
    items: Sequence[Item] = ()
    blocks: Sequence[ArrayBlock] = ()
    skipped: Sequence[Skipped] = ()
    notes: Sequence[str] = field(default_factory=tuple)
    paired: bool = False
    by_class: "Collection | None" = None
