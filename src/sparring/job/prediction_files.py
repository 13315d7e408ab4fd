"""Files of predictions: labels beside the answers of any classifier, ours or not.

`.npz`:

    labels          [N] whole numbers, or texts of `classes`; -1 or "" is no label
    probabilities   [N, K], rows summing to 1; or [N], of the second of two classes
    scores          [N], in the place of probabilities: any scale, higher for the second of two classes
    classes         [K] names of the columns (optional where labels are numbers)
    parts           [N] "train", "validation" or "test" (optional)

`.csv`, UTF-8, with a header: label, then p_<class> for each class, or score (labels 0 and 1); optionally part.
"""

import csv
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparring.data.array_values import describe, index_classes
from sparring.errors import DataError, MachineError, did_you_mean
from sparring.metrics.base import Floats, Labels

KEYS = ("labels", "probabilities", "scores", "classes", "parts")
PARTS = ("train", "validation", "test")
SUM_SLACK = 1e-2
"""How far a row of probabilities may be from 1: what 16-bit floats and printed decimals round away."""

_PREFIX = "p_"
_DAMAGE = (ValueError, TypeError, LookupError, OSError, EOFError, SyntaxError, zipfile.BadZipFile, zlib.error)
Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What a file holds, checked; examples without a label are gone.

    Args:
        labels: int64 [N], 0 to K - 1.
        answers: probabilities float64 [N, K], rows summing to 1; or scores float64 [N].
        parts: texts [N], or None.
        notes: what was left out.
    """

    source: str
    labels: Labels
    answers: Floats
    classes: tuple[str, ...]
    parts: npt.NDArray[np.str_] | None = None
    notes: tuple[str, ...] = ()

    @property
    def scores(self) -> Floats:
        """Of the second of two classes, float64 [N]."""
        return self.answers if self.answers.ndim == 1 else self.answers[:, 1]

    def chosen(self, which: npt.NDArray[np.bool_] | Labels) -> "Predictions":
        """Some of the examples, by flags [N] or by numbers."""
        parts = None if self.parts is None else self.parts[which]
        return replace(self, labels=self.labels[which], answers=self.answers[which], parts=parts)


def is_predictions(path: Path) -> bool:
    """Whether the name is that of a file of predictions; no content is read."""
    return path.suffix.lower() in (".npz", ".csv")


def read_predictions(path: Path) -> Predictions:
    """Read and check a file, see the top of this module.

    Raises:
        DataError: absent, damaged, or not as described; the message names the array or the column and its line.
        MachineError: it does not fit in the memory.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file. Check the path, from {Path.cwd()}.")
    if not is_predictions(path):
        raise DataError(
            f"{path}: predictions are a .npz or a .csv file, not '{path.suffix}'. Save them as one of these."
        )
    try:
        arrays = _read_csv(path) if path.suffix.lower() == ".csv" else _read_npz(path)
        return _checked(str(path), arrays)
    except MemoryError as error:
        raise MachineError(f"{path} ({path.stat().st_size / 1e9:.1f} GB) does not fit in the memory.") from error


def _read_npz(path: Path) -> dict[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    # An array of its own, as np.save writes it, is no context manager.
    except (*_DAMAGE, AttributeError) as error:
        raise DataError(
            f"{path}: no .npz of plain arrays ({error}). Save it as np.savez(file, labels=..., probabilities=...)."
        ) from error


def _read_csv(path: Path) -> dict[str, Array]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [(reader.line_num, row) for reader in [csv.reader(file, strict=True)] for row in reader if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: can't be read as CSV in UTF-8 ({error}). Save it as such.") from error
    header = [name.strip() for name in rows[0][1]] if rows else []
    _check_header(path, header)
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise DataError(f"{path}, line {line}: {len(row)} cells, but the header has {len(header)} columns.")
    columns = {name: [(line, row[at].strip()) for line, row in rows[1:]] for at, name in enumerate(header)}
    return _arrays(path, columns)


def _check_header(path: Path, header: list[str]) -> None:
    wanted = "expected: label,p_<class>,p_<class>,... or label,score, and optionally part, separated by commas"
    classes = [name for name in header if name.startswith(_PREFIX)]
    unknown = [name for name in header if name not in ("label", "score", "part", *classes)]
    if unknown or "label" not in header or bool(classes) == ("score" in header):
        raise DataError(f"{path}: the columns are '{','.join(header)[:200]}'; {wanted}.")
    if len(set(header)) < len(header):
        raise DataError(f"{path}: a column occurs twice in '{','.join(header)[:200]}'; {wanted}.")


def _arrays(path: Path, columns: Mapping[str, list[tuple[int, str]]]) -> dict[str, Array]:
    names = [name for name in columns if name.startswith(_PREFIX)]
    found: dict[str, Array] = {"labels": np.array([cell for _, cell in columns["label"]], np.str_)}
    if names:
        found["probabilities"] = np.stack([_numbers_of(path, name, columns[name]) for name in names], 1)
        found["classes"] = np.array([name.removeprefix(_PREFIX) for name in names])
    else:
        found["scores"] = _numbers_of(path, "score", columns["score"])
    if "part" in columns:
        found["parts"] = np.array([cell for _, cell in columns["part"]], np.str_)
    return found


def _numbers_of(path: Path, name: str, cells: list[tuple[int, str]]) -> Floats:
    found = np.empty(len(cells))
    for at, (line, cell) in enumerate(cells):
        try:
            found[at] = float(cell)
        except ValueError:
            raise DataError(
                f"{path}, line {line}, column {name}: '{cell[:50]}' is no number; expected one, as 0.25."
            ) from None
    return found


# -- checks ------------------------------------------------------------------------------------------------------------


def _checked(source: str, arrays: Mapping[str, Array]) -> Predictions:
    for name in arrays:
        if name not in KEYS:
            raise DataError(f"{source} holds the array '{name}'. {did_you_mean(name, KEYS)}")
    if "labels" not in arrays or ("probabilities" in arrays) == ("scores" in arrays):
        raise DataError(
            f"{source} holds {', '.join(arrays) or 'nothing'}; expected labels, and either probabilities or scores."
        )
    answers = (
        _scores(source, arrays["scores"]) if "scores" in arrays else _probabilities(source, arrays["probabilities"])
    )
    classes = _classes(source, arrays, 2 if answers.ndim == 1 else answers.shape[1])
    labels = index_classes({0: arrays["labels"]}, {0: f"{source}: labels"}, classes)[1][0]
    parts = _parts(source, arrays["parts"]) if "parts" in arrays else None
    for name, array in (("labels", labels), ("parts", parts)):
        if array is not None and len(array) != len(answers):
            raise DataError(
                f"{source}: {name} has {len(array)} entries, but there are answers to {len(answers)} examples."
            )
    found = Predictions(source=source, labels=labels, answers=answers, classes=classes, parts=parts)
    return _labelled(found)


def _labelled(found: Predictions) -> Predictions:
    known = found.labels >= 0
    if not known.any():
        raise DataError(f"{found.source}: labels has none for any of {len(known)} examples; expected one for each.")
    missing = int((~known).sum())
    notes = (f"{missing} of {len(known)} examples have no label and are left out",) if missing else ()
    return replace(found.chosen(known), notes=notes)


def _finite(source: str, name: str, array: Array) -> Floats:
    if array.dtype.kind not in "iuf":
        raise DataError(f"{source}: {name} is {describe(array)}; expected numbers.")
    found = array.astype(np.float64)
    if not np.isfinite(found).all():
        bad = int((~np.isfinite(found)).sum())
        raise DataError(f"{source}: {name} holds {bad} values that are not finite. Find out why, or leave them out.")
    return found


def _scores(source: str, array: Array) -> Floats:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(f"{source}: scores is {describe(array)}; expected [N]. Of several classes save probabilities.")
    return _finite(source, "scores", array)


def _probabilities(source: str, array: Array) -> Floats:
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] == 0):
        raise DataError(f"{source}: probabilities is {describe(array)}; expected [N, K], a column for each class.")
    found = _finite(source, "probabilities", array)
    if found.size and (found.min() < -SUM_SLACK or found.max() > 1 + SUM_SLACK):
        raise DataError(
            f"{source}: probabilities holds values from {found.min():g} to {found.max():g}; expected 0 to 1. "
            "Save the output of softmax, not logits; what ranks without being probabilities goes into scores."
        )
    found = found.clip(0, 1)
    if found.ndim == 1 or found.shape[1] == 1:
        second = found.reshape(len(found))
        return np.stack([1 - second, second], 1)
    sums = found.sum(1)
    off = np.flatnonzero(np.abs(sums - 1) > SUM_SLACK)
    if len(off):
        raise DataError(
            f"{source}: probabilities sums to {sums[off[0]]:g} in row {off[0]}, and {len(off) - 1} other rows are off "
            "as well; expected 1. Save the output of softmax over all classes."
        )
    scaled: Floats = found / sums[:, None]
    return scaled


def _classes(source: str, arrays: Mapping[str, Array], columns: int) -> tuple[str, ...]:
    if "classes" not in arrays:
        if arrays["labels"].dtype.kind in "US" and "probabilities" in arrays:
            raise DataError(f"{source}: labels is texts; expected classes [{columns}] beside it, the columns' names.")
        return tuple(str(k) for k in range(columns))
    array = arrays["classes"]
    names = tuple(str(name) for name in array.tolist()) if array.ndim == 1 else ()
    if array.dtype.kind not in "Uiu" or len(names) != columns or len(set(names)) < len(names):
        raise DataError(f"{source}: classes is {describe(array)}; expected {columns} different texts, one a column.")
    return names


def _parts(source: str, array: Array) -> npt.NDArray[np.str_]:
    if array.dtype.kind != "U" or array.ndim != 1:
        raise DataError(f"{source}: parts is {describe(array)}; expected texts [N]: {', '.join(PARTS)}.")
    for name in np.unique(array).tolist():
        if name not in PARTS:
            raise DataError(f"{source}: parts holds '{name}'. {did_you_mean(name, PARTS)}")
    return array
