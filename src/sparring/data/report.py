"""What was read, kept, skipped and why: the text of `sparring check` and the run folder's data.json."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sparring.data.collection import Collection, Skipped, Split
from sparring.data.decode import MODES
from sparring.data.facts import FORMAT_NAMES, Facts, Shape, count_names, shorter_sides
from sparring.data.listing import printable
from sparring.data.pack import Errors
from sparring.data.spec import ImageSpec, OpenedSpec, TableSpec
from sparring.data.split import Hashes, Labels, as_keys, fingerprint

_SHOWN = 5
_IMBALANCE = 10


@dataclass(frozen=True, kw_only=True)
class PartReport:
    """One part: how many pictures, without a label and of each class, and a hash of the contents."""

    pictures: int
    unlabelled: int
    classes: Mapping[str, int]
    hash: str


@dataclass(frozen=True, kw_only=True)
class DataReport:
    """What a source holds and how it is read.

    Args:
        exact: False where only headers were looked at: then the validation part is not drawn, and duplicates are
        unknown.
        parts: by name; without `exact`, the given parts.
        shorter_side, longer_side: "min", "median" and "max" in pixels over all readable pictures.
        formats, modes: how many pictures of each file format and of each mode as stored.
        size, channels, fit: how pictures are stored, with the reasons.
        skipped: every picture or other file that is not used, with its reason.
        duplicates: pictures whose content another one has too; the first of each kind is not counted.
        source_channels: of the picture that each one is to be made from; 0 where pictures are no pairs.
        volume: depth, height and width of volumes; empty: they are none.
        columns: of rows that are no pictures; what is said of sizes, channels and formats is then empty.
    """

    name: str
    source: str
    layout: str
    exact: bool
    parts: Mapping[Split, PartReport]
    shorter_side: Mapping[str, int]
    longer_side: Mapping[str, int]
    formats: Mapping[str, int]
    modes: Mapping[str, int]
    size: int
    size_why: str
    channels: int
    channels_why: str
    fit: str
    labels: int | None
    seed: int
    skipped: Sequence[Skipped]
    duplicates: int
    notes: Sequence[str]
    source_channels: int = 0
    volume: Sequence[int] = ()
    columns: Sequence[str] = ()

    @property
    def spec(self) -> OpenedSpec:
        """What one example looks like."""
        classes = tuple(self.parts["train"].classes)
        if self.columns:
            return TableSpec(columns=tuple(self.columns), classes=classes)
        depth, height, width = self.volume or (None, self.size, self.size)
        return ImageSpec(
            channels=self.channels,
            height=height,
            width=width,
            depth=depth,
            classes=classes,
            source_channels=self.source_channels,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists, texts and numbers."""
        return asdict(self)


def make_report(
    collection: Collection,
    shape: Shape,
    facts: Facts,
    errors: Errors,
    names: Mapping[int, str] | Sequence[str],
    parts: Mapping[Split, tuple[np.ndarray[Any, np.dtype[np.int64]], Labels | None]],
    *,
    exact: bool,
    labels: int | None = None,
    seed: int = 0,
) -> DataReport:
    """The report on a source.

    Args:
        collection: what the reader found.
        shape: how pictures are stored.
        facts: of every picture, `FACT` [N]; rows that are not `ok` were skipped.
        errors: index and reason of each of those.
        names: of every picture.
        parts: rows of `facts` and labels (None: no classes) for each part.
        exact: whether all pictures were decoded, so that hashes are known.
        labels: how many were asked for.
        seed: what drew them.
    """
    known = facts[facts["ok"]]
    unreadable = [Skipped(name=printable(names[index]), reason=reason) for index, reason in sorted(errors)]
    reports = {name: _part(collection.classes, facts[rows], labels) for name, (rows, labels) in parts.items()}
    keys = as_keys(known["hash"])
    return DataReport(
        name=collection.name,
        source=collection.source,
        layout=collection.layout,
        exact=exact,
        parts=reports,
        shorter_side=_spread(shorter_sides(known)),
        longer_side=_spread(np.maximum(known["width"], known["height"])),
        formats=count_names(known["format"], FORMAT_NAMES),
        modes=count_names(known["mode"], MODES),
        size=shape.size,
        size_why=shape.size_why,
        channels=shape.channels,
        channels_why=shape.channels_why,
        fit=shape.fit,
        labels=labels,
        seed=seed,
        skipped=[*collection.skipped, *unreadable],
        duplicates=len(keys) - len(np.unique(keys)) if exact else 0,
        notes=[
            *collection.notes,
            *_class_notes(reports, exact=exact),
            *_transparency_note(known, shape),
            *(_leak_notes({name: facts["hash"][rows] for name, (rows, _) in parts.items()}) if exact else ()),
        ],
        source_channels=shape.channels if shape.paired else 0,
    )


def part_report(hashes: Hashes, labels: Labels | None, classes: Sequence[str]) -> PartReport:
    """The report on a part by its content hashes, uint8 [N, 16], and its labels, int64 [N], -1 unknown."""
    known = np.empty(0, np.int64) if labels is None else labels[labels >= 0]
    counts = np.bincount(known, minlength=len(classes)).tolist()
    return PartReport(
        pictures=len(hashes),
        unlabelled=len(hashes) - len(known),
        classes=dict(zip(classes, counts, strict=True)) if classes else {},
        hash=fingerprint(hashes),
    )


def report_rows(
    *,
    name: str,
    source: str,
    layout: str,
    columns: Sequence[str],
    classes: Sequence[str],
    parts: Mapping[Split, tuple[Hashes, Labels | None]],
    labels: int | None,
    seed: int,
    notes: Sequence[str],
) -> DataReport:
    """The report on rows.

    Args:
        parts: content hashes uint8 [N, 16] and labels of each part.
        labels, seed: how many labels were asked for, and what drew them.
    """
    reports = {part: part_report(hashes, y, classes) for part, (hashes, y) in parts.items()}
    keys = as_keys(np.concatenate([hashes for hashes, _ in parts.values()]))
    return DataReport(
        name=name,
        source=source,
        layout=layout,
        exact=True,
        parts=reports,
        shorter_side={},
        longer_side={},
        formats={},
        modes={},
        size=0,
        size_why="",
        channels=0,
        channels_why="",
        fit="",
        labels=labels,
        seed=seed,
        skipped=(),
        duplicates=len(keys) - len(np.unique(keys)),
        notes=[
            *notes,
            *_class_notes(reports, exact=True, what="row"),
            *_leak_notes({part: hashes for part, (hashes, _) in parts.items()}, what="rows"),
        ],
        columns=tuple(columns),
    )


def describe(report: DataReport) -> list[str]:
    """The report as lines for a terminal: what will be read, and how."""
    total = sum(part.pictures for part in report.parts.values())
    what = "rows" if report.columns else "pairs of pictures" if report.source_channels else "pictures"
    what = "volumes" if report.volume else what
    lines = [f"{total:,} {what} in {report.source}, read as: {report.layout}"]
    lines += [_part_line(name, part) for name, part in report.parts.items()]
    if "validation" not in report.parts:
        lines.append("  validation: about a tenth of train, drawn by content when it is packed")
    lines += _class_lines(report)
    if report.columns:
        return [*lines, *_column_lines(report)]
    if report.volume:
        return [*lines, f"depth, height, width: {', '.join(map(str, report.volume))}; channels: {report.channels}"]
    lines.append(_size_line(report))
    lines.append(f"channels: {report.channels} ({report.channels_why})")
    lines.append("formats: " + ", ".join(f"{name} {count:,}" for name, count in report.formats.items()))
    if report.duplicates:
        lines.append(f"exact duplicates: {report.duplicates:,}")
    lines += _skipped_lines(report.skipped)
    return lines + [f"note: {note}" for note in report.notes]


def _part(classes: Sequence[str], facts: Facts, labels: Labels | None) -> PartReport:
    counts: dict[str, int] = {}
    unlabelled = len(facts)
    if labels is not None:
        found = np.bincount(labels[labels >= 0], minlength=len(classes))
        counts = {name: int(count) for name, count in zip(classes, found.tolist(), strict=True)}
        unlabelled = int((labels < 0).sum())
    return PartReport(
        pictures=len(facts),
        unlabelled=unlabelled,
        classes=counts,
        hash=fingerprint(np.ascontiguousarray(facts["hash"])),
    )


def _spread(values: np.ndarray[Any, np.dtype[np.int32]]) -> dict[str, int]:
    if not len(values):
        return {}
    return {"min": int(values.min()), "median": int(np.median(values)), "max": int(values.max())}


def _class_notes(parts: Mapping[Split, PartReport], *, exact: bool, what: str = "picture") -> list[str]:
    counts = parts["train"].classes if "train" in parts else {}
    known = {name: count for name, count in counts.items() if count}
    drawn = " once validation is taken out" if exact else ""
    notes = [
        f"class '{printable(name)}' has {'one' if count else 'no'} training {what}{drawn}"
        for name, count in counts.items()
        if count < 2
    ]
    if known and max(known.values()) > _IMBALANCE * min(known.values()):
        large, small = max(known, key=known.__getitem__), min(known, key=known.__getitem__)
        notes.append(
            f"classes are uneven: '{printable(large)}' has {known[large]:,} {what}s,"
            f" '{printable(small)}' {known[small]:,}"
        )
    return notes


def _transparency_note(known: Facts, shape: Shape) -> list[str]:
    count = int(known["alpha"].sum())
    if not count or shape.channels == 4:
        return []
    return [f"pictures with transparent parts: {count:,}, put on white; 4 channels would keep the transparency"]


def _leak_notes(parts: Mapping[Split, Hashes], *, what: str = "pictures") -> list[str]:
    if "train" not in parts:
        return []
    train = np.unique(as_keys(parts["train"]))
    notes = []
    for name, hashes in parts.items():
        shared = int(np.isin(as_keys(hashes), train).sum()) if name != "train" else 0
        if shared:
            notes.append(f"{shared:,} of {len(hashes):,} {what} in the {name} part occur in train too, as given")
    return notes


def _part_line(name: str, part: PartReport) -> str:
    unlabelled = f", {part.unlabelled:,} of them without a label" if part.classes and part.unlabelled else ""
    return f"  {name}: {part.pictures:,}{unlabelled}"


def _class_lines(report: DataReport) -> list[str]:
    totals: Counter[str] = Counter()
    for part in report.parts.values():
        totals.update(part.classes)
    if not totals:
        return ["classes: none"]
    shown = [f"{printable(name)} {count:,}" for name, count in list(totals.items())[:20]]
    more = f", and {len(totals) - 20} more" if len(totals) > 20 else ""
    return [f"classes: {len(totals)}: " + ", ".join(shown) + more]


def _column_lines(report: DataReport) -> list[str]:
    shown = [printable(name) for name in report.columns[:20]]
    more = f", and {len(report.columns) - 20} more" if len(report.columns) > 20 else ""
    lines = [f"exact duplicates: {report.duplicates:,}"] if report.duplicates else []
    lines += [f"note: {note}" for note in report.notes]
    return [*lines, f"columns: {', '.join(shown)}{more}"]


def _size_line(report: DataReport) -> str:
    low, median, high = (report.shorter_side.get(key, 0) for key in ("min", "median", "max"))
    sides = f"{low}" if low == high else f"{low} to {high}, median {median}"
    how = {"crop": "cut to the centre", "pad": "padded", "halves": "A the left half, B the right one"}[report.fit]
    return f"shorter sides {sides} -> {report.size} x {report.size}, {how} ({report.size_why})"


def _skipped_lines(skipped: Sequence[Skipped]) -> list[str]:
    if not skipped:
        return []
    reasons = Counter(entry.reason for entry in skipped)
    lines = [f"skipped: {len(skipped):,}"]
    for reason, count in reasons.most_common(_SHOWN):
        names = [entry.name for entry in skipped if entry.reason == reason]
        more = f" and {count - _SHOWN:,} more" if count > _SHOWN else ""
        lines.append(f"  {reason}: {', '.join(names[:_SHOWN])}{more}")
    if len(reasons) > _SHOWN:
        lines.append(f"  and {len(reasons) - _SHOWN:,} other reasons; --json lists every file")
    return lines
