"""What the classifiers of `sparring augment --prove` are trained on, and how one of them is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sparring.data import Part
from sparring.data.spec import ImageSpec
from sparring.engine.deal import key
from sparring.engine.precision import Precision
from sparring.job.played import played
from sparring.losses.classification import CLASSIFIER
from sparring.metrics.accuracy import logits_of
from sparring.metrics.base import Labels
from sparring.recipe import Recipe

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to train a classifier.

    Args:
        changed: whether pictures are changed as the recipe does it.
        added: what is added to the training pictures: nothing, the class's own ones once more, or made ones.
    """

    name: str
    changed: bool = False
    added: str = ""


REPEATED, MADE = "repeated", "made"
PLAIN = Arm(name="as it is")
CONTROL = Arm(name="changes", changed=True)
ONLY_MADE = Arm(name="made", added=MADE)
REPEATING = Arm(name="changes + repeated", changed=True, added=REPEATED)
BOTH = Arm(name="changes + made", changed=True, added=MADE)
ARMS = (PLAIN, CONTROL, ONLY_MADE, REPEATING, BOTH)
"""Repeated ones are there because more of a class alone already makes a classifier name it more often."""


def repeated(real: Part, number: int, count: int, *, seed: int) -> Pixels:
    """So many training pictures of class `number`, uint8 [N, H, W, C]: all of them again and again, shuffled."""
    assert real.y is not None
    own = np.flatnonzero(real.y == number)
    order = np.random.Generator(np.random.Philox(key=key(seed, "repeated"))).permutation(own)
    return np.asarray(real.x[order[np.arange(count) % len(order)]])


def with_more(real: Part, more: Pixels, number: int) -> Part:
    """Training pictures and further ones of class `number`, all of them copied."""
    assert real.y is not None
    labels = np.concatenate([real.y, np.full(len(more), number, np.int64)])
    return Part(x=np.concatenate([np.asarray(real.x), more]), y=labels)


def answers(
    recipe: Recipe,
    spec: ImageSpec,
    parts: Mapping[str, Part],
    pictures: Pixels,
    precision: Precision,
    *,
    tell: Callable[[float], None],
) -> Labels:
    """Train a classifier from scratch, and the classes int64 [N] that its last weights give to pictures.

    Args:
        parts: "train" is all that it learns from.
        pictures: uint8 [N, H, W, C] that it never saw.
        tell: called with the share of the training that is done.
    """
    module = played(recipe, spec, parts, precision, player=CLASSIFIER, tell=tell)
    said: Labels = logits_of(module, pictures, precision).argmax(1).numpy()
    return said


def recipe_of(recipe: Recipe, arm: Arm, seed: int) -> Recipe:
    """The recipe of an arm: with as many updates of as many pictures as any other."""
    return replace(recipe, seed=seed, augment=recipe.augment if arm.changed else None)
