"""A run whose examples can be brought into codes and back."""

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from sparring.data.spec import TableSpec
from sparring.engine.deal import Stored, to_device, to_stored, to_unit
from sparring.engine.denormals import flushed_denormals
from sparring.errors import UsageError
from sparring.job.opened import OpenedRun
from sparring.job.rebuild_parts import loss_of
from sparring.job.records import read_shares
from sparring.job.tasks import TASKS
from sparring.losses.elbo import class_bounds
from sparring.losses.rebuilding import AUTOENCODER
from sparring.models.autoencode.base import Autoencoder, Variational
from sparring.models.autoencode.m2 import M2
from sparring.models.autoencode.quantised import VectorQuantised

CODED = 250
BOUND_SAMPLES = 32
"""Of z, where classes are compared by their bounds; each costs a pass of the decoder for every class."""
Codes = npt.NDArray[Any]
"""Numbers float32 [N, Z], or numbers of a codebook's vectors int64 [N, H, W]."""
Labels = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class CodedRun(OpenedRun):
    """What a run of an autoencoder is asked for."""

    @functools.cached_property
    def autoencoder(self) -> Autoencoder:
        """The autoencoder, averaged where the recipe says so, in evaluation mode and fp32.

        Raises:
            UsageError: the run was trained for something else.
        """
        self._refuse_other_task("rebuild", has="codes")
        module = self._player(AUTOENCODER)
        assert isinstance(module, Autoencoder)
        return module

    @torch.no_grad()
    def encode(self, examples: Stored, labels: Labels | None = None) -> Codes:
        """Codes of examples: float32 [N, Z], of a variational one the means of q(z | x); of `vq` int64 [N, H, W].

        Args:
            examples: uint8 [N, H, W, C] of the run's size, or rows float32 [N, F].
            labels: int64 [N], -1 unknown, where the network is told classes; None: unknown.

        Raises:
            UsageError: the run has no codes, or examples of another shape or type.
        """
        module = self.autoencoder
        self._refuse_other(examples)
        kind = np.int64 if isinstance(module, VectorQuantised) else np.float32
        pieces = [module.encode(x, label).cpu().numpy().astype(kind) for x, label in self._blocks(examples, labels)]
        return np.concatenate(pieces) if pieces else np.empty((0, *module.code), kind)

    @torch.no_grad()
    def decode(self, codes: Codes, labels: Labels | None = None) -> Stored:
        """Examples of codes, as `encode` gives them: uint8 [N, H, W, C], or rows float32 [N, F]; of a likelihood its
        mean.

        Raises:
            UsageError: the run has no codes, or codes of another shape.
        """
        module, loss = self.autoencoder, loss_of(self.recipe)
        if codes.shape[1:] != module.code or not len(codes):
            raise UsageError(
                f"codes {list(codes.shape)}: expected [N, {', '.join(map(str, module.code))}], as {self.path.name} has."
            )
        kind = torch.int64 if isinstance(module, VectorQuantised) else torch.float32
        pieces = []
        for at in range(0, len(codes), CODED):
            z = to_device(torch.tensor(codes[at : at + CODED], dtype=kind), self._precision.device)
            made = loss.shown(module.decode(z, self._given(None if labels is None else labels[at : at + CODED])))
            pieces.append(to_stored(made))
        return np.concatenate(pieces)

    @torch.no_grad()
    def rebuild(self, examples: Stored, labels: Labels | None = None) -> Stored:
        """What is left of examples that went through the code, of their type and shape: `decode(encode(examples))`, and
        of a masked autoencoder each patch as it is guessed from others.

        Raises:
            UsageError: the run has no codes, or there are none, or ones of another shape or type.
        """
        module, loss = self.autoencoder, loss_of(self.recipe)
        self._refuse_other(examples)
        if not len(examples):
            raise UsageError("no examples to rebuild: expected one or more.")
        blocks = self._blocks(examples, labels)
        return np.concatenate([to_stored(loss.shown(module(x, label))) for x, label in blocks])

    def _blocks(self, examples: Stored, labels: Labels | None = None) -> Iterator[tuple[Tensor, Tensor | None]]:
        for at in range(0, len(examples), CODED):
            x = to_unit(to_device(torch.tensor(np.asarray(examples[at : at + CODED])), self._precision.device))
            yield x, self._given(None if labels is None else labels[at : at + CODED])

    @property
    def weighs_evidence(self) -> bool:
        """Whether `log_joint` can be asked: it is a variational autoencoder that is told the class."""
        return self.recipe.task == "rebuild" and TASKS["rebuild"].names_classes(self.recipe, self.spec)

    @torch.no_grad()
    def log_joint(self, examples: Stored, *, samples: int = BOUND_SAMPLES) -> npt.NDArray[np.float64]:
        """log P(y) + a lower bound of log p(x | y), nats, float64 [N, K]: Bayes' rule makes P(y | x) of it by softmax,
        and its logsumexp is the evidence log p(x).

        P(y) are the shares of the training labels.

        Args:
            examples: uint8 [N, H, W, C] of the run's size, or rows float32 [N, F].
            samples: of z, for the bound: more make it tighter.

        Raises:
            UsageError: the run is not told classes, or examples of another shape or type.
        """
        if not self.weighs_evidence:
            raise UsageError(
                f"{self.path.name} has no p(x | y): train with --recipe cvae, or conv-vae --set "
                "autoencoder.conditional=true."
            )
        self._refuse_other(examples)
        module, loss = self.autoencoder, loss_of(self.recipe)
        assert isinstance(module, Variational)
        with np.errstate(divide="ignore"):
            prior_K = np.log(np.array(read_shares(self._folder)))
        pieces = [np.empty((0, len(prior_K)))]
        for x, _ in self._blocks(examples):
            with flushed_denormals():
                bound_BK = class_bounds(module, loss, x, samples=samples, seed=0)
            pieces.append(bound_BK.double().cpu().numpy() + prior_K)
        return np.concatenate(pieces)

    @torch.no_grad()
    def posterior(self, examples: Stored, *, joint_NK: npt.NDArray[np.float64] | None = None) -> Floats:
        """P(y | x) of an autoencoder that is told the class, float64 [N, K]: as it guesses it where it does, or else by
        Bayes' rule.

        Args:
            joint_NK: `log_joint` of the examples, where it is known already.

        Raises:
            UsageError: as `log_joint`.
        """
        module = self.autoencoder
        if isinstance(module, M2):
            self._refuse_other(examples)
            pieces = [module.class_logits(x).double().softmax(1).cpu().numpy() for x, _ in self._blocks(examples)]
            return np.concatenate(pieces) if pieces else np.empty((0, module.classes))
        return by_bayes_rule(self.log_joint(examples) if joint_NK is None else joint_NK)

    @property
    def guesses_classes(self) -> bool:
        """Whether `posterior` is a network's guess."""
        return self.recipe.task == "rebuild" and isinstance(self.autoencoder, M2)

    def unseen(self, count: int, *, seed: int = 0) -> tuple[Stored, Labels | None]:
        """Examples [N, ...] that it was not trained on, and their labels where there are some; after the last comes
        the first again.

        Raises:
            DataError, UsageError: the run's data are gone, or other ones now.
        """
        part = self._unseen
        order = np.random.Generator(np.random.Philox(key=seed)).permutation(len(part))
        rows = order[np.arange(count) % len(order)]
        return np.asarray(part.x[rows]), None if part.y is None else part.y[rows]

    def _given(self, labels: Labels | None) -> Tensor | None:
        if labels is None or not self.autoencoder.classes:
            return None
        return to_device(torch.tensor(labels, dtype=torch.int64), self._precision.device)

    def _refuse_other(self, examples: Stored) -> None:
        spec = self.spec
        kind = np.dtype(np.float32 if isinstance(spec, TableSpec) else np.uint8)
        if isinstance(spec, TableSpec):
            shape: tuple[int, ...] = (len(spec.columns),)
        else:
            depth = () if spec.depth is None else (spec.depth,)
            shape = (*depth, spec.height, spec.width, spec.channels)
        if examples.dtype != kind or examples.shape[1:] != shape:
            raise UsageError(
                f"examples {examples.dtype} {list(examples.shape)}: expected {kind} [N, {', '.join(map(str, shape))}], "
                f"as {self.path.name} was trained on."
            )


def by_bayes_rule(log_joint_NK: Floats) -> Floats:
    """P(y | x) of log P(x, y), float64 [N, K]."""
    found: Floats = torch.from_numpy(log_joint_NK).softmax(1).numpy()
    return found
