"""Cross-validation: training and validation examples laid together and cut anew, by what they show."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sparring.data.collection import Split
from sparring.data.opened import Data, Part
from sparring.data.report import part_report
from sparring.data.split import content_hashes
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
    hashes = content_hashes(x)
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
    reports = {name: part_report(hashes[which], parts[name].y, data.spec.classes) for name, which in rows.items()}
    report = replace(data.report, parts={**data.report.parts, **reports})
    return replace(data, parts={**data.parts, **parts}, labels=known, report=report)
