"""Whether probabilities mean what they say: calibration error beside what chance alone shows, Brier score, log loss."""

import numpy as np

from sparring.metrics.base import Floats, Labels
from sparring.metrics.intervals import Measure, bootstrap, draws, measure, percentiles, reflected

BINS = 15
SIMULATIONS = 200


def calibration_error(labels: Labels, probabilities: Floats, *, bins: int = BINS, adaptive: bool = False) -> float:
    """Gap between confidence and accuracy in each bin of confidence, averaged by the share of the bin: 0 to 1.

    Confidence is the highest probability of an example. Bins are equally wide (Guo et al., arXiv:1706.04599, eq. 3) or,
    adaptive, equally full, equal confidences staying together (Nguyen and O'Connor, arXiv:1508.05154).

    Args:
        labels: int64 [N], 0 to K - 1.
        probabilities: float64 [N, K], rows summing to 1.
    """
    confidence, right = _confidence(labels, probabilities)
    return _gap(_places(confidence, bins, adaptive), right - confidence)


def calibrated_error(probabilities: Floats, *, seed: int, bins: int = BINS, adaptive: bool = False) -> float:
    """The floor: the mean `calibration_error` if each answer were right just as often as its confidence says."""
    confidence = probabilities.max(1)
    places = _places(confidence, bins, adaptive)
    draw = np.random.Generator(np.random.Philox(key=seed))
    made = [_gap(places, (draw.random(len(confidence)) < confidence) - confidence) for _ in range(SIMULATIONS)]
    return float(np.mean(made))


def brier_scores(labels: Labels, probabilities: Floats) -> Floats:
    """Squared distance of each row to the one-hot label, [N]: 0 to 2 (Brier 1950), halved for two classes: 0 to 1."""
    classes = probabilities.shape[1]
    # The square of the label's own column is swapped: a one-hot matrix would double the memory.
    own = probabilities[np.arange(len(labels)), labels]
    found: Floats = (probabilities**2).sum(1) - own**2 + (1 - own) ** 2
    return found / 2 if classes == 2 else found


def log_losses(labels: Labels, probabilities: Floats) -> Floats:
    """-ln of the probability of the label, nats, [N]; a probability of 0 counts as 2.2e-16, as scikit-learn has it."""
    own = probabilities[np.arange(len(labels)), labels]
    found: Floats = -np.log(own.clip(np.finfo(np.float64).eps, 1))
    return found


def calibration_rows(labels: Labels, probabilities: Floats, *, seed: int) -> tuple[Measure, ...]:
    """Rows `ece` and `ece_adaptive`, each beside its floor, `brier` and `log_loss`, all with intervals."""
    losses = np.stack([brier_scores(labels, probabilities), log_losses(labels, probabilities)], 1)
    count, classes = probabilities.shape
    times = draws(count, classes)
    drawn = bootstrap({"means": lambda counts: counts @ losses / count}, count, seed=seed, times=times)["means"]
    brier, log_loss = losses.mean(0)
    blind = _entropy(labels)
    return (
        _error_row("ece", labels, probabilities, seed=seed, adaptive=False),
        _error_row("ece_adaptive", labels, probabilities, seed=seed, adaptive=True),
        measure("brier", brier, percentiles(drawn[:, 0]), count, _brier_note(labels, classes), better="lower"),
        measure(
            "log_loss",
            log_loss,
            percentiles(drawn[:, 1]),
            count,
            f"nats; the classes' shares as the answer have {blind:.3f}",
            better="lower",
        ),
    )


def _error_row(name: str, labels: Labels, probabilities: Floats, *, seed: int, adaptive: bool) -> Measure:
    confidence, right = _confidence(labels, probabilities)
    places, gaps = _places(confidence, BINS, adaptive), right - confidence
    value = _gap(places, gaps)
    drawn = bootstrap(
        {"error": lambda counts: np.array([_gap(places, counts * gaps)])},
        len(labels),
        seed=seed,
        times=draws(*probabilities.shape),
    )["error"][:, 0]
    floor = calibrated_error(probabilities, seed=seed, adaptive=adaptive)
    kind = "equally full" if adaptive else "equally wide"
    note = f"{BINS} {kind} bins; perfect calibration shows {floor:.3f} at this N (interval corrected)"
    return measure(name, value, reflected(drawn, value), len(labels), note, better="lower")


def _brier_note(labels: Labels, classes: int) -> str:
    shares = np.bincount(labels, minlength=classes) / len(labels)
    blind = (1 - (shares**2).sum()) / (2 if classes == 2 else 1)
    return f"0 to {1 if classes == 2 else 2}; the classes' shares as the answer have {blind:.3f}"


def _entropy(labels: Labels) -> float:
    counts = np.bincount(labels)
    shares = counts[counts > 0] / len(labels)
    return float(-(shares * np.log(shares)).sum())


def _confidence(labels: Labels, probabilities: Floats) -> tuple[Floats, Floats]:
    return probabilities.max(1), (probabilities.argmax(1) == labels).astype(np.float64)


def _places(confidence: Floats, bins: int, adaptive: bool) -> Labels:
    """The bin of each example: intervals open below and closed above, as Guo et al. have them."""
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    edges = np.unique(np.quantile(confidence, inner)) if adaptive else inner
    return np.searchsorted(edges, confidence, side="left")


def _gap(places: Labels, gaps: Floats) -> float:
    return float(np.abs(np.bincount(places, weights=gaps)).sum() / len(gaps))
