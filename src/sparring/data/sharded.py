"""Shards, opened: packed once, or as a stream, of which a first piece is packed to judge and to count by."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sparring.data.cache import Cache
from sparring.data.collection import Collection, Item, Skipped
from sparring.data.facts import Wish, decide
from sparring.data.layout import sort_classes
from sparring.data.opened import Data
from sparring.data.pack import Progress, check_usable
from sparring.data.put_together import data_of, label_parts
from sparring.data.report import DataReport, PartReport, make_report
from sparring.data.shard_pack import PackedShards, find_packed, first_look, pack_shards
from sparring.data.shard_rows import fetch_shard, read_listing
from sparring.data.shards import Shard, ShardSet, find_shards
from sparring.data.sources import EncodedPictures
from sparring.data.split import Labels
from sparring.data.stream import ShardStream, code_of
from sparring.errors import DataError, UsageError

HEAD = 20_000
"""Pictures of each part that a stream is judged and counted by: two thousand of them are held out."""


def open_shards(
    source: str,
    wish: Wish,
    cache: Cache,
    on_progress: Progress,
    *,
    conditional: bool,
    labels: int | None,
    seed: int,
    stream: bool,
) -> Data:
    """Open shards; arguments as for `open_data`.

    Raises:
        UsageError: an option that does not go with shards, or with a stream.
        DataError: a shard can't be had, or too few pictures can be used.
    """
    _refuse_halves(wish, source)
    if stream and labels is not None:
        raise UsageError(f"--labels {labels} does not go with --stream, which counts no labels. Leave out one of them.")
    found = _found(source)
    shards = _shuffled(found.shards) if stream else found.shards
    pack = pack_shards(shards, wish, cache, on_progress, enough=HEAD if stream else None)
    collection, codes = _collection(found, pack)
    classes = collection.classes if conditional else ()
    data = data_of(collection, pack.packed, codes, (), classes=classes, labels=labels, seed=seed)
    return _streamed(data, found, pack, cache) if stream else data


def inspect_shards(source: str, wish: Wish, cache: Cache, on_progress: Progress, *, conditional: bool) -> DataReport:
    """What `open_shards` would read: from the pack if there is one, else from the headers of the first shard alone.

    Raises:
        as `open_shards`.
    """
    _refuse_halves(wish, source)
    found = _found(source)
    pack = find_packed(found.shards, wish, cache)
    if pack is None:
        return _first_shard(found, wish, on_progress, conditional=conditional)
    collection, codes = _collection(found, pack)
    classes = collection.classes if conditional else ()
    return data_of(collection, pack.packed, codes, (), classes=classes, labels=None, seed=0).report


def _found(source: str) -> ShardSet:
    found = find_shards(source)
    if all(shard.split in ("validation", "test") for shard in found.shards):
        raise DataError(f"{source}: all shards are of given validation and test parts. Expected some to train on.")
    return found


def _refuse_halves(wish: Wish, source: str) -> None:
    if wish.fit == "halves":
        raise UsageError(f"--fit halves: {source} has shards, which are read as single pictures. Leave it out.")


def _shuffled(shards: Sequence[Shard]) -> list[Shard]:
    """In an order of no meaning, the same for every run: shards often come sorted."""
    return [shards[n] for n in np.random.Generator(np.random.Philox(key=0)).permutation(len(shards))]


def _collection(found: ShardSet, pack: PackedShards) -> tuple[Collection, Labels]:
    """What was read, and the class of every picture."""
    classes = found.classes if found.classes and pack.words else sort_classes(set(pack.words))
    number = np.array([*(code_of(word, classes, found.source) for word in pack.words), -1], np.int64)
    what = f"class labels ({len(classes)})" if classes else "pictures without labels"
    collection = Collection(
        name=found.name,
        source=found.source,
        layout=f"{len(pack.read):,} shards, {what}",
        classes=classes,
        skipped=pack.skipped,
        notes=_notes(pack),
    )
    return collection, number[pack.labels]


def _notes(pack: PackedShards) -> tuple[str, ...]:
    shape = pack.packed.shape
    coloured = bool(pack.packed.facts["colour"].any())
    if shape.channels != 1 or not coloured or "as asked" in shape.channels_why:
        return ()
    return ("the first shard is grey and later ones have colour, which is lost: --channels 3 keeps it",)


def _streamed(data: Data, found: ShardSet, pack: PackedShards, cache: Cache) -> Data:
    """The data with a stream to train on, and a report that says what it counts."""
    training = [shard for shard in found.shards if shard.split in (None, "train")]
    facts = pack.packed.facts
    order = _shuffled(found.shards)
    read = [order[n] for n in pack.read if order[n].split in (None, "train")]
    stream = ShardStream(
        training,
        shape=pack.packed.shape,
        classes=data.spec.classes,
        holds_out=all(shard.split != "validation" for shard in found.shards),
        quotas=_quotas(training, read, len(data.parts["train"])),
        cache=cache,
    )
    layout = (
        f"a stream of {len(training):,} shards, about {stream.length:,} pictures to train on; counted and judged by "
        f"{int(facts['ok'].sum()):,} of them ({data.report.layout})"
    )
    train = replace(data.parts["train"], stream=stream)
    return replace(data, parts={**data.parts, "train": train}, report=replace(data.report, layout=layout))


def _quotas(training: Sequence[Shard], read: Sequence[Shard], pictures: int) -> list[int]:
    """How many pictures are dealt from each shard at a time: by its bytes, where those are known."""
    known = [shard.size for shard in read if shard.size]
    if len(known) == len(read) and all(shard.size for shard in training):
        return [max(1, round(pictures * (shard.size or 0) / sum(known))) for shard in training]
    return [max(1, round(pictures / len(read)))] * len(training)


def _first_shard(found: ShardSet, wish: Wish, on_progress: Progress, *, conditional: bool) -> DataReport:
    shard = next(shard for shard in found.shards if shard.split in (None, "train"))
    on_progress("reading shards", 0, 1)
    with tempfile.TemporaryDirectory(prefix="sparring-") as folder:
        tar = fetch_shard(shard, Path(folder))
        listing = read_listing(shard, tar)
        shape = first_look(shard, tar, wish)
        items = [Item(name, place) for name, place in zip(listing.names, listing.places, strict=True)]
        with EncodedPictures(items, fingerprint=b"", stage=lambda: None) as pictures:
            facts, errors = pictures.inspect(on_progress)
    check_usable(facts, errors, listing.names)
    words = {label for label in listing.labels if label is not None}
    classes = found.classes if found.classes and words else sort_classes(words)
    codes = np.array(
        [-1 if label is None else code_of(label, classes, found.source) for label in listing.labels], np.int64
    )
    shape = replace(decide(facts, wish), size_why=shape.size_why, channels_why=shape.channels_why)
    parts = label_parts(facts, {"train": np.flatnonzero(facts["ok"])}, codes, classes if conditional else (), None, 0)
    collection = Collection(
        name=found.name,
        source=found.source,
        layout=f"{len(found.shards):,} shards, {f'class labels ({len(classes)})' if classes else 'without labels'}",
        classes=classes,
        skipped=[*listing.skipped, *(Skipped(name=listing.names[n], reason=why) for n, why in sorted(errors))],
        notes=(f"numbers are those of {shard.name}, taken as many times as there are shards by their size",),
    )
    report = make_report(collection, shape, facts, [], (), parts, exact=False)
    return replace(report, parts={"train": _times(report.parts["train"], found.shards, shard)})


def _times(part: PartReport, shards: Sequence[Shard], first: Shard) -> PartReport:
    """The counts of the first shard, as many times as all shards are larger."""
    training = [shard for shard in shards if shard.split in (None, "train")]
    sizes = [shard.size for shard in training]
    known = [size for size in sizes if size]
    factor = sum(known) / first.size if first.size and len(known) == len(sizes) else len(training)
    return replace(
        part,
        pictures=round(part.pictures * factor),
        unlabelled=round(part.unlabelled * factor),
        classes={name: round(count * factor) for name, count in part.classes.items()},
    )
