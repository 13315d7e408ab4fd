"""What a discriminator's logits of training reals, held-out reals and fakes say.

Logits that are not finite are left out.
"""

from collections.abc import Mapping

import numpy as np

from sparring.metrics.base import Floats

BINS = 40
TAIL = 0.5


def overfit(train_logit: Floats, held_logit: Floats, fake_logit: Floats) -> float:
    """r_v = (E D_train - E D_held) / (E D_train - E D_fake): 0 nothing is known by heart, 1 held-out reals look fake.

    Neither scale nor offset of the logits changes it. Noise may take it out of 0 to 1, most where D hardly tells fakes
    from reals; it is 0 where D does not put training reals above fakes, or where one of the three has no finite logit.

    Args:
        train_logit, held_logit, fake_logit: float64 [N], of any length each.

    Source: Karras et al., arXiv:2006.06676, eq. 1.
    """
    train, held, fake = (_finite(logit) for logit in (train_logit, held_logit, fake_logit))
    if not (len(train) and len(held) and len(fake)) or train.mean() <= fake.mean():
        return 0.0
    return float((train.mean() - held.mean()) / (train.mean() - fake.mean()))


def ranked_right(real_logit: Floats, fake_logit: Floats) -> float:
    """Share of (real, fake) pairs with the real one above, equal ones half: the area under the ROC curve.

    Args:
        real_logit, fake_logit: float64 [N] and [M]; 0.5 where one of them has no finite logit.

    Source: Mann and Whitney 1947; N log M + M log M by sorting.
    """
    real, fake = _finite(real_logit), np.sort(_finite(fake_logit))
    if not (len(real) and len(fake)):
        return 0.5
    below, up_to = np.searchsorted(fake, real, "left"), np.searchsorted(fake, real, "right")
    return float((below + up_to).mean() / (2 * len(fake)))


def histogram(logits: Mapping[str, Floats], *, bins: int = BINS) -> dict[str, list[float]]:
    """Shares of several sets of logits in bins on one axis.

    The axis spans the middle 99 % of all logits, so that one far off does not squeeze the rest into a bin; those
    outside count in the first and last bin.

    Args:
        logits: by name, float64 [N] each.

    Returns:
        `edges`, bins + 1 of them, and under each name the share in each bin; zeros for a set without finite logits.
    """
    known = {name: _finite(values) for name, values in logits.items()}
    everything = np.concatenate([*known.values(), np.zeros(0)])
    low, high = np.percentile(everything, [TAIL, 100 - TAIL]) if len(everything) else (0.0, 0.0)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, bins + 1)
    counts = {name: np.histogram(values.clip(low, high), edges)[0] for name, values in known.items()}
    shares = {name: (count / max(1, count.sum())).tolist() for name, count in counts.items()}
    return {"edges": edges.tolist(), **shares}


def _finite(values: Floats) -> Floats:
    kept: Floats = values[np.isfinite(values)]
    return kept
