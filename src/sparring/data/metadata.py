"""`metadata.csv` and `metadata.jsonl`, with the columns of Hugging Face's ImageFolder: file_name, and label and split.

Columns that are absent are filled by where the picture lies. `file_name` counts from the folder that the metadata file
is in.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sparring.data.collection import Split
from sparring.data.listing import printable
from sparring.errors import DataError

SPLIT_WORDS: Mapping[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """What a metadata file says about one picture. `has_label` and `has_split` tell an empty cell from no column."""

    label: str | None
    split: Split | None
    has_label: bool
    has_split: bool


def read_metadata(name: str, text: bytes) -> dict[str, Row]:
    """The rows of one metadata file by the picture's name inside the source.

    Args:
        name: of the metadata file inside the source, such as "train/metadata.csv".
        text: its bytes, UTF-8.

    Raises:
        DataError: not UTF-8, no `file_name` column, a line that can't be read, an unknown split, a name told twice.
    """
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{printable(name)}: not UTF-8 (byte {error.start}). Save it as UTF-8.") from error
    records = _csv_records(name, decoded) if name.endswith(".csv") else _json_records(name, decoded)
    folder = name.rpartition("/")[0]
    rows: dict[str, Row] = {}
    for line, record in records:
        file = _joined(folder, str(record["file_name"]))
        row = _row(record, where=f"{printable(name)}, line {line}")
        if rows.get(file, row) != row:
            raise DataError(f"{printable(name)}, line {line}: {printable(file)} was listed before with other values.")
        rows[file] = row
    return rows


def _csv_records(name: str, text: str) -> Iterator[tuple[int, Record]]:
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    columns = reader.fieldnames or []
    if "file_name" not in columns:
        found = ", ".join(printable(column) for column in columns[:10]) or "no column"
        raise DataError(f"{printable(name)}: expected a column 'file_name', and 'label' or 'split'; found {found}.")
    try:
        for record in reader:
            if record["file_name"]:
                yield reader.line_num, record
    except csv.Error as error:
        raise DataError(f"{printable(name)}, line {reader.line_num}: {error}.") from error


def _json_records(name: str, text: str) -> Iterator[tuple[int, Record]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{printable(name)}, line {number}: not JSON ({error}).") from error
        if not isinstance(record, dict) or not isinstance(record.get("file_name"), str):
            raise DataError(f"{printable(name)}, line {number}: expected an object with a text 'file_name'.")
        yield number, record


def _row(record: Record, *, where: str) -> Row:
    label, split = record.get("label"), record.get("split")
    if isinstance(label, list | dict):
        raise DataError(f"{where}: 'label' is a {type(label).__name__}; expected one word or number for each picture.")
    text = "" if label is None else str(label).strip()
    return Row(
        label=text or None,
        split=_split(split, where) if split not in (None, "") else None,
        has_label="label" in record,
        has_split="split" in record,
    )


def _split(value: object, where: str) -> Split:
    word = str(value).strip().lower()
    if word not in SPLIT_WORDS:
        raise DataError(f"{where}: unknown split {value!r}. Known: train, validation (val, valid), test.")
    return SPLIT_WORDS[word]


def _joined(folder: str, file: str) -> str:
    """The name inside the source. It is only ever looked up among names that were found, so '..' leads nowhere."""
    parts = [part for part in file.replace("\\", "/").split("/") if part not in ("", ".")]
    return "/".join([folder, *parts] if folder else parts)
