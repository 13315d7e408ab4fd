"""Pairs of pictures from the names of their folders: a source, and the target that it is to be translated into.

The rules:
1. A folder `A`, `source` or `input` holds sources, `B` or `target` targets, in any case; `trainA`, `valB` and `test_A`
   are a split folder and a side in one word. Splits may be folders above or below: `train/A/`, `A/train/`.
2. Pictures with the same name but for the side and the file's ending are a pair.
3. Pictures are pairs where each of them lies on a side, and at least half of each side has its other half. Otherwise
   they are read as any other pictures.
4. Folders called plainly `A` and `B` may as well be two classes whose files are numbered alike. Names do not tell;
   whoever opens the data does (see `open_data`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sparring.data.collection import Item, PairPlace, Skipped, Split
from sparring.data.listing import Entry, printable
from sparring.data.metadata import SPLIT_WORDS

_SIDES = {"a": "source", "source": "source", "input": "source", "b": "target", "target": "target"}
_JOINED = re.compile(rf"({'|'.join(SPLIT_WORDS)})[_-]?([ab])")

LAYOUTS = (
    "folders A (what is given) and B (what is to be made of it) with files of the same names, as in pairs/A/01.jpg "
    "and pairs/B/01.jpg, also pairs/train/A/ or pairs/trainA/; or pictures of A beside B with --fit halves"
)
"""What pairs look like, for messages."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """What was paired, each named and placed by its target first, and what stayed alone; `perhaps_classes`: rule 4."""

    items: Sequence[Item]
    skipped: Sequence[Skipped]
    perhaps_classes: bool


@dataclass(frozen=True, slots=True)
class _Half:
    """One picture: its name without side and ending, and what its folders say; `plain`: its side is called A or B."""

    key: str
    side: str
    split: Split | None
    plain: bool


def find_pairs(entries: Sequence[Entry]) -> Pairs | None:
    """The pairs among pictures, or None where they are none by the rules at the top of this file."""
    sides: dict[str, dict[str, tuple[_Half, Entry]]] = {"source": {}, "target": {}}
    skipped = []
    for entry in entries:
        half = _half(entry.name)
        if half is None:
            return None
        if half.key in sides[half.side]:
            skipped.append(_skip(entry, "another picture of this name, with another ending, is used"))
        else:
            sides[half.side][half.key] = (half, entry)
    both = sides["source"].keys() & sides["target"].keys()
    if not both or 2 * len(both) < max(map(len, sides.values())):
        return None
    for side, other in (("source", "target"), ("target", "source")):
        alone = [entry for key, (_, entry) in sides[side].items() if key not in both]
        skipped += [_skip(entry, f"no {other} of this name") for entry in alone]
    return Pairs(
        items=[
            Item(
                name=printable(entry.name),
                place=PairPlace(entry.place, sides["source"][key][1].place),
                split=half.split,
            )
            for key, (half, entry) in sides["target"].items()
            if key in both
        ],
        skipped=sorted(skipped, key=lambda lost: lost.name),
        perhaps_classes=all(half.plain for side in sides.values() for half, _ in side.values()),
    )


def _half(name: str) -> _Half | None:
    """What the folders of a picture say; None where none is a side. The innermost side counts."""
    *folders, file = name.split("/")
    side, split, rest, plain = None, None, [file.rpartition(".")[0] or file], False
    for folder in reversed(folders):
        word = folder.lower()
        joined = _JOINED.fullmatch(word)
        if side is None and (word in _SIDES or joined):
            side, plain = _SIDES[joined[2] if joined else word], word in ("a", "b")
            split = SPLIT_WORDS[joined[1]] if joined else split
            rest.append(joined[1] if joined else "")
        else:
            split = split or SPLIT_WORDS.get(word)
            rest.append(folder)
    return None if side is None else _Half("/".join(reversed(rest)), side, split, plain)


def _skip(entry: Entry, reason: str) -> Skipped:
    return Skipped(name=printable(entry.name), reason=reason)
