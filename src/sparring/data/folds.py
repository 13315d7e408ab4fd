"""Cross-validation: training and validation examples laid together and cut anew, by what they show."""

import hashlib
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sparring.data.collection import Split
from sparring.data.opened import Data, Part
from sparring.data.report import PartReport
from sparring.data.split import Labels, fingerprint
from sparring.errors import DataError, UsageError

LEAST_FOLDS = 2


def folded(data: Data, fold: int, folds: int) -> Data:
    """The data with fold number `fold` of `folds` as their validation part, and all other folds as training part.

    An example's fold depends on its own content alone: copies lie in one fold, every example is held out once, and the
    test part stays as it is. The examples are copied into memory.

    Args:
        fold: 0 to `folds` - 1.

    Raises:
        UsageError: a fold that can't be.
        DataError: pairs, or a fold without an example.
    """
    if folds < LEAST_FOLDS or not 0 <= fold < folds:
        raise UsageError(f"fold {fold} of {folds}: expected 2 folds or more, and one of them.")
    train, held = data.parts["train"], data.parts["validation"]
    if train.source is not None:
        raise DataError(f"{data.name}: pairs can't be cut into folds.")
    x = np.concatenate([np.asarray(train.x), np.asarray(held.x)])
    hashes = _hashes(x)
    within = (hashes[:, 0].astype(np.int64) * 256 + hashes[:, 1]) * folds // 65536 == fold
    if not within.any() or within.all():
        raise DataError(f"{data.name}: fold {fold} of {folds} would be empty, or the only one. Take fewer folds.")
    y = None if train.y is None or held.y is None else np.concatenate([train.y, held.y])
    rows: dict[Split, npt.NDArray[np.bool_]] = {"train": ~within, "validation": within}
    known = {name: labels for name, labels in data.labels.items() if name == "test"}
    if data.labels:
        laid = np.concatenate([data.labels["train"], data.labels["validation"]])
        known |= {name: laid[which] for name, which in rows.items()}
    parts: dict[str, Part] = {name: Part(x=x[which], y=None if y is None else y[which]) for name, which in rows.items()}
    reports = {
        name: _report(hashes[which], None if y is None else y[which], data.spec.classes) for name, which in rows.items()
    }
    report = replace(data.report, parts={**data.report.parts, **reports})
    return replace(data, parts={**data.parts, **parts}, labels=known, report=report)


def _hashes(x: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    digests = (hashlib.blake2b(example.tobytes(), digest_size=16).digest() for example in x)
    return np.frombuffer(b"".join(digests), np.uint8).reshape(-1, 16)


def _report(hashes: npt.NDArray[np.uint8], labels: Labels | None, classes: tuple[str, ...]) -> PartReport:
    known = np.empty(0, np.int64) if labels is None else labels[labels >= 0]
    counts = np.bincount(known, minlength=len(classes)).tolist()
    return PartReport(
        pictures=len(hashes),
        unlabelled=len(hashes) - len(known),
        classes=dict(zip(classes, counts, strict=True)) if classes else {},
        hash=fingerprint(hashes),
    )
