"""Cluster, then label: groups that are found without labels, each named by the labelled examples in it.

The oldest way to learn from few labels (Chapelle, Schoelkopf, Zien 2006, Semi-Supervised Learning, section 1.2): it
works as far as what lies together is of one class.
"""

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.neighbors import KNeighborsClassifier

from sparring.errors import UsageError

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int64]
STARTS = 3


class ClusterThenLabel:
    """k-means; a group has the class of most labelled examples in it, and without one that of the nearest to its mean.

    Args:
        groups: how many; None: as many as there are labelled examples.
    """

    def __init__(self, groups: int | None = None, *, seed: int = 0) -> None:
        self._groups = groups
        self._seed = seed

    def fit(self, x_NF: Floats, y_N: Labels) -> "ClusterThenLabel":
        """Learn from rows [N, F] and their labels int64 [N], -1 where unknown.

        Raises:
            UsageError: no label, or more groups than rows.
        """
        known = y_N >= 0
        groups = self._groups or int(known.sum())
        if not known.any() or groups > len(x_NF):
            raise UsageError(
                f"{len(x_NF)} rows with {int(known.sum())} labels can't be put into {groups} groups with names: give "
                "one label or more, and no more groups than rows."
            )
        self._means = KMeans(groups, n_init=STARTS, random_state=self._seed).fit(x_NF)
        nearest = KNeighborsClassifier(1).fit(x_NF[known], y_N[known])
        self.names_G: Labels = nearest.predict(self._means.cluster_centers_)
        for group in np.unique(self._means.labels_[known]):
            of_group = y_N[known & (self._means.labels_ == group)]
            self.names_G[group] = np.bincount(of_group).argmax()
        return self

    def predict(self, x_NF: Floats) -> Labels:
        """The classes int64 [N] of rows [N, F]: those of their groups."""
        named: Labels = self.names_G[self._means.predict(x_NF)]
        return named
