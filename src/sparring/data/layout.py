"""From names to meaning: which folders are splits, which are classes, and which say that there are no labels.

Pairs of pictures are told first (see `pairs`), where there is no metadata file. The rules for others, in this order:
1. A folder that everything lies in is looked through (`clothing/train/...` is read as `train/...`).
2. Split folders `train`, `val|valid|validation`, `test`, and `labeled|labelled`, `unlabeled|unlabelled`, in either
   order of nesting, count where one of them is `train` or `labeled`, or where there are no other folders.
3. Folders are classes where every training picture lies below a first-level folder and there are two or more of them;
   deeper folders do not matter. Otherwise pictures are unlabelled. A class folder called `unlabeled` holds pictures
   without a label.
4. `metadata.csv|jsonl` goes above what the folders say, column by column; pictures that it does not list are not used.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sparring.data.collection import Collection, Item, Skipped, Split
from sparring.data.defects import MASKS
from sparring.data.listing import Entry, Listing, printable
from sparring.data.metadata import SPLIT_WORDS, Row, read_metadata
from sparring.data.pairs import find_pairs

LABELLED_WORDS = frozenset({"labeled", "labelled"})
UNLABELLED_WORDS = frozenset({"unlabeled", "unlabelled"})
_SPECIAL = SPLIT_WORDS.keys() | LABELLED_WORDS | UNLABELLED_WORDS
_REPEATS = re.compile(r"\d+_.+")


@dataclass(slots=True)
class _Placed:
    """One picture while its folders are understood: `rest` are the parts of its name that are left."""

    entry: Entry
    rest: list[str]
    split: Split | None = None
    labelled: bool | None = None
    label: str | None = None


@dataclass
class _Layout:
    """What was understood so far."""

    pictures: list[_Placed]
    words: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def keep(self, kept: Iterable[_Placed], reason: str) -> None:
        """Keep these pictures and name the others as skipped."""
        kept = list(kept)
        chosen = {id(picture) for picture in kept}
        lost = [picture for picture in self.pictures if id(picture) not in chosen]
        self.skipped += [Skipped(name=printable(picture.entry.name), reason=reason) for picture in lost]
        self.pictures = kept


def arrange(listing: Listing, *, name: str, source: str) -> Collection:
    """The collection that a listing means, by the rules at the top of this file.

    Raises:
        DataError: a metadata file that can't be understood.
    """
    pairs = None if listing.texts else find_pairs(listing.entries)
    if pairs is not None:
        by_class = _arrange_apart(listing, name=name, source=source) if pairs.perhaps_classes else None
        return Collection(
            name=name,
            source=source,
            layout=", ".join(["pairs: B is to be made of A", *_splits_in_words(item.split for item in pairs.items)]),
            items=pairs.items,
            skipped=[*listing.skipped, *pairs.skipped],
            notes=(*listing.notes, *_empty_notes(listing)),
            paired=True,
            by_class=by_class,
        )
    return _arrange_apart(listing, name=name, source=source)


def _arrange_apart(listing: Listing, *, name: str, source: str) -> Collection:
    """As `arrange`, of pictures that are no pairs."""
    layout = _Layout([_Placed(entry, entry.name.split("/")) for entry in listing.entries])
    _look_through(layout)
    _read_special(layout)
    _read_classes(layout)
    rows = _all_rows(listing)
    if rows:
        _apply(layout, rows)
    classes = sort_classes({picture.label for picture in layout.pictures if picture.label is not None})
    layout.notes += _class_notes(classes) + _empty_notes(listing)
    return Collection(
        name=name,
        source=source,
        layout=_in_words(layout, classes),
        classes=classes,
        items=[_item(picture) for picture in layout.pictures],
        skipped=[*listing.skipped, *layout.skipped],
        notes=(*listing.notes, *layout.notes),
    )


def sort_classes(names: set[str]) -> tuple[str, ...]:
    """Sorted names of classes; by value where all are whole numbers, so that 10 comes after 9."""
    if all(name.isascii() and name.isdigit() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def _item(picture: _Placed) -> Item:
    entry = picture.entry
    return Item(name=printable(entry.name), place=entry.place, label=picture.label, split=picture.split)


def _look_through(layout: _Layout) -> None:
    """Drop first folders that all pictures share; a lone special folder says nothing, with nothing beside it."""
    dropped = []
    while common := _common_folder(layout.pictures):
        dropped.append(common)
        for picture in layout.pictures:
            del picture.rest[0]
    special = [folder for folder in dropped if folder.lower() in _SPECIAL - {"train", "training"}]
    if special:
        layout.notes.append(f"the only folder is '{printable(special[-1])}': its pictures are used for training")


def _common_folder(pictures: list[_Placed]) -> str | None:
    folders = {picture.rest[0] if len(picture.rest) > 1 else None for picture in pictures}
    return folders.pop() if len(folders) == 1 else None


def _read_special(layout: _Layout) -> None:
    """Take split and labelled/unlabelled folders off the names, where they count by rule 2."""
    for _ in range(2):
        folders = {picture.rest[0].lower() for picture in layout.pictures if len(picture.rest) > 1}
        leading = {word for word in folders if SPLIT_WORDS.get(word) == "train"} | folders & LABELLED_WORDS
        if not folders or not (leading or folders <= _SPECIAL) or (layout.words and not folders & _SPECIAL):
            return
        if not layout.words:
            _keep_masks_out(layout)
            outside = "lies beside the split folders: move it into one of them"
            layout.keep([picture for picture in layout.pictures if _first_word(picture) in _SPECIAL], outside)
        layout.words += sorted(folders & _SPECIAL)
        for picture in layout.pictures:
            _take_word(picture)


def _keep_masks_out(layout: _Layout) -> None:
    """Masks of faults, as MVTec AD has them (`defects`), are no pictures to learn from."""
    if any(_first_word(picture) == MASKS for picture in layout.pictures):
        kept = [picture for picture in layout.pictures if _first_word(picture) != MASKS]
        layout.keep(kept, "a mask of a fault: `sparring evaluate` and `detect` read it")


def _first_word(picture: _Placed) -> str:
    return picture.rest[0].lower() if len(picture.rest) > 1 else ""


def _take_word(picture: _Placed) -> None:
    word = _first_word(picture)
    if word in SPLIT_WORDS and picture.split is None:
        picture.split = SPLIT_WORDS[word]
    elif word in LABELLED_WORDS | UNLABELLED_WORDS and picture.labelled is None:
        picture.labelled = word in LABELLED_WORDS
    else:
        return
    del picture.rest[0]


def _read_classes(layout: _Layout) -> None:
    """Labels from first-level folders, where they are classes by rule 3."""
    candidates = [picture for picture in layout.pictures if picture.labelled is not False]
    told = any(picture.labelled for picture in candidates)
    while not told and _common_folder(candidates):
        for picture in candidates:
            del picture.rest[0]
    training = [picture for picture in candidates if picture.split in (None, "train")]
    folders = {picture.rest[0] for picture in training if len(picture.rest) > 1}
    classes = {folder for folder in folders if folder.lower() not in UNLABELLED_WORDS}
    loose = sum(len(picture.rest) == 1 for picture in training)
    if len(classes) < (1 if told else 2) or (loose and not told):
        layout.notes += _why_no_classes(classes, loose, len(training))
        return
    for picture in candidates:
        if len(picture.rest) > 1 and picture.rest[0].lower() not in UNLABELLED_WORDS:
            picture.label = _class_name(picture.rest[0])
    if any(len(picture.rest) == 1 for picture in candidates):
        layout.notes.append("pictures outside the class folders are used without a label")


def _class_name(folder: str) -> str:
    """Names that are no UTF-8 are written with escapes, as everything that is shown; others stay as they are."""
    return printable(folder) if any("\ud800" <= char <= "\udfff" for char in folder) else folder


def _why_no_classes(classes: set[str], loose: int, training: int) -> list[str]:
    if len(classes) >= 2 and loose:
        return [
            f"folders are not taken as classes, because {loose} of {training} pictures lie beside them:"
            " move those into a class folder or into one called 'unlabeled'"
        ]
    return []


def _all_rows(listing: Listing) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for name in sorted(listing.texts):
        rows |= read_metadata(name, listing.texts[name])
    return rows


def _apply(layout: _Layout, rows: dict[str, Row]) -> None:
    layout.keep(
        [picture for picture in layout.pictures if picture.entry.name in rows], "not listed in the metadata file"
    )
    present = {picture.entry.name for picture in layout.pictures}
    missing = sorted(rows.keys() - present)
    layout.skipped += [
        Skipped(name=printable(name), reason="listed in the metadata file, but there is no such picture")
        for name in missing
    ]
    for picture in layout.pictures:
        row = rows[picture.entry.name]
        picture.label = row.label if row.has_label else picture.label
        picture.split = row.split if row.has_split else picture.split
    layout.words.append("metadata")


def _class_notes(classes: tuple[str, ...]) -> list[str]:
    """Remarks on names of classes that look alike, or that mean something to other tools."""
    notes = []
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for name in classes:
        alike[unicodedata.normalize("NFC", name).casefold()].append(name)
    for names in alike.values():
        if len(names) > 1:
            shown = ", ".join(ascii(name) for name in names)
            notes.append(f"classes with names that look the same are kept apart: {shown}")
    if classes and all(_REPEATS.fullmatch(name) for name in classes):
        notes.append(
            f"class names such as '{printable(classes[0])}' are taken whole: a number in front repeats nothing here"
        )
    return notes


def _empty_notes(listing: Listing) -> list[str]:
    """Remarks on folders that hold nothing at all that could be read, the outermost ones only."""
    filled = set(_ancestors(entry.name for entry in listing.entries))
    filled |= set(_ancestors(skipped.name for skipped in listing.skipped))
    filled |= set(_ancestors(listing.texts))
    empty = listing.folders - filled
    outer = sorted(name for name in empty if name.rpartition("/")[0] not in empty)
    return [f"the folder '{printable(name)}' holds no picture" for name in outer]


def _ancestors(names: Iterable[str]) -> Iterator[str]:
    for folder in {name.rpartition("/")[0] for name in names}:
        while folder:
            yield folder
            folder = folder.rpartition("/")[0]


def _in_words(layout: _Layout, classes: tuple[str, ...]) -> str:
    words = []
    if "metadata" in layout.words:
        words.append("metadata file")
    if classes:
        words.append(f"{len(classes)} classes" if "metadata" in layout.words else f"class folders ({len(classes)})")
    else:
        words.append("pictures without labels")
    if any(picture.labelled is False for picture in layout.pictures):
        words.append("with an unlabelled part")
    return ", ".join(words + _splits_in_words(picture.split for picture in layout.pictures))


def _splits_in_words(splits: Iterable[Split | None]) -> list[str]:
    given = set(splits)
    names = [name for name in ("train", "validation", "test") if name in given]
    return ["given splits " + ", ".join(names)] if names else []
