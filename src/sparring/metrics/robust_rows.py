"""How a classifier's accuracy falls as rows of numbers get noisy, or as some of their values are not known."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sparring.metrics.base import Floats, Labels
from sparring.metrics.intervals import wilson
from sparring.metrics.robust import Robustness, RobustRow

Values = npt.NDArray[np.float32]
Predict = Callable[[Values], Floats]
NOISE = (0.0, 0.1, 0.25, 0.5, 1.0)
HIDDEN = (0.0, 0.1, 0.2, 0.4, 0.8)


def rows_robustness(predict: Predict, rows: Values, labels: Labels, *, seed: int = 0) -> Robustness:
    """Accuracy along two changes of five strengths, the first of which is none.

    - noise: normal, its standard deviation as a share of each column's own;
    - hidden: share of all values that are replaced by their column's mean, as is usual for missing ones.

    What is drawn for a row is the same at every strength. Means and deviations are those of `rows`.

    Args:
        predict: rows float32 [N, F] to probabilities [N, K].
        rows: float32 [N, F], N of 1 or more; not changed.
        labels: int64 [N].
    """
    draw = np.random.Generator(np.random.Philox(key=seed))
    normal, uniform = draw.standard_normal(rows.shape), draw.random(rows.shape)
    wide = rows.astype(np.float64)
    mean, sd = wide.mean(0), wide.std(0)

    def row(kind: str, unit: str, strength: float, changed: Floats) -> RobustRow:
        hits = int((predict(changed.astype(np.float32)).argmax(1) == labels).sum())
        low, high = wilson(hits, len(labels))
        return RobustRow(kind=kind, strength=strength, unit=unit, accuracy=hits / len(labels), low=low, high=high)

    noisy = [row("noise", "sd of each column", share, wide + share * sd * normal) for share in NOISE]
    hidden = [row("hidden", "share of the values", share, np.where(uniform < share, mean, wide)) for share in HIDDEN]
    return Robustness(count=len(labels), seed=seed, rows=(*noisy, *hidden))
