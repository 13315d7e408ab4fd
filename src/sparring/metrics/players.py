"""How the two players stand: measured with the discriminator, not with an extractor.

All logits are taken in one mode, without updating statistics: the discriminator in evaluation mode, the generator as it
trains (its own weights, statistics of the batch), so that training reals, held-out reals and fakes differ in nothing
else.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sparring.engine import sampling
from sparring.engine.deal import key, seed_device, to_condition, to_device
from sparring.engine.game import Game
from sparring.engine.record import Event, Observed
from sparring.losses.base import DISCRIMINATOR, GENERATOR
from sparring.losses.gan import AdversarialObjective
from sparring.metrics.base import Labels, Pictures
from sparring.metrics.logits import histogram, overfit
from sparring.models.gan.base import Discriminator, Generator, per_picture

SEEN = 128
FELT = 32


class PlayersWatch:
    """Observer: overfitting of the discriminator, and the signal that reaches the generator.

    Args:
        train, held: reals uint8 [N, H, W, C]; up to 128 of each are drawn by the seed.
        train_labels, held_labels: int64 [N], -1 unknown; None where the players see no classes.
        train_sources, held_sources: of pairs, uint8 [N, H, W, C'].
        shares: of the classes, for the labels of fakes.
    """

    columns: Mapping[str, str] = {
        "overfit": "(D on training reals - D on held-out reals) / (D on training reals - D on fakes), means of logits: "
        "0 none, 1 it knows its training pictures by heart (r_v, arXiv:2006.06676, eq. 1)",
        "signal": f"length of the gradient of the generator's loss by a picture, mean of {FELT}: 0 teaches nothing",
    }

    def __init__(
        self,
        train: Pictures,
        held: Pictures,
        *,
        train_labels: Labels | None,
        held_labels: Labels | None,
        shares: Sequence[float] | None,
        seed: int,
        train_sources: Pictures | None = None,
        held_sources: Pictures | None = None,
    ) -> None:
        count = min(SEEN, len(train), len(held))
        draw = np.random.Generator(np.random.Philox(key=seed))
        self._train = _drawn(draw, train, train_labels, train_sources, count)
        self._held = _drawn(draw, held, held_labels, held_sources, count)
        self._count = count
        self._seed = seed
        self._shares = shares

    def observe(self, game: Game) -> Observed:
        """Both columns, and a `logits` event with the three histograms on one axis."""
        generator, discriminator = _module(game, GENERATOR), _module(game, DISCRIMINATOR)
        assert isinstance(generator, Generator) and isinstance(discriminator, Discriminator)
        with still(discriminator), game.precision.autocast():
            label_B, source_BCHW = self._labels(game), _placed(self._train.sources, game)
            fake_BCHW = self._fakes(generator, source_BCHW if generator.source_channels else label_B, game)
            logits = {
                "train": _logits(discriminator, self._train, game),
                "held_out": _logits(discriminator, self._held, game),
                "fake": discriminator(fake_BCHW, label_B, source_BCHW).float(),
            }
            signal = self._signal(game, discriminator, fake_BCHW, label_B, source_BCHW)
        told = {name: logit_B.double().cpu().numpy() for name, logit_B in logits.items()}
        values = {"overfit": overfit(told["train"], told["held_out"], told["fake"]), "signal": signal}
        event = Event(kind="logits", severity="info", values=histogram(told), text="what D says of three kinds")
        return Observed(values=values, events=[event])

    def _labels(self, game: Game) -> Tensor | None:
        if self._shares is None:
            return None
        drawn = sampling.drawn_labels(self._count, self._shares, seed=self._seed)
        return to_device(torch.from_numpy(drawn), game.precision.device)

    @torch.no_grad()
    def _fakes(self, generator: Generator, condition: Tensor | None, game: Game) -> Tensor:
        z_BZ = sampling.noise(self._count, generator.z_dim, seed=self._seed, stream="watch", kind=generator.noise)
        seed_device(key(self._seed, "watch", game.round), game.precision.device)  # of dropout
        # A copy, because batch norm in training mode would take these fakes into its running statistics.
        made: Tensor = copy.deepcopy(generator).train()(
            to_device(z_BZ.to(game.precision.weights), game.precision.device), condition
        )
        return made

    def _signal(
        self,
        game: Game,
        discriminator: Discriminator,
        fake_BCHW: Tensor,
        label_B: Tensor | None,
        source_BCHW: Tensor | None,
    ) -> float:
        objective = game.objective
        assert isinstance(objective, AdversarialObjective)
        count = min(FELT, self._count)
        leaf_BCHW = fake_BCHW[:count].detach().requires_grad_()
        with torch.enable_grad():
            fake_logit = _judged(discriminator, leaf_BCHW, label_B, source_BCHW)
            real_logit = None
            if objective.loss.paired:
                x_BCHW, y_B = _placed(self._train.pictures, game), _placed(self._train.labels, game)
                assert x_BCHW is not None
                with torch.no_grad():
                    real_logit = _judged(discriminator, x_BCHW, y_B, source_BCHW)[:count].to(fake_logit.dtype)
            loss = per_picture(objective.loss.g_loss(real_logit, fake_logit)).sum()
            (slope_BCHW,) = torch.autograd.grad(loss, leaf_BCHW)
        return float(slope_BCHW.float().flatten(1).norm(dim=1).mean())


def _module(game: Game, name: str) -> nn.Module:
    return game.player(name).module


class _Drawn(NamedTuple):
    pictures: Pictures
    labels: Labels | None
    sources: Pictures | None


def _drawn(
    draw: np.random.Generator, pictures: Pictures, labels: Labels | None, sources: Pictures | None, count: int
) -> _Drawn:
    rows = np.sort(draw.permutation(len(pictures))[:count])
    return _Drawn(
        np.asarray(pictures[rows]),
        None if labels is None else labels[rows],
        None if sources is None else np.asarray(sources[rows]),
    )


def _judged(discriminator: Discriminator, x_BCHW: Tensor, label_B: Tensor | None, source_BCHW: Tensor | None) -> Tensor:
    """What the loss is of: logits [B], or [B, P] of patches; of as many labels and sources as there are pictures."""
    count = len(x_BCHW)
    shown = discriminator.beside(x_BCHW, None if source_BCHW is None else source_BCHW[:count])
    return discriminator.logit(discriminator.features(shown), None if label_B is None else label_B[:count])


def _placed(values: Pictures | Labels | None, game: Game) -> Tensor | None:
    return None if values is None else to_condition(values, game.precision.device, game.precision.weights)


@torch.no_grad()
def _logits(discriminator: Discriminator, drawn: _Drawn, game: Game) -> Tensor:
    logit_B: Tensor = discriminator(*(_placed(values, game) for values in drawn))
    return logit_B.float()


@contextmanager
def still(module: nn.Module) -> Iterator[None]:
    """Inside, a module is in evaluation mode and frozen."""
    training = module.training
    frozen = [not parameter.requires_grad for parameter in module.parameters()]
    module.eval().requires_grad_(False)
    try:
        with torch.no_grad():
            yield
    finally:
        module.train(training)
        for parameter, was_frozen in zip(module.parameters(), frozen, strict=True):
            parameter.requires_grad_(not was_frozen)
