"""Some examples of many: at random, for data often come sorted, by class or by who made them."""

import numpy as np
import numpy.typing as npt


def drawn_rows(count: int, most: int, *, seed: int) -> npt.NDArray[np.int64]:
    """At most `most` of `count` rows, drawn by the seed, in rising order; int64."""
    return np.sort(np.random.Generator(np.random.Philox(key=seed)).permutation(count)[:most])
