"""A game with one player: what its loss on training and on held-out examples, and its gradients, say."""

import math
from typing import Annotated

from sparring.diagnose.hints import Hint, evidence, rules, spoken
from sparring.diagnose.records import Records, Series, is_number
from sparring.diagnose.rules.material import chance
from sparring.diagnose.rules.stability import grad_norms
from sparring.registry import Range

LAYER = "grad_norm_"


def paired(records: Records, one: str, other: str) -> tuple[Series, Series]:
    """Two columns in the rows that hold both."""
    first, second = records.series(one), records.series(other)
    common = set(first.kimg) & set(second.kimg)
    cut = [[(k, v) for k, v in zip(s.kimg, s.values, strict=True) if k in common] for s in (first, second)]
    return tuple(Series(tuple(k for k, _ in kept), tuple(v for _, v in kept)) for kept in cut)  # type: ignore[return-value]


def _gap(records: Records, looks: int) -> float:
    """The least by which training accuracy was above validation accuracy, over the newest values; 0 without them.

    What chance does is taken off, two standard errors of a share: training accuracy is of a quarter as many examples as
    are judged.
    """
    train, held = paired(records, "train_accuracy", "validation_accuracy")
    pairs = list(zip(train.values, held.values, strict=True))[-looks:]
    judged = records.recipe.get("judged")
    by_chance = 1 / math.sqrt(max(1, judged // 4)) if is_number(judged) else 0.0
    return min((t - h for t, h in pairs), default=0.0) - by_chance if len(pairs) == looks else 0.0


@rules("overfitting")
def overfitting(
    records: Records,
    *,
    rise: Annotated[float, "share above its best from which the loss on held-out examples has risen", Range(0.0)] = 0.1,
    least: Annotated[float, "nats by which it has risen at least: next to 0 a tenth is nothing", Range(0.0)] = 0.03,
    noise: Annotated[
        float, "nats that one example's loss moves by; of N held-out ones the mean moves by this / root N", Range(0.0)
    ] = 0.5,
    gap: Annotated[float, "training accuracy above validation accuracy that counts as a gap", Range(0.0)] = 0.1,
    looks: Annotated[int, "measurements in a row", Range(2)] = 3,
) -> Hint | None:
    """The loss on held-out examples rises while that on training examples falls, or their accuracies part."""
    train, held = paired(records, "train_loss", "validation_loss")
    if len(held) <= looks:
        return None
    by_chance = noise / math.sqrt(max(1, records.pictures("validation") or 1))
    limit = held.best + max(rise * held.best, least, by_chance)
    risen = held.all_above(limit, looks)
    falling = train.last < train.before(looks).best
    if not (risen and (falling or _gap(records, looks) > gap)):
        return None
    values = evidence(records, "train_loss", "validation_loss", "train_accuracy", "validation_accuracy")
    return Hint(
        failure="overfitting",
        severity="warning",
        kimg=held.since_above(limit),
        text=f"Overfitting: held-out examples get worse while training examples get better: {spoken(values)}.",
        advice="Stop at the best checkpoint; then try more data, dropout, L2 or L1, or fewer parameters.",
        values=values,
    )


@rules("underfitting")
def underfitting(
    records: Records,
    *,
    accuracy: Annotated[
        float, "share of the way from chance to perfect below which training is poor", Range(0.0)
    ] = 0.5,
    f1: Annotated[
        float, "share of the way from always the commonest class to perfect F1 below which it is poor", Range(0.0)
    ] = 0.5,
    gap: Annotated[float, "training accuracy above validation accuracy that counts as a gap", Range(0.0)] = 0.05,
    gain: Annotated[float, "share by which the training loss must fall to be a gain", Range(0.0)] = 0.02,
    looks: Annotated[int, "measurements in a row", Range(2)] = 4,
) -> Hint | None:
    """Training and held-out examples are both poor, alike, and no longer getting better: too little capacity.

    Where one class is rare, the accuracy of a good classifier is next to that of always saying the commonest, too: F1
    has to be poor as well.
    """
    train, _ = paired(records, "train_accuracy", "validation_accuracy")
    loss = records.series("train_loss")
    if len(train) < looks or len(loss) < 2 * looks:
        return None
    base = chance(records)
    limit = base + accuracy * (1 - base)
    if not train.all_below(limit, looks) or _gap(records, looks) > gap or loss.gain(looks) >= gain:
        return None
    if not _poor_f1(records, f1, looks):
        return None
    values = evidence(records, "train_accuracy", "validation_accuracy", "validation_f1", "train_loss")
    return Hint(
        failure="capacity",
        severity="warning",
        kimg=train.since_below(limit),
        text=f"Underfitting: training and held-out examples are poor alike, the loss has stopped: {spoken(values)}.",
        advice="Give it more capacity (width, layers) or better features, less regularisation, or another rate.",
        values=values,
    )


def _poor_f1(records: Records, share: float, looks: int) -> bool:
    """Whether F1 is poor, too, or was not taken.

    Where classes are balanced in training, accuracy is not what is learned, and falls below that of the commonest
    class: F1 has to be very poor then.
    """
    balanced = records.measured("validation_f1")
    if balanced is None:
        return True
    weighted = records.recipe.get("objective", {}).get("settings", {}).get("balance", "none") != "none"
    limit = balanced.floor + share * (0.5 if weighted else 1.0) * (1 - balanced.floor)
    return balanced.series.all_below(limit, looks)


@rules("vanishing-gradient", paper="Hochreiter 1991; arXiv:1211.5063")
def vanishing(
    records: Records,
    *,
    share: Annotated[float, "gradient of the first layer as a share of the last one's", Range(0.0)] = 1e-4,
    gain: Annotated[float, "share by which the training loss must fall to be a gain", Range(0.0)] = 0.05,
    rows: Annotated[int, "rows in a row", Range(2)] = 5,
) -> Hint | None:
    """The first layer's gradient is next to nothing beside the last one's, and the loss does not fall."""
    layers = [name for name in records.columns if name.startswith(LAYER)]
    loss = records.series("train_loss")
    if len(layers) < 2 or len(loss) <= rows or loss.gain(rows) >= gain:
        return None
    first, last = paired(records, layers[0], layers[-1])
    if len(first) < rows or any(f >= share * x for f, x in list(zip(first.values, last.values, strict=True))[-rows:]):
        return None
    values = evidence(records, layers[0], layers[-1], "train_loss")
    return Hint(
        failure="unstable",
        severity="warning",
        kimg=first.tail(rows).kimg[0],
        text=f"The gradient vanishes on its way to the first layer, and the loss does not fall: {spoken(values)}.",
        advice="Use ReLU or gates instead of sigmoids, normalisation, residual connections or He initialisation.",
        values=values,
    )


@rules("exploding-gradient", paper="arXiv:1211.5063")
def exploding(
    records: Records,
    *,
    times: Annotated[float, "multiple of the median so far", Range(1.0)] = 10.0,
    rise: Annotated[float, "multiple of its best from which the training loss has been thrown back", Range(1.0)] = 1.2,
    rows: Annotated[int, "rows that must lie so high, of the newest `among`", Range(1)] = 2,
    among: Annotated[int, "newest rows that are looked at", Range(1)] = 5,
) -> Hint | None:
    """The gradient leaps to many times its usual length, and the loss with it."""
    loss = records.series("train_loss")
    if not len(loss) or len(records.players) > 1 or not loss.all_above(rise * loss.best, rows):
        return None
    for player, series in grad_norms(records).items():
        usual, newest = series.before(among).median(), series.tail(among)
        high = [value > times * usual for value in newest.values]
        if len(series) > among and usual > 0 and sum(high) >= rows:
            values = {f"{player}_grad_norm": max(newest.values), **evidence(records, "train_loss"), "usual": usual}
            return Hint(
                failure="unstable",
                severity="warning",
                kimg=newest.kimg[high.index(True)],
                text=f"The gradient explodes, and the loss with it: {spoken(values)}.",
                advice=f"Clip it (--set {player}.clip=1), and lower the rate (--set {player}.lr=...).",
                values=values,
            )
    return None
