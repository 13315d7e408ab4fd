"""metrics.csv, METRICS.md and events.jsonl: lines that are only ever appended, and cut back on resume.

No clock reaches them, and floats are written so that reading gives the same bits: two equal runs have equal tables.
A last line without its line end (a kill in the middle) does not count.
"""

import contextlib
import csv
import io
import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sparring.errors import UsageError
from sparring.runfolder.atomic import cut_file, machine_errors, write_all

Cell = float | int | str | None
_WHOLE = re.compile(r"[+-]?\d+")
_REAL = re.compile(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|inf|nan)")
_MEANING = re.compile(r"\| `(?P<column>[^`]+)` \| (?P<meaning>.*) \|")


def header_line(columns: Sequence[str]) -> bytes:
    """First line of a table."""
    return _csv_line(columns)


def row_line(columns: Sequence[str], row: Mapping[str, Cell]) -> bytes:
    """One line of a table; a column that the row lacks, or that is None, is left empty.

    Raises:
        ValueError: the row has a column that the table does not have.
    """
    unknown = row.keys() - set(columns)
    if unknown:
        raise ValueError(f"metrics.csv has no column {', '.join(sorted(unknown))}; its columns: {', '.join(columns)}")
    return _csv_line([_cell_text(row.get(column)) for column in columns])


def read_table(path: Path) -> tuple[list[str], list[dict[str, Cell]]]:
    """Columns and rows of a table; whole numbers come back as int, empty cells as None.

    Returns:
        Nothing of either where the file is absent or holds no whole line.
    """
    lines = csv.reader(io.StringIO(_whole_lines(path), newline=""))
    columns = next(lines, [])
    return columns, [dict(zip(columns, map(_cell, line), strict=True)) for line in lines if len(line) == len(columns)]


def event_line(*, kimg: float, kind: str, severity: str, values: Mapping[str, Any], text: str) -> bytes:
    """One line of events.jsonl. JSON knows no `nan` and no `inf`: they are written as strings."""
    event = {"kimg": kimg, "kind": kind, "severity": severity, "values": dict(values), "text": text}
    return (json.dumps(_strict(event), ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_events(path: Path) -> list[dict[str, Any]]:
    """Every whole line of events.jsonl.

    Raises:
        UsageError: a line is no JSON: the file was changed by hand.
    """
    events = []
    for number, line in enumerate(_whole_lines(path).split("\n")[:-1], start=1):
        try:
            events.append(json.loads(line))
        except ValueError as error:
            raise UsageError(f"{path}, line {number}: not JSON ({error}). Remove or mend the line.") from None
    return events


def append(path: Path, line: bytes) -> None:
    """Append one line whole, or leave the file as it was.

    Raises:
        MachineError: the disk refused.
    """
    with machine_errors(path):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            _append_whole(handle, line)
        finally:
            os.close(handle)


def drop_torn_line(path: Path) -> None:
    """Cut off a last line that has no line end."""
    with machine_errors(path):
        raw = path.read_bytes()
        whole = raw.rfind(b"\n") + 1
        if whole < len(raw):
            cut_file(path, whole)


def check_offset(path: Path, offset: int) -> None:
    """See that a table can be cut to `offset` bytes, without changing it.

    Raises:
        UsageError: it is shorter, or no line ends there: somebody changed it.
    """
    if not path.exists() or offset == 0:
        return
    with path.open("rb") as file:
        file.seek(offset - 1)
        end = file.read(1)
    if end != b"\n":
        raise UsageError(
            f"{path}: changed since the checkpoint was saved (its first {offset:,} bytes belong to it, and no line "
            "ends there). Put the file back as it was, or move it away to go on with an empty one."
        )


def meanings_text(columns: Mapping[str, str]) -> str:
    """METRICS.md: what each column means, a line each."""
    lines = ["# The columns of metrics.csv", "", "One row a measurement. An empty cell: not measured then.", ""]
    lines += ["| column | meaning |", "|---|---|"]
    lines += [f"| `{column}` | {' '.join(meaning.split())} |" for column, meaning in columns.items()]
    return "\n".join(lines) + "\n"


def read_meanings(text: str) -> dict[str, str]:
    """The columns and meanings in a METRICS.md."""
    found = (_MEANING.fullmatch(line) for line in text.splitlines())
    return {match["column"]: match["meaning"] for match in found if match}


def _append_whole(handle: int, line: bytes) -> None:
    before = os.fstat(handle).st_size
    try:
        write_all(handle, line)
    except BaseException:
        with contextlib.suppress(OSError):
            os.ftruncate(handle, before)
        raise


def _whole_lines(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return ""
    return raw[: raw.rfind(b"\n") + 1].decode(errors="replace")


def _csv_line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _cell_text(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, int):
        return str(int(value))
    # float(): numpy's doubles are floats, and write their type's name around the number.
    return repr(float(value))


def _cell(text: str) -> Cell:
    if text == "":
        return None
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _REAL.fullmatch(text) else text


def _strict(value: Any) -> Any:
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    return value
