"""The two-player objective: the discriminator tells reals from fakes, the generator is told how to fool it."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated

import torch
from torch import Tensor, nn

from sparring.errors import UsageError
from sparring.losses.base import (
    DISCRIMINATOR,
    GENERATOR,
    AdversarialLoss,
    Augmentation,
    Batch,
    Moment,
    Penalty,
    Play,
    Seen,
    Turn,
    objectives,
)
from sparring.models.gan.base import Discriminator, Generator, mixes_examples, per_picture
from sparring.nn import ranks
from sparring.registry import Range

_MEAN = "mean since the row before"

Shown = tuple[Tensor, Tensor | None]
"""Pictures for the discriminator, and their labels."""


@objectives("adversarial", paper="arXiv:1406.2661")
class AdversarialObjective:
    """The discriminator tells reals from fakes, the generator learns to fool it.

    Source: Goodfellow et al. 2014, algorithm 1, with the loss and the further terms given. Each player is frozen while
    the other moves: the gradient that reaches the generator passes through a discriminator that stands still.

    A batch holds `x` [B, C, H, W] in [-1, 1], `z` [B, Z] and, with classes, `y` [B] (labels of x, -1: unknown) and
    `label` [B] (labels drawn for the fakes). The discriminator is shown a fake's label only where its real partner has
    one, so that both sides come with labels equally often and few labels do not give the fakes away.

    Of pairs a batch holds `source` [B, C', H, W] as well. A generator that translates makes its fakes from these, and a
    discriminator that looks at them sees (source, x) and (source, G(source)): Isola et al. 2017, eq. 1. Where it judges
    patches, the loss is the mean over them all.

    Args:
        generator, discriminator: the players' modules.
        loss: the adversarial loss.
        penalties: further terms of either player.
        augmentation: changes to whatever the discriminator sees.
        adversarial: weight of the loss in the generator's turn; 0 leaves it out, for where a penalty takes its place.
        shared_fakes: the generator's turn re-uses the fakes, the forward pass and the reals of the discriminator's last
            update.
        allow_batch_norm: do not refuse a discriminator with batch norm beside a penalty or a paired loss.

    Raises:
        UsageError: batch norm in a discriminator whose gradient is penalised example by example, or whose logits are
            compared in pairs: the examples of a batch would answer for each other. A penalty that can't work with these
            networks. A generator without any term. An augmentation where the discriminator sees sources.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        loss: AdversarialLoss,
        penalties: Sequence[Penalty] = (),
        augmentation: Augmentation | None = None,
        *,
        adversarial: Annotated[
            float, "weight of the loss in the generator's turn; 0 where a penalty takes its place", Range(0.0)
        ] = 1.0,
        shared_fakes: Annotated[
            bool, "the generator's turn re-uses the fakes of the discriminator's last update"
        ] = True,
        allow_batch_norm: Annotated[bool, "do not refuse batch norm beside penalties and paired losses"] = False,
    ) -> None:
        self.generator = generator
        self.discriminator = discriminator
        self.loss = loss
        self.penalties = tuple(penalties)
        self.augmentation = augmentation
        self.adversarial = adversarial
        self.shared_fakes = shared_fakes
        self._separate = mixes_examples(discriminator)
        self._modules: Mapping[str, nn.Module] = {GENERATOR: generator, DISCRIMINATOR: discriminator}
        self._kept: deque[tuple[Batch, Tensor, Tensor | None]] = deque()
        for penalty in self.penalties:
            penalty.check(generator, discriminator)
        if augmentation is not None:
            augmentation.check(discriminator)
        if not allow_batch_norm:
            _refuse_batch_norm(loss, self.penalties, discriminator)
        if not adversarial and not any(GENERATOR in penalty.players for penalty in self.penalties):
            raise UsageError(
                "--set objective.adversarial=0 leaves the generator without a loss: add one that takes its place, as "
                "--set penalties=feature-matching does."
            )

    @property
    def columns(self) -> Mapping[str, str]:
        """See `Objective.columns`."""
        d_equal, g_equal = self.loss.no_difference
        named = {f"{DISCRIMINATOR}_adversarial": f"its loss; {d_equal:.3f} where it sees no difference; {_MEAN}"}
        if self.loss.probability:
            named |= {
                f"{DISCRIMINATOR}_real": f"D(x), mean probability that it gives reals; 0.5 at equilibrium; {_MEAN}",
                f"{DISCRIMINATOR}_fake": f"D(G(z)), mean probability that it gives fakes; 0.5 at equilibrium; {_MEAN}",
            }
        if self.augmentation is not None:
            named |= {
                f"{DISCRIMINATOR}_{name}": f"of the augmentation; {_MEAN}" for name in self.augmentation.scalars()
            }
        if self.adversarial:
            named[f"{GENERATOR}_adversarial"] = f"its loss; {g_equal:.3f} where D sees no difference; {_MEAN}"
        return named | {
            f"{player}_{penalty.name}": f"{penalty.name}, weighted; {_MEAN}"
            for player in self._modules
            for penalty in self.penalties
            if player in penalty.players
        }

    def turn(self, player: str, batch: Batch, moment: Moment) -> Turn:
        """The terms of one player, see `Objective.turn`."""
        due = [p for p in self.penalties if player in p.players and moment.count % p.every == 0]
        if player == DISCRIMINATOR:
            return self._discriminator_turn(batch, moment, due)
        return self._generator_turn(batch, due)

    def after_step(self, player: str) -> None:
        """Let the penalties act on the weights."""
        for penalty in self.penalties:
            penalty.after_step(player, self._modules[player])

    def state(self) -> dict[str, Tensor]:
        """That of penalties and augmentation. Fakes are kept only within a round, and a round is never cut."""
        found = {f"{p.name}.{key}": value for p in self.penalties for key, value in p.state().items()}
        if self.augmentation is not None:
            found |= {f"augmentation.{key}": value for key, value in self.augmentation.state().items()}
        return found

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take back what `state` gave."""
        for penalty in self.penalties:
            penalty.load_state(_within(state, penalty.name))
        if self.augmentation is not None:
            self.augmentation.load_state(_within(state, "augmentation"))

    def see(self, x_BCHW: Tensor, label_B: Tensor | None, source_BCHW: Tensor | None = None) -> Seen:
        """What the discriminator makes of pictures, through the augmentation; beside their sources, if it sees them."""
        feature_BF = self.discriminator.features(self.discriminator.beside(self._changed(x_BCHW), source_BCHW))
        logit = self.discriminator.logit(feature_BF, label_B)
        return Seen(
            x_BCHW=x_BCHW,
            feature_BF=feature_BF,
            logit_B=per_picture(logit),
            label_B=label_B,
            patch_BP=logit if logit.ndim == 2 else None,
        )

    def _discriminator_turn(self, batch: Batch, moment: Moment, due: Sequence[Penalty]) -> Turn:
        needs_real_grad = any(penalty.needs_real_grad for penalty in due)
        needs_fake_grad = any(penalty.needs_fake_grad for penalty in due)
        fake_BCHW, label_B = self._fakes_against(batch, keep=self.shared_fakes and moment.last)
        real_BCHW, fake_BCHW = _leaf(batch["x"], needs_real_grad), _leaf(fake_BCHW.detach(), needs_fake_grad)
        shown = [(real_BCHW, batch.get("y")), (fake_BCHW, label_B)]
        if any(penalty.needs_labelled for penalty in due):
            shown.append((batch["x_labelled"], None))
        apart = needs_real_grad or needs_fake_grad or self._separate
        source_BCHW = batch.get("source")
        if apart:
            real, fake, *labelled = [self.see(x_BCHW, y_B, source_BCHW) for x_BCHW, y_B in shown]
        else:
            real, fake, *labelled = self._see_together(shown, source_BCHW)
        terms = {"adversarial": self.loss.d_loss(real.judged, fake.judged)}
        terms |= self._further(DISCRIMINATOR, batch, due, real, fake, *labelled)
        stats = {"real_logit_B": real.logit_B.detach(), "fake_logit_B": fake.logit_B.detach()}
        return Turn(terms, stats, self._scalars(batch, moment, stats))

    def _generator_turn(self, batch: Batch, due: Sequence[Penalty]) -> Turn:
        if self.shared_fakes:
            batch, fake_BCHW, label_B = self._kept.popleft()
        else:
            label_B = self._shown_label(batch)
            fake_BCHW = self.generator(batch["z"], self._condition(batch))
        fake = self.see(fake_BCHW, label_B, batch.get("source"))
        real = None
        if self.loss.paired or any(penalty.needs_reals for penalty in due):
            with torch.no_grad():
                real = self.see(batch["x"], batch.get("y"), batch.get("source"))
        terms = {}
        if self.adversarial:
            terms["adversarial"] = self.adversarial * self.loss.g_loss(real.judged if real else None, fake.judged)
        terms |= self._further(GENERATOR, batch, due, real, fake)
        return Turn(terms, {"logit_B": fake.logit_B.detach()})

    def _further(
        self,
        player: str,
        batch: Batch,
        due: Sequence[Penalty],
        real: Seen | None,
        fake: Seen,
        labelled: Seen | None = None,
    ) -> dict[str, Tensor]:
        play = Play(
            player=player,
            batch=batch,
            generator=self.generator,
            discriminator=self.discriminator,
            real=real,
            fake=fake,
            see=lambda x_BCHW, label_B: self.see(x_BCHW, label_B, batch.get("source")),
            labelled=labelled,
        )
        return {penalty.name: penalty(play) for penalty in due}

    def _scalars(self, batch: Batch, moment: Moment, stats: Mapping[str, Tensor]) -> dict[str, Tensor]:
        scalars: dict[str, Tensor] = {}
        if self.loss.probability:
            scalars |= {name: stats[f"{name}_logit_B"].float().sigmoid().mean() for name in ("real", "fake")}
        if self.augmentation is not None:
            if self.augmentation.every is not None and moment.count % self.augmentation.every == 0:
                with torch.no_grad(), _buffers_kept(self.discriminator):
                    held = self.see(batch["x_held"], batch.get("y_held"))
                self.augmentation.adapt(stats["real_logit_B"], held.logit_B, stats["fake_logit_B"])
            scalars |= self.augmentation.scalars()
        return scalars

    def _changed(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW if self.augmentation is None else self.augmentation(x_BCHW)

    def _fakes_against(self, batch: Batch, *, keep: bool) -> tuple[Tensor, Tensor | None]:
        """Fakes for the discriminator's turn, and the labels it is shown; kept fakes have the generator's graph."""
        label_B = self._shown_label(batch)
        if not keep:
            with torch.no_grad():
                return self.generator(batch["z"], self._condition(batch)), label_B
        with _trainable(self.generator):
            fake_BCHW = self.generator(batch["z"], self._condition(batch))
        self._kept.append((batch, fake_BCHW, label_B))
        return fake_BCHW, label_B

    def _condition(self, batch: Batch) -> Tensor | None:
        return batch["source"] if self.generator.source_channels else self._fake_label(batch)

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

    def _see_together(self, shown: Sequence[Shown], source_BCHW: Tensor | None) -> list[Seen]:
        """One pass over all of them, for discriminators that treat examples apart."""
        x_BCHW = torch.cat([pictures.to(shown[0][0].dtype) for pictures, _ in shown])
        known = [label_B for _, label_B in shown if label_B is not None]
        # A label that some come without would give those away.
        label_B = torch.cat(known) if len(known) == len(shown) else None
        with ranks.stacked([len(pictures) for pictures, _ in shown]):
            return _taken_apart(self.see(x_BCHW, label_B, source_BCHW), shown)


def has_batch_norm(module: nn.Module) -> bool:
    """Whether any part of `module` mixes the examples of a batch by batch normalisation."""
    return any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in module.modules())


def _refuse_batch_norm(loss: AdversarialLoss, penalties: Sequence[Penalty], discriminator: Discriminator) -> None:
    by_example = any(p.by_example or p.needs_real_grad or p.needs_fake_grad for p in penalties)
    if (loss.paired or by_example) and has_batch_norm(discriminator):
        raise UsageError(
            "this discriminator has batch norm, which does not go with a gradient penalty or a relativistic loss: "
            "take a discriminator without it, or --set objective.allow_batch_norm=true to try all the same."
        )


def _taken_apart(seen: Seen, shown: Sequence[Shown]) -> list[Seen]:
    """What was seen of each of the pictures shown together."""
    sizes = [len(pictures) for pictures, _ in shown]
    parts = zip(
        shown,
        torch.split(seen.feature_BF, sizes),
        torch.split(seen.logit_B, sizes),
        [None] * len(sizes) if seen.patch_BP is None else torch.split(seen.patch_BP, sizes),
        strict=True,
    )
    return [
        Seen(x_BCHW=pictures, label_B=label_B, feature_BF=feature_BF, logit_B=logit_B, patch_BP=patch_BP)
        for (pictures, label_B), feature_BF, logit_B, patch_BP in parts
    ]


def _leaf(x_BCHW: Tensor, needs_grad: bool) -> Tensor:
    return x_BCHW.detach().requires_grad_() if needs_grad else x_BCHW


def _within(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    prefix = f"{name}."
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


@contextmanager
def _trainable(module: nn.Module) -> Iterator[None]:
    module.requires_grad_(True)
    try:
        yield
    finally:
        module.requires_grad_(False)


@contextmanager
def _buffers_kept(module: nn.Module) -> Iterator[None]:
    """What `module` keeps of the pictures it sees, such as batch norm's running statistics, is put back afterwards."""
    kept = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        yield
    finally:
        for buffer, before in kept:
            buffer.copy_(before)
