"""Rows of numbers, opened: their parts, labels and report. Whoever reads or makes them gives a `Table`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sparring.data.collection import Split
from sparring.data.opened import Data, Part
from sparring.data.points import Modes, PointSet
from sparring.data.report import report_rows
from sparring.data.spec import TableSpec
from sparring.data.split import Labels, assign, content_hashes, limit_labels


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table that is in the memory.

    Args:
        layout: how it was understood, in words.
        columns: names, one for each of x.
        x: float32 [N, F].
        y: int64 [N], -1 without a label; None without classes.
        classes: what y counts.
        splits: given to each row; None: to none of them.
        modes: what the rows are a mixture of, where that is known.
    """

    name: str
    source: str
    layout: str
    columns: tuple[str, ...]
    x: npt.NDArray[np.float32]
    y: Labels | None = None
    classes: tuple[str, ...] = ()
    splits: Sequence[Split | None] | None = None
    modes: Modes | None = None
    notes: tuple[str, ...] = ()


def table_of(made: PointSet) -> Table:
    """Points of a plane that a word stands for."""
    x = made.make()
    return Table(
        name=made.name,
        source=made.name,
        layout=made.summary,
        columns=("x", "y"),
        x=x,
        y=np.arange(len(x), dtype=np.int64) % len(made.classes) if made.classes else None,
        classes=made.classes,
        modes=made.modes,
    )


def open_rows(rows: Table, *, conditional: bool = True, labels: int | None = None, seed: int = 0) -> Data:
    """Rows in their parts; arguments as for `open_data`.

    Raises:
        UsageError, DataError: `labels` that there are not, or no row to train on.
    """
    hashes = content_hashes(rows.x)
    places = assign(hashes, rows.splits or [None] * len(rows.x))
    used = rows.classes if conditional else ()
    known: Labels = np.full(len(rows.x), -1, np.int64) if rows.y is None else rows.y.copy()
    if labels is not None:
        train = places["train"]
        known[train] = limit_labels(known[train], hashes[train], keep=labels, classes=rows.classes, seed=seed)
    parts: dict[str, Part] = {
        name: Part(x=rows.x[place], y=known[place] if used else None) for name, place in places.items()
    }
    return Data(
        name=rows.name,
        spec=TableSpec(columns=rows.columns, classes=used),
        parts=parts,
        report=report_rows(
            name=rows.name,
            source=rows.source,
            layout=rows.layout,
            columns=rows.columns,
            classes=used,
            parts={name: (hashes[place], parts[name].y) for name, place in places.items()},
            labels=labels,
            seed=0 if labels is None else seed,
            notes=rows.notes,
        ),
        classes=rows.classes,
        labels={name: rows.y[place] for name, place in places.items()} if rows.y is not None else {},
        modes=rows.modes,
    )
