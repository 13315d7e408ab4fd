"""From a pack and what its reader said to open data: parts with their labels, the spec, the report."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from sparring.data.collection import Collection, Split
from sparring.data.facts import Facts
from sparring.data.opened import Data, Part
from sparring.data.pack import Packed
from sparring.data.report import make_report
from sparring.data.spec import ImageSpec
from sparring.data.split import Labels, limit_labels

Rows = npt.NDArray[np.int64]
Parts = Mapping[Split, tuple[Rows, Labels | None]]


def data_of(
    collection: Collection,
    packed: Packed,
    codes: Labels,
    names: Mapping[int, str] | Sequence[str],
    *,
    classes: tuple[str, ...],
    labels: int | None,
    seed: int,
) -> Data:
    """The data of a pack.

    Args:
        codes: of every picture the number of its class among those of the collection, int64 [N], -1 without one.
        names: of every picture, at least of those that could not be read.
        classes: those that training is to see.
        labels, seed: how many training labels are kept, and what draws them.
    """
    parts = label_parts(packed.facts, packed.parts, codes, classes, labels, seed)
    report = make_report(
        collection,
        packed.shape,
        packed.facts,
        packed.errors,
        names,
        parts,
        exact=True,
        labels=labels,
        seed=seed,
    )
    return Data(
        name=collection.name,
        spec=_spec(packed, classes),
        parts=_parts(packed, parts),
        report=report,
        classes=collection.classes,
        labels={name: codes[rows] for name, rows in packed.parts.items()} if collection.classes else {},
    )


def label_parts(
    facts: Facts,
    rows: Mapping[Split, Rows],
    codes: Labels,
    classes: Sequence[str],
    labels: int | None,
    seed: int,
) -> Parts:
    """Rows and labels of each part, of train so many labels as are asked for."""
    parts: dict[Split, tuple[Rows, Labels | None]] = {}
    for name, part in rows.items():
        own = codes[part] if classes else None
        if name == "train" and labels is not None:
            known = own if own is not None else np.full(len(part), -1, np.int64)
            own = limit_labels(known, facts["hash"][part], keep=labels, classes=classes, seed=seed)
        parts[name] = (part, own)
    return parts


def _spec(packed: Packed, classes: tuple[str, ...]) -> ImageSpec:
    size, channels = packed.shape.size, packed.shape.channels
    sources = channels if packed.shape.paired else 0
    return ImageSpec(channels=channels, height=size, width=size, classes=classes, source_channels=sources)


def _parts(packed: Packed, parts: Parts) -> dict[str, Part]:
    return {
        name: Part(x=packed.pixels(name), y=labels, source=packed.sources(name)) for name, (_, labels) in parts.items()
    }
