"""Every measure that fits a set of samples, in one extractor's space, with the reals' features taken once."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sparring.data.draws import drawn_rows
from sparring.metrics.base import Extractor, Features, Floats, Labels, Pictures, names_of
from sparring.metrics.bins import Bins
from sparring.metrics.classes import agreement, class_kl, classifier_score, least_share, mode_count
from sparring.metrics.copying import authenticity, copies, copying_test
from sparring.metrics.frechet import frechet_distance
from sparring.metrics.kernel import kernel_distance
from sparring.metrics.neighbours import Neighbourhood
from sparring.metrics.variety import diversity, duplicates


class Pool(NamedTuple):
    """Pictures uint8 [N, H, W, C], and labels int64 [N], -1 unknown, where there are classes."""

    pictures: Pictures
    labels: Labels | None

    def drawn(self, count: int, *, seed: int) -> "Pool":
        """At most so many, at random."""
        return self.taken(drawn_rows(len(self.pictures), count, seed=seed))

    def taken(self, rows: Labels) -> "Pool":
        """Those of the given rows, int64."""
        return Pool(np.asarray(self.pictures[rows]), None if self.labels is None else self.labels[rows])


class Told(NamedTuple):
    """Which way a measure is better, and what it is."""

    better: str
    note: str


_TOLD = {
    "precision": Told("higher", "share of samples among the reals, k = 5"),
    "recall": Told("higher", "share of reals among the samples, k = 5"),
    "density": Told("higher", "how many reals' neighbourhoods hold a sample, over k; 1 for reals on average"),
    "coverage": Told("higher", "share of reals with a sample in their neighbourhood, k = 5"),
    "diversity": Told("floor", "mean distance between samples over that between reals, the least over classes"),
    "duplicates": Told("lower", "share of samples nearer to another one than 99 % of reals are to their next"),
    "ndb": Told("lower", "NDB/K: share of the reals' clusters that samples fill otherwise, z-test p < .05"),
    "ndb_divergence": Told("lower", "Jensen-Shannon divergence of the shares of those clusters, nats"),
    "class_kl": Told("lower", "KL of the samples' classes, by the judge, from the data's, nats"),
    "class_least": Told("higher", "least share of a class among the samples, by the judge, over its wanted share"),
    "modes": Told("higher", "classes, by the judge, with at least one sample"),
    "class_agreement": Told("higher", "share of samples that the judge takes for the class asked for"),
    "l1": Told("lower", "mean |made - target| of unseen pairs, values in [-1, 1]; 0 is exact"),
    "copies": Told("lower", "share of samples nearer to a training picture than 99 % of held-out reals are"),
    "copying_test": Told("near 0", "C_T: far below 0 copied, far above 0 farther off than held-out reals"),
    "authenticity": Told("higher", "share of samples farther from a training picture than that is from its next"),
}


class Measuring:
    """The measures.

    Args:
        reals: what samples are compared with.
        train, held: training pictures, and others of their kind that nobody trained on: these tell how near is near.
        shares: of the classes in the data where the extractor's probabilities are of them; None: no measure of classes.
        names: of the classes.
        conditional: whether samples are made for given classes.
    """

    def __init__(
        self,
        extractor: Extractor,
        reals: Pool,
        *,
        train: Pool,
        held: Pool,
        shares: Sequence[float] | None,
        names: Sequence[str],
        conditional: bool,
    ) -> None:
        self.extractor = extractor
        self._names = names_of(extractor.name)
        self._real = extractor(reals.pictures).vectors
        self._real_labels = reals.labels
        self._train = extractor(train.pictures).vectors
        self._held = self._real if held is reals else extractor(held.pictures).vectors
        self._near = Neighbourhood(self._real)
        self._bins = Bins(self._real)
        self._shares = shares
        self._classes = names
        self._conditional = conditional

    def told(self, name: str) -> Told:
        """Which way a measure is better, and what it is."""
        spoken = "" if self.extractor.name == "inception" else ", not FID, KID or IS"
        space = f"in the space of {self.extractor.name}{spoken}"
        own = {
            self._names.frechet: Told("lower", f"Frechet distance {space}"),
            self._names.kernel: Told("lower", f"unbiased squared MMD {space}, 100 subsets"),
            self._names.score: Told("higher", "exp of the mean KL of a sample's class from all samples' classes"),
        }
        return {**own, **_TOLD}[name]

    def compared(self, made: Features, labels: Labels | None) -> dict[str, float]:
        """Measures of samples, or of what stands in their place, beside the reals; labels are those asked for."""
        near = self._near.measure(made.vectors)
        bins = self._bins.measure(made.vectors)
        values = {
            self._names.frechet: frechet_distance(made.vectors, self._real),
            self._names.kernel: kernel_distance(made.vectors, self._real).mean,
            **near._asdict(),
            "diversity": diversity(made.vectors, self._real, *self._paired(made, labels)).least,
            "duplicates": duplicates(made.vectors, self._real).share,
            "ndb": bins.differing,
            "ndb_divergence": bins.divergence,
        }
        if made.probabilities is not None:
            values[self._names.score] = classifier_score(made.probabilities).mean
        return {**values, **self._of_classes(made, labels)}

    def copying(self, made: Features) -> dict[str, float]:
        """Measures of samples beside the training pictures."""
        return _copying(made.vectors, self._train, self._held)

    def copying_floor(self) -> dict[str, float]:
        """The same of one half of the held-out reals, the other half telling what is near."""
        half = len(self._held) // 2
        return _copying(self._held[:half], self._train, self._held[half:])

    def of_each_class(self, made: Features, labels: Labels | None) -> dict[str, Mapping[str, float]]:
        """By measure and by class: diversity, and the agreement with what was asked for."""
        spread = diversity(made.vectors, self._real, *self._paired(made, labels)).classes
        found: dict[str, Mapping[str, float]] = {"diversity": self._named(spread)}
        seen = self._seen(made)
        if seen is not None and labels is not None and self._conditional:
            asked = agreement(seen, labels).classes
            found["class_agreement"] = self._named({number: share.value for number, share in asked.items()})
        return {name: values for name, values in found.items() if values}

    def _of_classes(self, made: Features, labels: Labels | None) -> dict[str, float]:
        seen = self._seen(made)
        if seen is None or self._shares is None:
            return {}
        values = {
            "class_kl": class_kl(seen, self._shares),
            "class_least": least_share(seen, self._shares),
            "modes": float(mode_count(seen, len(self._shares))),
        }
        known = None if labels is None or not self._conditional else labels >= 0
        if labels is not None and known is not None and known.any():
            values["class_agreement"] = agreement(seen[known], labels[known]).overall.value
        return values

    def _paired(self, made: Features, labels: Labels | None) -> tuple[Labels | None, Labels | None]:
        """Labels of samples and of reals, for measures of each class: those asked for, else as the judge sees them."""
        if self._real_labels is None:
            return None, None
        return (labels if self._conditional and labels is not None else self._seen(made)), self._real_labels

    def _seen(self, made: Features) -> Labels | None:
        if self._shares is None or made.probabilities is None:
            return None
        seen: Labels = made.probabilities.argmax(1).astype(np.int64)
        return seen

    def _named(self, values: Mapping[int, float]) -> dict[str, float]:
        return {self._classes[number]: value for number, value in values.items()}


def _copying(made: Floats, train: Floats, held: Floats) -> dict[str, float]:
    return {
        "copies": copies(made, train, held).share,
        "copying_test": copying_test(made, train, held).score,
        "authenticity": authenticity(made, train),
    }
