"""Tables as text: `.csv` and `.tsv`, a line an example, numbers in columns, its class in one of them.

    label | class      the column of the class, by its name in the header (case does not matter); else
    the last column    where it holds texts; else
    y                  where it holds whole numbers or texts
    split              train, val or test (optional)

Every other column is a number. Without a header the class is the last column, where that holds texts or few whole
numbers, and columns are called x1, x2, ... A table without a column of classes holds points. An empty class is none.
"""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sparring.data.collection import Split
from sparring.data.listing import printable
from sparring.data.metadata import SPLIT_WORDS
from sparring.data.rows import Table
from sparring.data.split import Labels
from sparring.errors import DataError, MachineError, did_you_mean

SUFFIXES = (".csv", ".tsv")
SPLIT = "split"
CLASS = ("label", "class")
PERHAPS_CLASS = "y"
MOST_NUMBERED = 20
"""Different whole numbers in a last column without a name that are still taken as classes."""
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})
Values = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A file's cells as they stand there.

    Args:
        names: of the columns; None: the first line is no header.
        lines: of the file, one for each row.
        columns: the cells, column by column.
    """

    path: Path
    names: tuple[str, ...] | None
    lines: Sequence[int]
    columns: Sequence[Sequence[str]]

    def called(self, column: int) -> str:
        """The column for a message."""
        return f"column {column + 1}" if self.names is None else f"column '{printable(self.names[column])}'"


def read_table(path: Path) -> Table:
    """Read a table.

    Raises:
        DataError: damaged, a cell that is missing or no number, or a column of classes that can't be; the message
            names the line and the column.
        MachineError: it does not fit in the memory.
    """
    sheet = read_sheet(path)
    if len(sheet.lines) < 2:
        raise DataError(f"{path}: there is only one row. Training needs many: a few hundred at least.")
    where = _class_column(sheet)
    split = _named(sheet, (SPLIT,))
    numbers = [column for column in range(len(sheet.columns)) if column not in (where, split)]
    if not numbers:
        raise DataError(f"{path}: no column of numbers is left beside the class. Expected one or more.")
    y, classes = (None, ()) if where is None else _classes(sheet, where)
    told = "rows without classes" if where is None else f"rows, their class in {sheet.called(where)}"
    return Table(
        name=path.stem,
        source=str(path),
        layout=told + ("" if sheet.names else ", without a header"),
        columns=tuple(f"x{place + 1}" if sheet.names is None else sheet.names[place] for place in numbers),
        x=np.stack([_numbers(sheet, column) for column in numbers], 1),
        y=y,
        classes=classes,
        splits=None if split is None else _splits(sheet, split),
    )


def read_columns(path: Path, columns: Sequence[str]) -> Values:
    """The rows of another table with the same columns, in the order asked for: float32 [N, F]. Others are not read.

    Raises:
        DataError: as `read_table`, or without one of the columns.
    """
    sheet = read_sheet(path)
    if sheet.names is None:
        there = len(sheet.columns)
        if there not in (len(columns), len(columns) + 1):
            raise DataError(
                f"{path}: {there} columns without a header; expected {len(columns)}, and the class behind them or not. "
                "Add a header with the names of the columns."
            )
        places = list(range(len(columns)))
    else:
        places = [_place(sheet, name) for name in columns]
    return np.stack([_numbers(sheet, place) for place in places], 1)


def read_sheet(path: Path) -> Sheet:
    """The cells of a file, every line with as many as the first.

    Raises:
        DataError: not UTF-8, empty, or lines of different lengths. MachineError: it does not fit in the memory.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        first = text.lstrip().split("\n", 1)[0]
        delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=first.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
        read = [(reader.line_num, [_bare(cell) for cell in row]) for row in reader if any(map(str.strip, row))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: can't be read as a table in UTF-8 ({error}). Save it as such.") from error
    except MemoryError as error:
        raise MachineError(f"{path} ({path.stat().st_size / 1e9:.1f} GB) does not fit in the memory.") from error
    if not read:
        raise DataError(f"{path}: empty. Expected a line an example, and a header with the names of the columns.")
    for line, row in read:
        if len(row) != len(read[0][1]):
            raise DataError(f"{path}, line {line}: {len(row)} cells, but the first line has {len(read[0][1])}.")
    header = tuple(read[0][1]) if _is_header([row for _, row in read[:2]]) else None
    if header is not None:
        _check_header(path, header)
    rows = read if header is None else read[1:]
    if not rows:
        raise DataError(f"{path}: a header and no row. Expected a line an example.")
    return Sheet(
        path=path, names=header, lines=[line for line, _ in rows], columns=list(zip(*(r for _, r in rows), strict=True))
    )


def _bare(cell: str) -> str:
    """Without spaces around, and without the apostrophes that some formats put around names."""
    cell = cell.strip()
    quoted = len(cell) > 1 and cell[0] == cell[-1] == "'"
    return cell[1:-1] if quoted else cell


def _is_header(first: Sequence[Sequence[str]]) -> bool:
    """Whether the first of two lines names columns: by a name that is known, or by texts where numbers follow."""
    head, below = first[0], first[-1]
    if any(cell.lower() in (*CLASS, SPLIT) for cell in head):
        return True
    texts = [not _is_number(cell) for cell in head]
    if all(texts) or len(first) < 2:
        return all(texts)
    counted = [str(number) for number in range(len(head))]
    return list(head) == counted or any(t and _is_number(cell) for t, cell in zip(texts, below, strict=True))


def _check_header(path: Path, header: Sequence[str]) -> None:
    for place, name in enumerate(header):
        if not name:
            raise DataError(
                f"{path}: column {place + 1} has no name. Name it, or leave it out (pandas: to_csv(index=False))."
            )
        if name in header[:place]:
            raise DataError(f"{path}: two columns are called '{printable(name)}'. Give each its own name.")


def _named(sheet: Sheet, names: Sequence[str]) -> int | None:
    known = [name.lower() for name in sheet.names or ()]
    return next((known.index(name) for name in names if name in known), None)


def _place(sheet: Sheet, name: str) -> int:
    assert sheet.names is not None
    if name not in sheet.names:
        raise DataError(f"{sheet.path}: there is no column '{printable(name)}'. {did_you_mean(name, sheet.names)}")
    return sheet.names.index(name)


def _class_column(sheet: Sheet) -> int | None:
    """By the rules at the top of this file; None: there is none."""
    named = _named(sheet, CLASS)
    if named is not None or len(sheet.columns) < 2:
        return named
    last = len(sheet.columns) - 1
    kind = _kind(sheet.columns[last])
    if kind == "texts" and _named(sheet, (SPLIT,)) != last:
        return last
    if sheet.names is None:
        few = len(set(sheet.columns[last])) <= MOST_NUMBERED
        return last if kind == "whole" and few else None
    perhaps = _named(sheet, (PERHAPS_CLASS,))
    return perhaps if perhaps is not None and _kind(sheet.columns[perhaps]) != "numbers" else None


def _kind(cells: Sequence[str]) -> str:
    """`whole` numbers, `numbers`, or `texts`, of the cells that are filled."""
    filled = {cell for cell in cells if cell.lower() not in MISSING}
    if not all(map(_is_number, filled)):
        return "texts"
    return "whole" if all(float(cell).is_integer() for cell in filled) else "numbers"


def _classes(sheet: Sheet, column: int) -> tuple[Labels, tuple[str, ...]]:
    """Class numbers int64 [N], -1 without one, and the names, numbers in their order."""
    cells, kind = sheet.columns[column], _kind(sheet.columns[column])
    names = {cell for cell in cells if cell}
    where = f"{sheet.path}: {sheet.called(column)}"
    if kind == "numbers":
        raise DataError(f"{where} holds numbers such as {min(names)}; expected classes: names, or whole numbers.")
    if not names:
        raise DataError(f"{where} is empty; expected the class of each row.")
    if len(names) > max(2, len(cells) // 2):
        raise DataError(f"{where} holds {len(names):,} different values in {len(cells):,} rows: these are no classes.")
    ordered = sorted(names, key=lambda name: (float(name) if kind == "whole" else 0.0, name))
    number = {name: place for place, name in enumerate(ordered)} | {"": -1}
    return np.array([number[cell] for cell in cells], np.int64), tuple(map(printable, ordered))


def _splits(sheet: Sheet, column: int) -> list[Split | None]:
    for line, cell in zip(sheet.lines, sheet.columns[column], strict=True):
        if cell and cell.lower() not in SPLIT_WORDS:
            raise DataError(f"{sheet.path}, line {line}: unknown split '{printable(cell)}'. Known: train, val, test.")
    return [SPLIT_WORDS[cell.lower()] if cell else None for cell in sheet.columns[column]]


def _numbers(sheet: Sheet, column: int) -> Values:
    """A column as float32 [N]."""
    cells = sheet.columns[column]
    try:
        values = np.array(cells, np.float64)
    except ValueError:
        values = np.full(len(cells), np.nan)
    with np.errstate(over="ignore"):
        found = values.astype(np.float32)
    if not np.isfinite(found).all():
        raise _no_number(sheet, column)
    return found


def _no_number(sheet: Sheet, column: int) -> DataError:
    """What is wrong with the first cell that is no number of 32 bits."""
    for line, cell in zip(sheet.lines, sheet.columns[column], strict=True):
        where = f"{sheet.path}, line {line}: {sheet.called(column)}"
        if cell.lower() in MISSING:
            told = "is empty" if not cell else f"holds '{printable(cell)}'"
            return DataError(f"{where} {told}: a value is missing. Fill it in, or leave the row or the column out.")
        if not _is_number(cell):
            return DataError(
                f"{where} holds '{printable(cell)[:40]}', which is no number. Leave the column out, or write each of "
                "its values as a column of 0 and 1; decimals have a point."
            )
        if not math.isfinite(float(cell)) or abs(float(cell)) > float(np.finfo(np.float32).max):
            return DataError(f"{where} holds {printable(cell)[:40]}; expected a finite number of 32 bits.")
    raise AssertionError("one of the cells is no number")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
