"""What a loss, a penalty and an objective are: the contracts between the mathematics and the engine.

Shape suffixes: B examples of a batch, C channels, H, W height and width, Z noise, F features.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from torch import Tensor, nn

from sparring.errors import UsageError
from sparring.models.gan.base import Discriminator, Generator
from sparring.registry import Registry

GENERATOR = "generator"
DISCRIMINATOR = "discriminator"

Batch = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Moment:
    """Where in the game a turn is played.

    Args:
        round: rounds played before this one.
        update: index of this update within the player's turn.
        last: whether it is the player's last update of the round.
        count: updates that this player made before, over all rounds.
    """

    round: int
    update: int
    last: bool
    count: int


@dataclass(slots=True)
class Turn:
    """What a player is judged by in one update.

    Args:
        terms: already weighted; the loss is the sum of their means. [B] per sample, [] for quantities of a batch.
        stats: detached tensors that measures and controllers need, on the device.
        scalars: detached numbers [] that are worth a column of their own.
    """

    terms: dict[str, Tensor]
    stats: dict[str, Tensor] = field(default_factory=dict)
    scalars: dict[str, Tensor] = field(default_factory=dict)


class Objective(Protocol):
    """The turn itself: from a batch to the terms of one player's loss."""

    @property
    def columns(self) -> Mapping[str, str]:
        """Names of the terms and scalars of all players, `<player>_<name>`, with their meanings."""
        ...

    def turn(self, player: str, batch: Batch, moment: Moment) -> Turn:
        """The terms of `player` on `batch`. Neither calls backward nor steps."""
        ...

    def after_step(self, player: str) -> None:
        """Called once after each update of `player`."""
        ...

    def state(self) -> dict[str, Tensor]:
        """What must be saved for an exact resume, by name. Empty where the objective has no memory."""
        ...

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Takes back what `state` gave."""
        ...


class AdversarialLoss(Protocol):
    """Two pure functions of logits, both [B] and unbounded; value by value, so that those of patches [B, P] do too."""

    paired: ClassVar[bool]
    """Whether the generator's loss compares each fake with a real one (and so needs reals, of the same class)."""

    @property
    def no_difference(self) -> tuple[float, float]:
        """The discriminator's and the generator's loss where D sees no difference. Not a goal: a landmark.

        D then gives every picture the logit that is best for it, the one nearest to 0 where several are.
        """
        ...

    @property
    def probability(self) -> bool:
        """Whether the sigmoid of the logit is D's probability that a picture is real."""
        ...

    def d_loss(self, real_B: Tensor, fake_B: Tensor) -> Tensor:
        """Discriminator's loss [B], to be minimised."""
        ...

    def g_loss(self, real_B: Tensor | None, fake_B: Tensor) -> Tensor:
        """Generator's loss [B], to be minimised; `real_B` is None unless `paired`."""
        ...


@dataclass(slots=True, kw_only=True)
class Seen:
    """Pictures that the discriminator was shown, and what it made of them.

    Args:
        x_BCHW: before any augmentation, without sources; a leaf with a gradient where a penalty asked for one.
        feature_BF: what all its heads read.
        logit_B: one for each picture: of patches their means.
        label_B: the labels that it was shown, -1 unknown; None without classes.
        patch_BP: a logit for each patch, where it judges patches: the adversarial loss is of these.
    """

    x_BCHW: Tensor
    feature_BF: Tensor
    logit_B: Tensor
    label_B: Tensor | None = None
    patch_BP: Tensor | None = None

    @property
    def judged(self) -> Tensor:
        """What the adversarial loss is of: logits [B], or [B, P] of patches."""
        return self.logit_B if self.patch_BP is None else self.patch_BP


@dataclass(slots=True, kw_only=True)
class Play:
    """One turn as a penalty sees it.

    Args:
        player: whose turn it is.
        batch: what was dealt.
        real: the reals; None in a generator's turn in which nobody needs them.
        fake: the fakes; with the generator's graph in its turn.
        labelled: the examples with labels that are dealt apart, in the discriminator's turn, where a penalty that is
            due `needs_labelled`; shown without their labels.
        see: shows the discriminator other pictures, [B, C, H, W] and labels, through the augmentation; of pairs in the
            place of the targets, in their order.
    """

    player: str
    batch: Batch
    generator: Generator
    discriminator: Discriminator
    real: Seen | None
    fake: Seen
    see: Callable[[Tensor, Tensor | None], Seen]
    labelled: Seen | None = None

    @property
    def reals(self) -> Seen:
        """The reals, which are there in every turn of the discriminator, and where a penalty `needs_reals`."""
        assert self.real is not None, "this penalty is shown reals"
        return self.real


class Penalty:
    """A further term of one player's loss, or of both, evaluated every k updates with k times its weight.

    A subclass registers itself, sets `name`, and gives `every` and its weight as settings.

    Attributes:
        name: of its column.
        every: updates between two evaluations.
        players: whose losses it is a part of.
        needs_real_grad, needs_fake_grad: it differentiates by the pictures, which become leaves.
        by_example: it asks something of D at single examples, which must not answer for each other then: batch norm in
            the discriminator is refused, as it is beside needs_real_grad and needs_fake_grad.
        needs_reals: it compares with reals in the generator's turn as well.
        needs_labelled: it learns from examples with labels, dealt apart as `x_labelled` and `y_labelled`.
        of_weights: it is of the weights of whoever moves, all of them.
    """

    name: str
    every: int
    players: ClassVar[frozenset[str]] = frozenset({DISCRIMINATOR})
    needs_real_grad: ClassVar[bool] = False
    needs_fake_grad: ClassVar[bool] = False
    by_example: ClassVar[bool] = False
    needs_reals: ClassVar[bool] = False
    needs_labelled: ClassVar[bool] = False
    of_weights: ClassVar[bool] = False

    def __call__(self, play: Play) -> Tensor:
        """The weighted term: [B] per example, or [] of a batch or of weights."""
        raise NotImplementedError

    def check(self, generator: Generator, discriminator: Discriminator) -> None:
        """Raise `UsageError` where it can't work with these networks."""

    def after_step(self, player: str, module: nn.Module) -> None:
        """Called after each update of `player`, whatever `every` says: what acts on weights acts here."""

    def state(self) -> dict[str, Tensor]:
        """What must be saved for an exact resume, by name."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Takes back what `state` gave."""


def refuse_nameless(penalty: str, discriminator: Discriminator) -> None:
    """Refuse a discriminator that names no classes, for a penalty that is of those names.

    Raises:
        UsageError: says which heads do.
    """
    if discriminator.classifier is None:
        raise UsageError(
            f"--set penalties={penalty} is of the classes that the discriminator names, and its heads "
            f"'{discriminator.heads}' name none: give --set discriminator.heads=semi-supervised or auxiliary."
        )


class Augmentation:
    """Random changes to every picture that the discriminator sees, real or fake, in both players' turns.

    They must let gradients through, twice. They draw from the device's own generator, which each round seeds.

    Attributes:
        every: updates of the discriminator between two calls of `adapt`; None: it does not adapt, and no held-out reals
            are dealt.
    """

    every: int | None = None

    def __call__(self, x_BCHW: Tensor) -> Tensor:
        """Changed pictures [B, C, H, W]; a new draw for each."""
        raise NotImplementedError

    def check(self, discriminator: Discriminator) -> None:
        """Raise `UsageError` where it can't work with this discriminator: it would change one picture of each pair."""
        if discriminator.source_channels:
            raise UsageError(
                "this discriminator sees each picture beside its source, and an augmentation would change one of them: "
                "take --set augment=none."
            )

    def adapt(self, real_B: Tensor, held_B: Tensor, fake_B: Tensor) -> None:
        """Shown the discriminator's logits of training reals, held-out reals and fakes, each [B] and detached."""

    def scalars(self) -> dict[str, Tensor]:
        """What is worth a column, [] each."""
        return {}

    def state(self) -> dict[str, Tensor]:
        """What must be saved for an exact resume, by name."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Takes back what `state` gave."""


adversarial_losses: Registry[AdversarialLoss] = Registry("loss", package="sparring.losses")
objectives: Registry[Objective] = Registry("objective", package="sparring.losses")
penalties: Registry[Penalty] = Registry("penalty", package="sparring.losses")
augmentations: Registry[Augmentation] = Registry("augmentation", package="sparring.losses")
