"""Which parts of the data samples leave out: bins around the reals' cluster centres, and the share of each."""

from typing import NamedTuple

import numpy as np

from sparring.metrics.base import Floats, Labels

BINS = 100
LEAST_REALS = 20
LEVEL = 0.05


class BinShares(NamedTuple):
    """How samples fall into the bins of the reals.

    Args:
        differing: share of the bins whose shares of reals and samples differ (NDB/K); 0.05 by chance alone.
        divergence: Jensen-Shannon, nats: 0 to log 2.
        real_shares, fake_shares: of each bin, float64 [K].
        p: of the two-sample z-test of each bin, float64 [K].
        missing: bins with significantly too few samples, int64, the greatest lack first.
    """

    differing: float
    divergence: float
    real_shares: Floats
    fake_shares: Floats
    p: Floats
    missing: Labels


class Bins:
    """Clusters of reals by k-means.

    Args:
        reals: float64 [N, d].
        bins: K; fewer where there would be under 20 reals to a bin, or too few different reals.
        seed: of the clustering.

    Attributes:
        count: K.
        examples: for each bin the index of the real nearest to its centre, int64 [K].

    Source: Richardson and Weiss, arXiv:1805.12462, section 2.
    """

    def __init__(self, reals: Floats, *, bins: int = BINS, seed: int = 0) -> None:
        from sklearn.cluster import KMeans

        different = len(np.unique(reals, axis=0))
        self.count = max(1, min(bins, len(reals) // LEAST_REALS, different))
        self._clusters = KMeans(self.count, n_init=1, random_state=seed).fit(reals)
        self._reals = np.bincount(self._clusters.labels_, minlength=self.count)
        self.examples: Labels = self._clusters.transform(reals).argmin(0)

    def measure(self, fakes: Floats) -> BinShares:
        """The bins of samples float64 [M, d]; one bin alone never differs."""
        made = np.bincount(self._clusters.predict(fakes), minlength=self.count)
        real_shares, fake_shares = self._reals / self._reals.sum(), made / made.sum()
        z = _z(self._reals, made)
        p = _two_sided(z)
        lacking = np.flatnonzero((p < LEVEL) & (z < 0))
        return BinShares(
            differing=float((p < LEVEL).mean()),
            divergence=_divergence(real_shares, fake_shares),
            real_shares=real_shares,
            fake_shares=fake_shares,
            p=p,
            missing=lacking[np.argsort((fake_shares - real_shares)[lacking], kind="stable")],
        )


def _z(reals: Labels, fakes: Labels) -> Floats:
    n, m = reals.sum(), fakes.sum()
    pooled = (reals + fakes) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    # Where all lie in one bin, or none in it, there is no error and no difference either.
    z: Floats = np.divide(fakes / m - reals / n, error, out=np.zeros(len(reals)), where=error > 0)
    return z


def _two_sided(z: Floats) -> Floats:
    from scipy.special import ndtr

    p: Floats = 2 * ndtr(-np.abs(z))
    return p


def _divergence(p: Floats, q: Floats) -> float:
    from scipy.special import rel_entr

    middle = (p + q) / 2
    return float((rel_entr(p, middle) + rel_entr(q, middle)).sum() / 2)
