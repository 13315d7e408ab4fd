"""A threshold on scores from normal examples alone, with the rate of false alarms that they can back; or from faulty
ones as well.

A score counts as an alarm where it is above the threshold.
"""

import math
from dataclasses import dataclass

import numpy as np

from sparring.errors import DataError, UsageError
from sparring.metrics.base import Floats
from sparring.metrics.intervals import CONFIDENCE, Interval

LEAST_EACH = 4
"""Examples of either kind, so that one half can choose and the other report."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A threshold and what it is worth.

    Args:
        value: scores above it are alarms.
        false_alarms: the rate that is expected of new normal examples, 0 to 1.
        interval: where that rate lies with 95 % confidence.
        normals: normal examples behind it.
        asked: the rate that was asked for; None: it was chosen by faulty examples.
        backed: whether there are enough of them for what was asked.
        found: of the faulty examples that it was not chosen by, the share above it; None where there are none.
        found_interval: 95 %.
        faults: how many these were.
    """

    value: float
    false_alarms: float
    interval: Interval
    normals: int
    asked: float | None = None
    backed: bool = True
    found: float | None = None
    found_interval: Interval | None = None
    faults: int = 0

    @property
    def told(self) -> str:
        """In a sentence."""
        low, high = self.interval
        rate = f"{self.false_alarms:.2%} of normal pictures are expected above it ({low:.2%} to {high:.2%})"
        if self.found is not None and self.found_interval is not None:
            least, most = self.found_interval
            return (
                f"threshold {self.value:.4g}, chosen on one half of the known faults and normals; on the other half "
                f"{self.found:.1%} of {self.faults} faults are found ({least:.1%} to {most:.1%}), and {rate}"
            )
        return f"threshold {self.value:.4g}: {rate}; backed by {self.normals:,} held-out normal pictures"

    @property
    def caution(self) -> str | None:
        """Where fewer normal examples are there than what was asked for needs."""
        if self.backed or self.asked is None:
            return None
        needed = needed_for(self.asked)
        return (
            f"{self.normals:,} held-out normal pictures can't back a false-alarm rate of {self.asked:g}: the threshold "
            f"is their highest score, and about {self.false_alarms:.1%} of normal pictures will be above it. Hold out "
            f"{needed:,} or more (a folder `validation`), or ask for more: --false-alarms {self.false_alarms:.3f}"
        )


def needed_for(rate: float) -> int:
    """Normal examples that a rate needs: the least n with 1 / (n + 1) at most the rate."""
    return math.ceil(1 / rate - 1e-9) - 1


def cut_for(normal_N: Floats, rate: float) -> Cut:
    """The threshold above which a new normal example's score lies with a probability of `rate` at most.

    It is the k-th smallest score, k = ceil((n + 1) (1 - rate)): of n + 1 exchangeable scores each rank is equally
    likely (split conformal prediction: Vovk et al. 2005; Bates et al., arXiv:2104.08279). Given these n scores, the
    rate is a Beta(n + 1 - k, k) variable, for scores without ties: its mean and its middle 95 % are told.

    Args:
        normal_N: scores of normal examples that nothing was fitted to, float64 [N].
        rate: above 0 and below 1.

    Raises:
        UsageError: `rate` is no such share.
        DataError: no score, or one that is not finite.
    """
    if not 0 < rate < 1:
        raise UsageError(f"--false-alarms {rate:g}: expected a share above 0 and below 1, as in 0.01.")
    _check(normal_N, "normal")
    count = len(normal_N)
    # Shares such as 0.9 are a hair off in binary: without this a whole k could become the next one.
    k = math.ceil((count + 1) * (1 - rate) - 1e-9)
    kept = max(1, min(k, count))
    return Cut(
        value=float(np.sort(normal_N)[kept - 1]),
        false_alarms=(count + 1 - kept) / (count + 1),
        interval=_beta(count + 1 - kept, kept),
        normals=count,
        asked=rate,
        backed=k <= count,
    )


def cut_between(normal_N: Floats, faulty_M: Floats, *, seed: int = 0) -> Cut:
    """The threshold that best parts normal from faulty scores, by one half of each; what it does to the other half.

    Best is where the share of faults above it, less that of normal examples above it, is largest (Youden 1950).

    Raises:
        DataError: fewer than 4 of either.
    """
    from sparring.metrics.intervals import wilson

    _check(normal_N, "normal", least=LEAST_EACH)
    _check(faulty_M, "faulty", least=LEAST_EACH)
    draw = np.random.Generator(np.random.Philox(key=seed))
    (normal, normal_apart), (faulty, faulty_apart) = (_halves(scores, draw) for scores in (normal_N, faulty_M))
    value = _youden(normal, faulty)
    alarms, found = int((normal_apart > value).sum()), int((faulty_apart > value).sum())
    return Cut(
        value=value,
        false_alarms=alarms / len(normal_apart),
        interval=wilson(alarms, len(normal_apart)),
        normals=len(normal_apart),
        found=found / len(faulty_apart),
        found_interval=wilson(found, len(faulty_apart)),
        faults=len(faulty_apart),
    )


def shares_as_high(normal_N: Floats, score_M: Floats) -> Floats:
    """For each score the share of normal ones that are as high, the score itself counted among them, [M]: at most this
    is the probability that a normal example scores so (a conformal p-value)."""
    ordered = np.sort(normal_N)
    as_high = len(ordered) - np.searchsorted(ordered, score_M, side="left")
    shares: Floats = (1 + as_high) / (len(ordered) + 1)
    return shares


def _youden(normal: Floats, faulty: Floats) -> float:
    """Halfway between two neighbouring scores, so that neither is on the border."""
    scores = np.unique(np.concatenate([normal, faulty]))
    cuts = np.concatenate([[scores[0] - 1], (scores[1:] + scores[:-1]) / 2])
    gained = [(faulty > cut).mean() - (normal > cut).mean() for cut in cuts]
    return float(cuts[int(np.argmax(gained))])


def _halves(scores: Floats, draw: np.random.Generator) -> tuple[Floats, Floats]:
    order = draw.permutation(len(scores))
    return scores[order[::2]], scores[order[1::2]]


def _beta(a: int, b: int) -> Interval:
    from scipy.stats import beta

    low, high = beta(a, b).ppf([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _check(scores: Floats, what: str, *, least: int = 1) -> None:
    if len(scores) < least:
        raise DataError(f"{len(scores)} {what} pictures to choose a threshold by: expected {least} or more.")
    if not np.isfinite(scores).all():
        raise DataError(f"{(~np.isfinite(scores)).sum()} of {len(scores)} {what} scores are not finite.")
