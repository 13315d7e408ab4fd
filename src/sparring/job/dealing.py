"""What each player is dealt: reals, noise and labels, and what a few terms want beside them."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from sparring.data import Part
from sparring.engine.deal import Labels, Noise, Order, Pictures, Renamed, Share, Source
from sparring.engine.precision import Precision
from sparring.engine.streamed import Streamed
from sparring.errors import UsageError
from sparring.losses.base import DISCRIMINATOR
from sparring.models.gan.base import Generator
from sparring.recipe import Recipe


class Dealing:
    """Makes the sources of one game; each has a stream of its own.

    Args:
        parts: "train", and "validation" where `held` is asked for.
        classes: how many the data have.
    """

    def __init__(
        self, recipe: Recipe, parts: Mapping[str, Part], generator: Generator, *, classes: int, precision: Precision
    ) -> None:
        self._recipe = recipe
        self._parts = parts
        self._generator = generator
        self._classes = classes
        self._precision = precision

    def play(self, player: str) -> list[Source]:
        """Reals, noise and, where the generator is asked for classes, labels of its fakes."""
        train, batch, seed = self._parts["train"], self._recipe.batch, self._recipe.seed
        device, dtype, share = self._precision.device, self._precision.weights, self.share(player)
        sources: list[Source] = [
            self._pictures(train, f"{player}/reals", share),
            Noise(
                self._generator.z_dim,
                batch=batch,
                seed=seed,
                stream=f"{player}/z",
                device=device,
                dtype=dtype,
                kind=self._generator.noise,
                share=share,
            ),
        ]
        if train.y is not None and self._generator.conditional:
            shares = class_shares(train.y, self._classes)
            sources.append(
                Labels(shares, batch=batch, seed=seed, stream=f"{player}/labels", device=device, share=share)
            )
        return sources

    def share(self, player: str) -> Share:
        """What of the player's batches this process is dealt."""
        return Share.here(parts=self._recipe.players[player].accumulate)

    def held(self) -> Source:
        """Held-out reals `x_held`, with `y_held` where there are classes.

        Raises:
            UsageError: none are held out.
        """
        part = self._parts.get("validation")
        if part is None or not len(part):
            raise UsageError(
                "--set augment=adaptive needs held-out pictures, and these data are too few to hold any out: take "
                "--set augment=diffaugment."
            )
        return Renamed(self._pictures(part, "held/reals", self.share(DISCRIMINATOR)), "_held")

    def labelled(self) -> Source:
        """Training examples that have a label: `x_labelled` and `y_labelled`.

        Raises:
            UsageError: there are none.
        """
        share = self.share(DISCRIMINATOR)
        return labelled(self._parts["train"], self._recipe, "labelled/reals", precision=self._precision, share=share)

    def _pictures(self, part: Part, stream: str, share: Share) -> Source:
        order = Order(len(part), batch=self._recipe.batch, seed=self._recipe.seed, stream=stream)
        return examples(part, self._recipe, order, stream=stream, precision=self._precision, share=share)


def labelled(train: Part, recipe: Recipe, stream: str, *, precision: Precision, share: Share) -> Source:
    """Training examples that have a label, by themselves: `x_labelled` and `y_labelled`.

    Raises:
        UsageError: there are none.
    """
    rows = train.labelled
    if not len(rows):
        raise UsageError(
            "this recipe learns to classify, and no training picture has a label. Put pictures into class folders, "
            "or leave --unconditional out."
        )
    order = Order(len(rows), batch=recipe.batch, seed=recipe.seed, stream=stream)
    dealt = examples(train, recipe, order, stream=stream, precision=precision, share=share, rows=rows)
    return Renamed(dealt, "_labelled")


def examples(
    part: Part,
    recipe: Recipe,
    order: Order,
    *,
    stream: str,
    precision: Precision,
    share: Share,
    rows: npt.NDArray[np.int64] | None = None,
) -> Source:
    """What deals the examples of a part: from its store, or from shards as they come.

    Args:
        order: of the store's examples, or of `rows` among them.
        stream: the order's name: the player, and what its examples are for.
        rows: only these, those with a label.
    """
    device, dtype = precision.device, precision.weights
    if part.stream is None:
        return Pictures(
            part.x, part.y, source=part.source, order=order, device=device, dtype=dtype, rows=rows, share=share
        )
    updates = {name: choice.updates for name, choice in recipe.players.items()}
    own = updates.get(stream.partition("/")[0], updates[max(updates, key=updates.__getitem__)])
    return Streamed(
        part.stream,
        batch=order.batch,
        seed=recipe.seed,
        stream=stream,
        device=device,
        dtype=dtype,
        labelled=rows is not None,
        pace=(max(updates.values()), own),
        share=share,
    )


def class_shares(labels: npt.NDArray[np.int64], classes: int) -> npt.NDArray[np.float64]:
    """Shares of the classes among the known labels, summing to 1."""
    counts = np.bincount(labels[labels >= 0], minlength=classes).astype(np.float64)
    shares: npt.NDArray[np.float64] = counts / counts.sum()
    return shares
