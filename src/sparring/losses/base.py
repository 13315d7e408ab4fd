"""What a loss, a penalty and an objective are: the contracts between the mathematics and the engine.

Shape suffixes: B examples of a batch, C channels, H, W height and width, Z noise, F features.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from torch import Tensor

from sparring.registry import Registry

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
    """

    terms: dict[str, Tensor]
    stats: dict[str, Tensor] = field(default_factory=dict)


class Objective(Protocol):
    """The turn itself: from a batch to the terms of one player's loss."""

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
    """Two pure functions of logits, both [B] and unbounded."""

    paired: ClassVar[bool]
    """Whether the generator's loss compares each fake with a real one (and so needs reals, of the same class)."""

    no_difference: ClassVar[tuple[float, float]]
    """Values of the discriminator's and the generator's loss where D sees no difference. Not a goal: a landmark."""

    def d_loss(self, real_B: Tensor, fake_B: Tensor) -> Tensor:
        """Discriminator's loss [B], to be minimised."""
        ...

    def g_loss(self, real_B: Tensor | None, fake_B: Tensor) -> Tensor:
        """Generator's loss [B], to be minimised; `real_B` is None unless `paired`."""
        ...


@dataclass(slots=True)
class Play:
    """One pass of the discriminator over reals and fakes, as a penalty sees it."""

    real_BCHW: Tensor
    fake_BCHW: Tensor
    real_logit_B: Tensor
    fake_logit_B: Tensor


class Penalty(Protocol):
    """A further term of the discriminator's loss, evaluated every k updates with k times its weight."""

    name: str
    every: int
    needs_real_grad: ClassVar[bool]
    needs_fake_grad: ClassVar[bool]

    def __call__(self, play: Play) -> Tensor:
        """The weighted penalty [B]."""
        ...


adversarial_losses: Registry[AdversarialLoss] = Registry("loss", package="sparring.losses")
objectives: Registry[Objective] = Registry("objective", package="sparring.losses")
penalties: Registry[Penalty] = Registry("penalty", package="sparring.losses")
