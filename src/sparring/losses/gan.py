"""The two-player objective: the discriminator tells reals from fakes, the generator is told how to fool it."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated

import torch
from torch import Tensor, nn

from sparring.errors import UsageError
from sparring.losses.base import AdversarialLoss, Batch, Moment, Penalty, Play, Turn, objectives

GENERATOR = "generator"
DISCRIMINATOR = "discriminator"


@objectives("adversarial", paper="arXiv:1406.2661")
class AdversarialObjective:
    """The discriminator tells reals from fakes, the generator learns to fool it.

    Source: Goodfellow et al. 2014, algorithm 1, with the loss and the penalties given.

    A batch holds `x` [B, C, H, W] in [-1, 1], `z` [B, Z] and, with classes, `y` [B] (labels of x, -1: unknown) and
    `label` [B] (labels drawn for the fakes). The discriminator is shown a fake's label only where its real partner has
    one, so that both sides come with labels equally often and few labels do not give the fakes away.

    Args:
        generator, discriminator: the players' modules.
        loss: the adversarial loss.
        penalties: further terms of the discriminator.
        shared_fakes: the generator's turn re-uses the fakes, the forward pass and the reals of the discriminator's last
            update.
        allow_batch_norm: do not refuse a discriminator with batch norm beside a penalty or a paired loss.

    Raises:
        UsageError: batch norm in a discriminator whose gradient is penalised example by example, or whose logits are
            compared in pairs: the examples of a batch would answer for each other.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        loss: AdversarialLoss,
        penalties: Sequence[Penalty] = (),
        *,
        shared_fakes: Annotated[
            bool, "the generator's turn re-uses the fakes of the discriminator's last update"
        ] = True,
        allow_batch_norm: Annotated[bool, "do not refuse batch norm beside penalties and paired losses"] = False,
    ) -> None:
        self.generator = generator
        self.discriminator = discriminator
        self.loss = loss
        self.penalties = tuple(penalties)
        self.shared_fakes = shared_fakes
        self._separate = has_batch_norm(discriminator)
        if self._separate and (penalties or loss.paired) and not allow_batch_norm:
            raise UsageError(
                "this discriminator has batch norm, which does not go with a gradient penalty or a relativistic loss: "
                "take a discriminator without it, or --set objective.allow_batch_norm=true to try all the same."
            )
        self._kept: deque[tuple[Batch, Tensor, Tensor | None]] = deque()

    def turn(self, player: str, batch: Batch, moment: Moment) -> Turn:
        """The terms of one player, see `Objective.turn`."""
        if player == DISCRIMINATOR:
            return self._discriminator_turn(batch, moment)
        return self._generator_turn(batch)

    def after_step(self, player: str) -> None:
        """Nothing to do: no penalty here acts on weights."""

    def state(self) -> dict[str, Tensor]:
        """Empty: fakes are kept only within a round, and a round is never cut."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Nothing to take back."""

    def _discriminator_turn(self, batch: Batch, moment: Moment) -> Turn:
        due = [penalty for penalty in self.penalties if moment.count % penalty.every == 0]
        real_BCHW = _leaf(batch["x"], any(penalty.needs_real_grad for penalty in due))
        fake_BCHW, label_B = self._fakes_against(batch, keep=self.shared_fakes and moment.last)
        fake_BCHW = _leaf(fake_BCHW.detach(), any(penalty.needs_fake_grad for penalty in due))
        if due or self._separate:
            real_logit_B = self.discriminator(real_BCHW, batch.get("y"))
            fake_logit_B = self.discriminator(fake_BCHW, label_B)
        else:
            real_logit_B, fake_logit_B = self._joint_logits(real_BCHW, fake_BCHW, batch.get("y"), label_B)
        play = Play(real_BCHW, fake_BCHW, real_logit_B, fake_logit_B)
        terms = {"adversarial": self.loss.d_loss(real_logit_B, fake_logit_B)}
        terms |= {penalty.name: penalty(play) for penalty in due}
        return Turn(terms, {"real_logit_B": real_logit_B.detach(), "fake_logit_B": fake_logit_B.detach()})

    def _generator_turn(self, batch: Batch) -> Turn:
        if self.shared_fakes:
            batch, fake_BCHW, label_B = self._kept.popleft()
        else:
            label_B = self._shown_label(batch)
            fake_BCHW = self.generator(batch["z"], self._fake_label(batch))
        fake_logit_B = self.discriminator(fake_BCHW, label_B)
        real_logit_B = None
        if self.loss.paired:
            with torch.no_grad():
                real_logit_B = self.discriminator(batch["x"], batch.get("y"))
        return Turn({"adversarial": self.loss.g_loss(real_logit_B, fake_logit_B)}, {"logit_B": fake_logit_B.detach()})

    def _fakes_against(self, batch: Batch, *, keep: bool) -> tuple[Tensor, Tensor | None]:
        """Fakes for the discriminator's turn, and the labels it is shown; kept fakes have the generator's graph."""
        label_B = self._shown_label(batch)
        if not keep:
            with torch.no_grad():
                return self.generator(batch["z"], self._fake_label(batch)), label_B
        with _trainable(self.generator):
            fake_BCHW = self.generator(batch["z"], self._fake_label(batch))
        self._kept.append((batch, fake_BCHW, label_B))
        return fake_BCHW, label_B

    def _fake_label(self, batch: Batch) -> Tensor | None:
        label_B = batch.get("label")
        if label_B is None or not self.loss.paired:
            return label_B
        return torch.where(batch["y"] >= 0, batch["y"], label_B)

    def _shown_label(self, batch: Batch) -> Tensor | None:
        label_B = self._fake_label(batch)
        if label_B is None or "y" not in batch:
            return label_B
        return label_B.masked_fill(batch["y"] < 0, -1)

    def _joint_logits(
        self, real_BCHW: Tensor, fake_BCHW: Tensor, y_B: Tensor | None, label_B: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """One pass over reals and fakes together, for discriminators that treat examples apart."""
        both_BCHW = torch.cat([real_BCHW, fake_BCHW.to(real_BCHW.dtype)])
        labels_B = None if y_B is None or label_B is None else torch.cat([y_B, label_B])
        real_logit_B, fake_logit_B = self.discriminator(both_BCHW, labels_B).chunk(2)
        return real_logit_B, fake_logit_B


def has_batch_norm(module: nn.Module) -> bool:
    """Whether any part of `module` mixes the examples of a batch by batch normalisation."""
    return any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in module.modules())


def _leaf(x_BCHW: Tensor, needs_grad: bool) -> Tensor:
    return x_BCHW.detach().requires_grad_() if needs_grad else x_BCHW


@contextmanager
def _trainable(module: nn.Module) -> Iterator[None]:
    module.requires_grad_(True)
    try:
        yield
    finally:
        module.requires_grad_(False)
