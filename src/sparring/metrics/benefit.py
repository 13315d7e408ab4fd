"""Whether one way of training is better than another: differences paired over seeds and over test examples.

Two things make such a difference uncertain: what each training draws by chance, and which examples happen to be in the
test part. Both variances are added. That of the seeds is the variance of the paired differences divided by their
number; that of the examples is a bootstrap's, of whole examples, the same for all classifiers. What changes with both
at once is in either of them, so that the interval is rather too wide than too narrow (Owen, arXiv:0712.1111, shows the
same of bootstraps of crossed data). The interval is Student's, with the degrees of freedom of Satterthwaite (1946): of
five seeds the normal distribution would know too much.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from sparring.metrics.base import Floats, Labels
from sparring.metrics.intervals import CONFIDENCE, Counts, bootstrap
from sparring.metrics.supervised import macro, scores_of

DRAWS = 1_000
LEAST_SEEDS = 2
Finding = Literal["helps", "harms", "no", "unknown"]


class Scores(NamedTuple):
    """Scores of classifiers that differ by their seeds alone.

    Args:
        seen: of the test examples as they are, [S, M].
        drawn: of examples drawn anew, [T, S, M]; draw t is of the same examples for whatever has as many of them.
    """

    seen: Floats
    drawn: Floats


@dataclass(frozen=True, kw_only=True)
class Gain:
    """What one way is better by.

    Args:
        low, high: the interval of 95 % confidence.
        freedom: degrees of freedom of its t.
        seed_sd, test_sd: standard errors that come of the seeds and of the test examples.
        finding: `helps` and `harms` where the interval is on one side of 0; else `no` where it has no gain of the
            margin or more, and `unknown` where it has.
    """

    measure: str
    value: float
    low: float
    high: float
    freedom: float
    seed_sd: float
    test_sd: float
    finding: Finding


def scored(said_SN: Labels, labels_N: Labels, classes: int, chosen: Sequence[int], *, times: int = DRAWS) -> Scores:
    """Recall and F1 of each of the chosen classes, then macro F1 and accuracy, of each seed's answers.

    Args:
        said_SN: predicted classes, int64 [S, N].
        labels_N: int64 [N], 0 to `classes` - 1.
        chosen: numbers of classes, C of them; M is 2 C + 2.
    """
    cell_SN = labels_N * classes + said_SN

    def scores(counts: Counts) -> Floats:
        flat = [np.bincount(cell_N, weights=counts, minlength=classes**2) for cell_N in cell_SN]
        return np.concatenate([_told(each.astype(np.int64).reshape(classes, classes), chosen) for each in flat])

    count, shape = len(labels_N), (len(said_SN), 2 * len(chosen) + 2)
    drawn = bootstrap({"scores": scores}, count, seed=0, times=times)["scores"]
    return Scores(scores(np.ones(count, np.int64)).reshape(shape), drawn.reshape(times, *shape))


def measures_of(names: Sequence[str]) -> list[str]:
    """What the columns of `scored` are called, for the names of the chosen classes."""
    return [*(f"{kind}: {name}" for name in names for kind in ("recall", "f1")), "f1_macro", "accuracy"]


def _told(matrix: Labels, chosen: Sequence[int]) -> Floats:
    _, recall, f1 = scores_of(matrix)
    each = [value for k in chosen for value in (recall[k], f1[k])]
    return np.array([*each, macro(matrix)[2], matrix.trace() / matrix.sum()])


def gains(
    first: Scores, second: Scores, measures: Sequence[str], tested: Sequence[int], *, margin: float
) -> tuple[Gain, ...]:
    """What the first way is better by than the second, by each measure.

    Args:
        first, second: with as many seeds, seed s of the one beside seed s of the other, of the same test examples.
        tested: test examples behind each measure. Where one of them alone is worth more than the margin, `no` is never
            found: a difference of that size could not be seen.
        margin: the least gain that would matter, above 0.
    """
    each_SM, drawn_TM = first.seen - second.seen, (first.drawn - second.drawn).mean(1)
    seeds = len(each_SM)
    assert seeds >= LEAST_SEEDS, "one seed says nothing of the others"
    by_seed_M = each_SM.var(0, ddof=1) / seeds
    return tuple(
        _gain(name, float(each_SM[:, m].mean()), by_seed_M[m], drawn_TM[:, m].var(ddof=1), seeds, tested[m], margin)
        for m, name in enumerate(measures)
    )


def _gain(name: str, value: float, by_seed: float, by_test: float, seeds: int, tested: int, margin: float) -> Gain:
    from scipy.stats import t

    by_test *= tested / max(1, tested - 1)  # a bootstrap divides by n
    spread = by_seed + by_test
    freedom = spread**2 / (by_seed**2 / (seeds - 1) + by_test**2 / max(1, tested - 1)) if spread else float(seeds - 1)
    half = float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * float(np.sqrt(spread))
    low, high = value - half, value + half
    return Gain(
        measure=name,
        value=value,
        low=low,
        high=high,
        freedom=float(freedom),
        seed_sd=float(np.sqrt(by_seed)),
        test_sd=float(np.sqrt(by_test)),
        finding=_finding(low, high, margin, seen=tested * margin >= 1),
    )


def _finding(low: float, high: float, margin: float, *, seen: bool) -> Finding:
    if low > 0:
        return "helps"
    if high < 0:
        return "harms"
    return "no" if high < margin and seen else "unknown"
