"""Whether an example is of the kind that a model knows: its evidence beside that of held-out examples."""

import numpy as np

from sparring.metrics.base import Floats


class Familiar:
    """How rare an evidence is among examples that the model did not learn from.

    Args:
        evidence: log p(x) of those, [M], 1 or more.
    """

    def __init__(self, evidence: Floats) -> None:
        self._sorted = np.sort(evidence)

    def __len__(self) -> int:
        return len(self._sorted)

    def tails(self, evidence: Floats) -> Floats:
        """(1 + held-out examples with as little or less) / (M + 1), [N]: a conformal p-value.

        Of examples of the same kind at most a share t has one of t or less, whatever the model is worth; it is never
        below 1 / (M + 1). Low values are strange, high ones are not held to be: typical pictures are not the likeliest.

        Source: Bates et al., arXiv:2104.08279, eq. 2, for one-class models.
        """
        below = np.searchsorted(self._sorted, evidence, side="right")
        found: Floats = ((1 + below) / (len(self._sorted) + 1)).astype(np.float64)
        return found
