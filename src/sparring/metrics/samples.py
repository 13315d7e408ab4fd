"""How good the samples are while a generator trains: measured on held-out reals, beside the floor of every measure.

The floor of a measure is what as many training reals have in the place of the samples: a perfect generator's value.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sparring.metrics.base import Extractor, Features, Floats, Labels, Pictures, names_of
from sparring.metrics.classes import class_kl, least_share
from sparring.metrics.copying import copies
from sparring.metrics.frechet import frechet_distance
from sparring.metrics.neighbours import Neighbourhood, nearest
from sparring.metrics.variety import diversity, duplicates

NEIGHBOURS = 5
KNOWN = 5_000
"""Training reals that samples are looked for among: more would cost more than the 5 % that judging may take."""


@dataclass(frozen=True, kw_only=True)
class Reals:
    """What samples are compared with.

    Args:
        train, held: uint8 [N, H, W, C] and [M, H, W, C].
        train_labels, held_labels: int64, -1 unknown; None without classes.
    """

    train: Pictures
    held: Pictures
    train_labels: Labels | None = None
    held_labels: Labels | None = None

    def drawn(self, *, train: int, held: int, seed: int) -> "Reals":
        """At most so many of each, drawn at random: data often come sorted, by class or by who made them."""
        draw = np.random.Generator(np.random.Philox(key=seed))
        held_rows = np.sort(draw.permutation(len(self.held))[:held])
        train_rows = np.sort(draw.permutation(len(self.train))[:train])
        return Reals(
            train=np.asarray(self.train[train_rows]),
            held=np.asarray(self.held[held_rows]),
            train_labels=None if self.train_labels is None else self.train_labels[train_rows],
            held_labels=None if self.held_labels is None else self.held_labels[held_rows],
        )


class SampleMeasures:
    """The measures of samples in one extractor's space, with the reals' features taken once.

    Args:
        reals: training and held-out ones.
        count: samples compared, and held-out reals at most.
        shares: of the classes among the data; None where classes are not known.
        conditional: whether samples are made for given classes.

    Attributes:
        count: samples to be compared: as many as held-out reals.
        columns: what is measured, with its meaning.
        floors: the floor of every column that has one.
    """

    def __init__(
        self,
        extractor: Extractor,
        reals: Reals,
        *,
        count: int,
        shares: Sequence[float] | None,
        conditional: bool,
        seed: int,
    ) -> None:
        self._extractor = extractor
        drawn = reals.drawn(train=max(KNOWN, count), held=count, seed=seed)
        self.count = len(drawn.held)
        self._distance = names_of(extractor.name).frechet
        train = extractor(drawn.train)
        held = extractor(drawn.held)
        self._train, self._held = train.vectors, held.vectors
        self._held_labels = drawn.held_labels
        self._chance = nearest(self._held, self._train)[0]
        self._near = Neighbourhood(self._held, k=min(NEIGHBOURS, max(1, self.count - 1)))
        self._shares = shares if train.probabilities is not None else None
        self._conditional = conditional and self._shares is not None
        # As many training reals as there are samples, so that the floor is as noisy as the measure.
        among = np.random.Generator(np.random.Philox(key=seed + 1)).permutation(len(self._train))[: self.count]
        labels = None if drawn.train_labels is None else drawn.train_labels[among]
        floor = self._measure(_rows(train, among), labels) | {"copies": self._copies_floor()}
        if "class_agreement" in floor:
            # A judge knows the training reals that it was fitted to better than any picture it has not seen.
            floor["class_agreement"] = _right(held, drawn.held_labels)
        self.floors = {f"{name}_floor": value for name, value in floor.items()}
        self.columns = self._meanings(list(floor))

    def __call__(self, pictures: Pictures, labels: Labels | None) -> dict[str, float]:
        """Every measure of samples uint8 [N, H, W, C], made for `labels` where the generator is conditional."""
        return self._measure(self._extractor(pictures), labels) | self.floors

    def _measure(self, made: Features, labels: Labels | None) -> dict[str, float]:
        near = self._near.measure(made.vectors)
        seen = None if made.probabilities is None else made.probabilities.argmax(1).astype(np.int64)
        values = {
            self._distance: frechet_distance(made.vectors, self._held),
            "precision": near.precision,
            "recall": near.recall,
            "coverage": near.coverage,
            "diversity": self._diversity(made.vectors, labels if self._conditional else seen),
            "duplicates": duplicates(made.vectors, self._held).share,
            "copies": copies(made.vectors, self._train, self._held, chance=self._chance).share,
        }
        if self._shares is not None and seen is not None:
            values |= {"class_kl": class_kl(seen, self._shares), "class_least": least_share(seen, self._shares)}
            if self._conditional and labels is not None:
                values["class_agreement"] = float((seen == labels).mean())
        return values

    def _diversity(self, vectors: Floats, labels: Labels | None) -> float:
        if labels is None or self._held_labels is None or self._shares is None:
            return diversity(vectors, self._held).least
        return diversity(vectors, self._held, labels, self._held_labels).least

    def _copies_floor(self) -> float:
        """The share of held-out reals below a threshold taken from the other half of them: about one in a hundred."""
        half = self.count // 2
        if half < 1:
            return 0.0
        return copies(self._held[:half], self._train, self._held[half:]).share

    def _meanings(self, names: Sequence[str]) -> dict[str, str]:
        told = {name: f"{_MEANINGS[name]}; N {self.count}" for name in names if name in _MEANINGS}
        space = f"in {self._held.shape[1]} features of {self._extractor.name} ({self._extractor.sha256[:12]})"
        no_fid = "" if self._distance == "FID" else " (no FID)"
        told[self._distance] = f"Frechet distance {space} to held-out reals{no_fid}, lower is better; N {self.count}"
        columns: dict[str, str] = {}
        for name in names:
            columns[name] = told[name]
            columns[f"{name}_floor"] = f"{name} of as many training reals: what a perfect generator would have"
        columns["copies_floor"] = "copies of held-out reals: what a generator that copies nothing would have"
        if "class_agreement" in names:
            columns["class_agreement_floor"] = "share of held-out reals that the judge takes for what they are"
        return columns


_MEANINGS = {
    "precision": "share of samples among the reals (in one of their balls, k = 5), higher is better",
    "recall": "share of reals among the samples (in one of their balls, k = 5), higher is better",
    "coverage": "share of reals whose own ball holds a sample (k = 5), higher is better",
    "diversity": "mean distance between samples / between reals, the least over classes: 0 all alike, 1 as varied",
    "duplicates": "share of samples nearer to another sample than 99 % of reals are to their next",
    "copies": "share of samples nearer to a training picture than 99 % of held-out reals are",
    "class_kl": "Kullback-Leibler divergence of the samples' classes, by the judge, from the data's; nats, 0 is best",
    "class_least": "least share of a class among the samples, by the judge, over its share in the data; 0: missing",
    "class_agreement": "share of samples that the judge takes for the class that was asked for",
}


def _right(seen: Features, labels: Labels | None) -> float:
    """Share of known labels that are the likeliest class."""
    assert seen.probabilities is not None and labels is not None
    known = labels >= 0
    return float((seen.probabilities.argmax(1)[known] == labels[known]).mean()) if known.any() else 0.0


def _rows(features: Features, rows: Labels) -> Features:
    likely = features.probabilities
    return Features(vectors=features.vectors[rows], probabilities=None if likely is None else likely[rows])
