"""The one entry to the data: any source in, packed parts, a spec and a report out."""

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast

import numpy as np

from sparring.data.cache import Cache, default_cache
from sparring.data.collection import Collection, Split
from sparring.data.decode import SMALLEST_SIDE, Fit
from sparring.data.facts import LARGEST_SIZE, Wish, decide
from sparring.data.find import Found, find_source
from sparring.data.opened import Data
from sparring.data.pack import Progress, check_usable, find, pack
from sparring.data.points import SETS
from sparring.data.put_together import Rows, data_of, label_parts
from sparring.data.report import DataReport, make_report
from sparring.data.row_arrays import is_row_file, read_row_arrays
from sparring.data.rows import Table, open_rows, table_of
from sparring.data.sharded import inspect_shards, open_shards
from sparring.data.shards import names_shards
from sparring.data.sources import ArrayPictures, EncodedPictures
from sparring.data.split import Labels, assign
from sparring.data.tables import SUFFIXES, read_table
from sparring.data.understood import Understood, key_of, recall, remember
from sparring.data.volumes import is_volume_file, open_volumes
from sparring.errors import DataError, UsageError


def open_data(
    source: str,
    *,
    size: int | None = None,
    fit: Literal["crop", "pad", "halves"] = "crop",
    channels: int | None = None,
    conditional: bool = True,
    labels: int | None = None,
    pairs: bool = True,
    stream: bool = False,
    seed: int = 0,
    cache: Path | None = None,
    on_progress: Callable[[str, int, int | None], None] | None = None,
) -> Data:
    """Open a folder, an archive, an array file, a table, shards or a data set by name; of volumes see `volumes`, of
    tables `tables` and `row_arrays`, of shards `shards`.

    Args:
        source: a path if it exists, else a registered name.
        size: pixels of a side, 8 to 256; by default what the pictures suggest (`facts.decide`).
        fit: "crop" cuts the centre square, "pad" keeps everything and fills up with the border's mean colour; "halves"
            makes a pair of each picture: the left half is the source of the right one. Each is cut to its centre.
        channels: 1, 3 or 4 (with alpha); by default 1 where no picture shows colour, else 3.
        conditional: False drops the labels.
        labels: keep only so many labels of train, balanced over the classes; the others become -1.
        pairs: what folders called A and B are that hold files of the same names: pairs, or else two classes.
        stream: read shards anew whenever their pictures are wanted, rather than packing all of them.
        seed: draws those labels, and nothing else.
        cache: where packed pictures are kept (default: SPARRING_CACHE, else the system's usual place).
        on_progress: called with a text, what is done and what there is to do (None: not known).

    Raises:
        UsageError: an option that can't be, or an unknown name.
        DataError: the source can't be used.
        MachineError: the cache can't be used.
    """
    wish = _wish(size, fit, channels)
    _check_labels(labels, conditional=conditional)
    store, progress = Cache(cache or default_cache()), on_progress or _silent
    if names_shards(source):
        return open_shards(
            source, wish, store, progress, conditional=conditional, labels=labels, seed=seed, stream=stream
        )
    if stream:
        raise UsageError(f"--stream reads shards, and '{source}' is none. Leave it out, or see docs/streaming.md.")
    if (table := _table(source)) is not None:
        _refuse_options(table, size=size, fit=fit, channels=channels, labels=labels)
        return open_rows(table, conditional=conditional, labels=labels, seed=seed)
    if is_volume_file(source):
        _refuse_volume_options(source, size=size, channels=channels, fit=fit)
        return open_volumes(source, conditional=conditional, labels=labels, seed=seed)
    found = _understood(source, wish, store, progress, pairs=pairs)
    return data_of(
        found.collection,
        found.packed,
        found.codes,
        found.names,
        classes=found.collection.classes if conditional and not found.packed.shape.paired else (),
        labels=labels,
        seed=seed,
    )


def _understood(source: str, wish: Wish, store: Cache, progress: Progress, *, pairs: bool) -> Understood:
    """The source, packed: an archive that was opened before without looking into it."""
    key = key_of(source, wish, pairs=pairs)
    if key is not None and (known := recall(store, key, source)):
        return known
    with _opened(source, store, progress, keep=True, pairs=pairs) as (collection, pictures):
        packed = pack(pictures, _wish_for(wish, collection), store, progress)
        codes = _codes(collection, collection.classes)
        if key is not None:
            remember(store, key, collection, packed, codes, pictures.names, pictures.given)
        names = {index: pictures.names[index] for index, _ in packed.errors}
        return Understood(collection=collection, packed=packed, codes=codes, names=names)


def inspect_data(
    source: str,
    *,
    size: int | None = None,
    fit: Literal["crop", "pad", "halves"] = "crop",
    channels: int | None = None,
    conditional: bool = True,
    pairs: bool = True,
    cache: Path | None = None,
    on_progress: Callable[[str, int, int | None], None] | None = None,
) -> DataReport:
    """What `open_data` would read, and how, without packing: from the pack if there is one, else from the headers
    alone.

    Nothing is written, but for what a named data set needs to be downloaded, and a temporary file where a compressed
    tar must be decompressed to be read. Headers do not show whether a file is cut short: such files are found when
    packing.

    Args, Raises: as `open_data`.
    """
    wish = _wish(size, fit, channels)
    store, progress = Cache(cache or default_cache()), on_progress or _silent
    if names_shards(source):
        return inspect_shards(source, wish, store, progress, conditional=conditional)
    if (table := _table(source)) is not None:
        _refuse_options(table, size=size, fit=fit, channels=channels)
        return open_rows(table, conditional=conditional).report
    if is_volume_file(source):
        return open_volumes(source, conditional=conditional).report
    with _opened(source, store, progress, keep=False, pairs=pairs) as (collection, pictures):
        wish = _wish_for(wish, collection)
        classes = collection.classes if conditional and not wish.paired else ()
        codes = _codes(collection, classes)
        packed = find(pictures, wish, store)
        if packed is not None:
            parts = label_parts(packed.facts, packed.parts, codes, classes, None, 0)
            return make_report(collection, packed.shape, packed.facts, packed.errors, pictures.names, parts, exact=True)
        return _inspect(collection, pictures, wish, codes, classes, progress)


def _table(source: str) -> Table | None:
    """What holds rows of numbers, read: a file of them, or a word for points that are made."""
    if not os.path.lexists(source) and source in SETS:
        return table_of(SETS[source])
    path = Path(source).expanduser()
    if path.suffix.lower() in SUFFIXES and path.is_file():
        return read_table(path)
    return read_row_arrays(path) if is_row_file(path) else None


def _refuse_options(
    table: Table, *, size: int | None, fit: str, channels: int | None, labels: int | None = None
) -> None:
    given = {"size": size, "fit": None if fit == "crop" else fit, "channels": channels}
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"--{name} {value}: '{table.source}' has rows of numbers, not pictures. Leave it out.")
    if labels is not None and not table.classes:
        raise UsageError(f"--labels {labels}: the rows of '{table.source}' have no labels. Leave it out.")


def _refuse_volume_options(source: str, *, size: int | None, channels: int | None, fit: str) -> None:
    given = {"size": size, "channels": channels, "fit": None if fit == "crop" else fit}
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"--{name} {value}: {source} holds volumes, which are taken as they are. Leave it out.")


def _inspect(
    collection: Collection,
    pictures: EncodedPictures | ArrayPictures,
    wish: Wish,
    codes: Labels,
    classes: Sequence[str],
    on_progress: Progress,
) -> DataReport:
    facts, errors = pictures.inspect(on_progress)
    check_usable(facts, errors, pictures.names)
    exact = isinstance(pictures, ArrayPictures)
    usable = np.flatnonzero(facts["ok"])
    given = [pictures.given[index] for index in usable.tolist()]
    rows = assign(facts["hash"][usable], given) if exact else _given_parts(given)
    parts = {name: usable[part] for name, part in rows.items()}
    labelled = label_parts(facts, parts, codes, classes, None, 0)
    return make_report(collection, decide(facts, wish), facts, errors, pictures.names, labelled, exact=exact)


def _given_parts(given: Sequence[Split | None]) -> dict[Split, Rows]:
    names = np.array([split or "train" for split in given])
    parts: tuple[Split, ...] = ("train", "validation", "test")
    return {name: np.flatnonzero(names == name) for name in parts if bool((names == name).any())}


@contextmanager
def _opened(
    source: str, store: Cache, on_progress: Progress, *, keep: bool, pairs: bool
) -> Iterator[tuple[Collection, EncodedPictures | ArrayPictures]]:
    with ExitStack() as stack:
        with _without_collector():
            found: Found = stack.enter_context(find_source(source, store, on_progress, keep=keep))
        collection = found.collection
        if collection.by_class is not None and not pairs:
            collection = collection.by_class
        if collection.blocks:
            yield collection, ArrayPictures(collection.blocks)
            return
        _check_items(collection)
        pictures = EncodedPictures(collection.items, fingerprint=found.fingerprint, stage=found.stage)
        yield collection, stack.enter_context(pictures)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Inside, cycles are not looked for: listing makes many small objects that all stay, and would be searched again
    and again, a third of its time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _check_items(collection: Collection) -> None:
    count = len(collection.items)
    if count == 1:
        raise DataError(f"{collection.source}: there is only one picture. Training needs many: a few hundred at least.")
    if count:
        return
    if not collection.skipped:
        raise DataError(f"{collection.source}: there is nothing in it. Expected pictures, or folders of pictures.")
    shown = "".join(f"\n  {skipped.name}: {skipped.reason}" for skipped in collection.skipped[:5])
    raise DataError(f"{collection.source}: none of its {len(collection.skipped):,} files is a picture. Found:{shown}")


def _wish(size: int | None, fit: str, channels: int | None) -> Wish:
    if size is not None and not SMALLEST_SIDE <= size <= LARGEST_SIZE:
        raise UsageError(f"--size {size}: expected {SMALLEST_SIDE} to {LARGEST_SIZE} pixels.")
    if channels not in (None, 1, 3, 4):
        raise UsageError(f"--channels {channels}: expected 1 (grey), 3 (colour) or 4 (colour with alpha).")
    if fit not in ("crop", "pad", "halves"):
        raise UsageError(f"--fit {fit}: expected crop, pad or halves.")
    return Wish(size=size, channels=channels, fit=cast(Fit, fit))


def _wish_for(wish: Wish, collection: Collection) -> Wish:
    """The wish with what the collection says: whether each picture comes with a source."""
    halves = wish.fit == "halves"
    if halves and (collection.paired or collection.blocks):
        what = "already pairs" if collection.paired else "an array"
        raise UsageError(f"--fit halves: {collection.source} is {what}. Give a folder of pictures, each A beside B.")
    return replace(wish, paired=collection.paired or halves)


def _check_labels(labels: int | None, *, conditional: bool) -> None:
    if labels is None:
        return
    if not conditional:
        raise UsageError("--labels can't go with --unconditional, which uses no label at all. Leave out one of them.")
    if labels < 1:
        raise UsageError(f"--labels {labels}: expected 1 or more.")


def _codes(collection: Collection, classes: Sequence[str]) -> Labels:
    """The label of every picture, -1 without one."""
    if collection.blocks:
        blocks = [np.full(len(b.pictures), -1) if b.labels is None else b.labels for b in collection.blocks]
        return np.concatenate(blocks).astype(np.int64)
    index = {name: number for number, name in enumerate(classes)}
    return np.array([-1 if item.label is None else index.get(item.label, -1) for item in collection.items], np.int64)


def _silent(text: str, done: int, total: int | None) -> None:
    """No progress is shown."""
