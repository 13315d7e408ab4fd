"""What a classifier is dealt: examples with labels, changed by chance, and perhaps all others beside them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sparring.data import Part
from sparring.data.spec import OpenedSpec, TableSpec
from sparring.engine.deal import Order, Share, Source, key
from sparring.engine.distortions.base import Distorted, Distortion, Views, distortions
from sparring.engine.distortions.strong import Strong
from sparring.engine.precision import Precision
from sparring.errors import UsageError
from sparring.job.dealing import examples
from sparring.losses.classification import CLASSIFIER, Classification
from sparring.losses.fixmatch import FixMatch
from sparring.recipe import Recipe

Labels = npt.NDArray[np.int64]


class Balanced(Order):
    """Every class as often as any other: a place in the order is a class, and within it its examples in turn."""

    def __init__(self, members: Sequence[Labels], *, batch: int, seed: int, stream: str) -> None:
        super().__init__(sum(map(len, members)), batch=batch, seed=seed, stream=stream)
        self._turns = [
            Order(len(rows), batch=1, seed=seed, stream=f"{stream}/class-{c}") for c, rows in enumerate(members)
        ]
        self._members = members

    def __call__(self, counter: int) -> Labels:
        """Indices of batch number `counter`, int64 [B]."""
        places = np.arange(counter * self.batch, (counter + 1) * self.batch)
        turns, classes = np.divmod(places, len(self._members))
        chosen = [self._members[c][self._turns[c](int(turn))[0]] for turn, c in zip(turns, classes, strict=True)]
        return np.array(chosen, dtype=np.int64)


def dealt(
    objective: Classification, recipe: Recipe, spec: OpenedSpec, train: Part, precision: Precision
) -> list[Source]:
    """The sources of a classifier's batches, for this objective.

    Raises:
        UsageError: an order or a change that these data can't have.
    """
    weak = _changes(recipe, spec)
    if not isinstance(objective, FixMatch):
        return [_labelled(objective, recipe, train, precision, weak, batch=recipe.batch)]
    if not _is_flat(spec):
        raise UsageError(
            f"recipe '{recipe.name}' compares changed pictures with each other, and these data are {_kind(spec)}: take "
            f"--recipe {'mlp' if isinstance(spec, TableSpec) else 'volume'}."
        )
    few = max(1, recipe.batch // objective.ratio)
    return [
        _labelled(objective, recipe, train, precision, weak, batch=few),
        _both_views(objective, recipe, train, precision, weak),
    ]


def _labelled(
    objective: Classification,
    recipe: Recipe,
    train: Part,
    precision: Precision,
    changes: Distortion | None,
    *,
    batch: int,
) -> Source:
    share, rows = _share(recipe), train.labelled
    order = _order(recipe, train, rows, batch=batch, balanced=objective.balance == "sampling")
    source = examples(train, recipe, order, stream=CLASSIFIER, precision=precision, share=share, rows=rows)
    if changes is None:
        return source
    return Distorted(source, changes, seed=key(recipe.seed, "augment"), share=share)


def _both_views(
    objective: FixMatch, recipe: Recipe, train: Part, precision: Precision, weak: Distortion | None
) -> Source:
    """Of all training examples, whether their label is known or not."""
    stream = f"{CLASSIFIER}/all"
    order = Order(len(train), batch=recipe.batch, seed=recipe.seed, stream=stream)
    source = examples(train, recipe, order, stream=stream, precision=precision, share=_share(recipe))
    flips = recipe.augment is not None and bool(recipe.augment.settings.get("flip", False))
    strong = Strong(strength=objective.strength, flip=flips)
    return Views(source, weak, strong, seed=key(recipe.seed, "augment"), share=_share(recipe))


def _share(recipe: Recipe) -> Share:
    return Share.here(parts=recipe.players[CLASSIFIER].accumulate)


def _order(recipe: Recipe, train: Part, rows: Labels, *, batch: int, balanced: bool) -> Order:
    """Of places among `rows`."""
    if not balanced:
        return Order(len(rows), batch=batch, seed=recipe.seed, stream=CLASSIFIER)
    if train.stream is not None:
        raise UsageError(
            "--set objective.balance=sampling draws from all pictures, and --stream has but some at a time: take "
            "--set objective.balance=weights."
        )
    assert train.y is not None
    labels = train.y[rows]
    members = [np.flatnonzero(labels == c) for c in np.unique(labels)]
    return Balanced(members, batch=batch, seed=recipe.seed, stream=CLASSIFIER)


def _changes(recipe: Recipe, spec: OpenedSpec) -> Distortion | None:
    if recipe.augment is None:
        return None
    if not _is_flat(spec):
        raise UsageError(
            f"--set augment={recipe.augment.name} changes pictures, and these data are {_kind(spec)}: give "
            "--set augment=none."
        )
    return distortions.build(recipe.augment.name, settings=recipe.augment.settings)


def _is_flat(spec: OpenedSpec) -> bool:
    return not isinstance(spec, TableSpec) and spec.depth is None


def _kind(spec: OpenedSpec) -> str:
    return "rows" if isinstance(spec, TableSpec) else "volumes"
