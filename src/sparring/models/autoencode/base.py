"""What autoencoders are: examples to codes, and codes to examples.

Shape suffixes: B examples, Z numbers of a code, X values of an example (any shape), E embedding of a class.
"""

import math
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from sparring.data.spec import ImageSpec, Spec, TableSpec
from sparring.errors import UsageError
from sparring.nn.wide import widened
from sparring.registry import Registry


class Autoencoder(nn.Module):
    """Examples [B, ...] to codes [B, *code], and codes to what a reconstruction loss reads.

    A subclass sets `code` and defines `encode` and `decode`.

    Attributes:
        code: shape of one code.
        unit_code: whether every number of a code lies between 0 and 1.
        classes: how many classes it is told; 0 where it takes no label.
    """

    unit_code: bool = False
    classes: int = 0
    code: tuple[int, ...]

    @property
    def code_size(self) -> int:
        """Numbers of a code."""
        return math.prod(self.code)

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """Codes [B, *code] of examples [B, ...], pictures in [-1, 1]; labels int64 [B], -1 unknown."""
        raise NotImplementedError

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """From codes to a tensor of the examples' shape; the loss says what its values are, and bounds them."""
        raise NotImplementedError

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """What examples come back as: `decode(encode(x))`, but for networks that guess what is hidden from them."""
        return self.decode(self.encode(x, label), label)

    def rebuild(self, batch: Mapping[str, Tensor]) -> Tensor:
        """What comes of a batch of `x` [B, ...], and `y` int64 [B] where it is told labels: of `seen` in the place of
        `x` where examples are spoilt. For the loss to read, as `decode`."""
        made: Tensor = self(seen(batch), label_of(self, batch))
        return made

    def begin(self, x: Tensor) -> None:
        """Shown training examples before the first round: a place for what is taken from data and then kept."""


def seen(batch: Mapping[str, Tensor]) -> Tensor:
    """What the encoder is shown: the examples, or the spoilt ones of a denoising autoencoder."""
    return batch.get("seen", batch["x"])


def label_of(module: Autoencoder, batch: Mapping[str, Tensor]) -> Tensor | None:
    """The labels int64 [B] where the network is told them."""
    return batch.get("y") if module.classes else None


FIRST_LOG_SD = -1.5
"""Of a standard deviation of 0.22, for values in [-1, 1]. From 1 the code pays for itself only after hundreds of
updates, in which q(z | x) falls back onto the prior: on the digits 7.70 bits per dimension after 150 kimg, against 7.40
after 100."""


class Posterior(NamedTuple):
    """A Gaussian for each example, with independent dimensions: what z may have been, given x."""

    mean_BZ: Tensor
    log_variance_BZ: Tensor

    @classmethod
    def of(cls, h_BF: Tensor) -> "Posterior":
        """From an encoder's last layer [B, 2 Z], in fp32 at least: the exponentials need it."""
        return cls(*widened(h_BF).chunk(2, 1))

    def at(self, noise_BZ: Tensor) -> Tensor:
        """Samples mean + sd noise (the reparameterisation of arXiv:1312.6114, section 2.4)."""
        return self.mean_BZ + (0.5 * self.log_variance_BZ).exp() * noise_BZ

    def divergence(self) -> Tensor:
        """KL(q(z | x) || N(0, 1)) of each dimension in nats, [B, Z] (arXiv:1312.6114, appendix B)."""
        return 0.5 * (self.mean_BZ.square() + self.log_variance_BZ.exp() - 1 - self.log_variance_BZ)


class Variational(Autoencoder):
    """An autoencoder whose code is a Gaussian for each example, and whose prior of codes is N(0, 1).

    A subclass defines `posterior` and `decode`.

    Attributes:
        z_dim: dimensions of z.
        log_sd: log of the standard deviation of p(x | z), for a Gaussian likelihood that has no given one.
    """

    def __init__(self, z_dim: int) -> None:
        super().__init__()
        self.z_dim = z_dim
        self.code = (z_dim,)
        self.log_sd = nn.Parameter(torch.tensor(FIRST_LOG_SD))

    def posterior(self, x: Tensor, label: Tensor | None = None) -> Posterior:
        """q(z | x) of each example."""
        raise NotImplementedError

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """The mean of q(z | x), [B, Z]."""
        return self.posterior(x, label).mean_BZ


class ClassEmbedding(nn.Module):
    """Joins what a class is to rows [B, F]: nothing where there are no classes, zeros where a label is unknown."""

    size: ClassVar[int] = 16

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, self.size) if classes else None
        self.width = self.size if classes else 0

    def forward(self, h_BF: Tensor, label: Tensor | None) -> Tensor:
        """[B, F + E]; labels int64 [B], -1 or None unknown."""
        if self.embedding is None:
            return h_BF
        if label is None:
            return torch.cat([h_BF, h_BF.new_zeros(len(h_BF), self.size)], 1)
        known_B1 = (label >= 0)[:, None]
        embedded_BE = self.embedding(label.clamp_min(0)) * known_B1
        return torch.cat([h_BF, embedded_BE.to(h_BF.dtype)], 1)


autoencoders: Registry[Autoencoder] = Registry("autoencoder", package="sparring.models.autoencode")


def shape_of(spec: Spec) -> tuple[int, ...]:
    """Shape of one example, as a fully connected network takes it: (C, H, W) or (F,).

    Raises:
        UsageError: neither flat pictures nor rows.
    """
    if isinstance(spec, ImageSpec) and spec.depth is None:
        return (spec.channels, spec.height, spec.width)
    if isinstance(spec, TableSpec):
        return (len(spec.columns),)
    raise UsageError(f"this network is for flat pictures and for rows of numbers; the data are {_told(spec)}.")


def flat_pictures(spec: Spec, *, least: int) -> ImageSpec:
    """The spec if it is one of flat pictures with sides of `least` points or more.

    Raises:
        UsageError: it is something else, or they are smaller.
    """
    if not isinstance(spec, ImageSpec) or spec.depth is not None:
        raise UsageError(
            f"this network is for flat pictures; the data are {_told(spec)}. Take --recipe autoencoder or vae, which "
            "are fully connected."
        )
    if min(spec.height, spec.width) < least:
        raise UsageError(
            f"this network is for pictures of {least}x{least} and more; these are {spec.height}x{spec.width}."
        )
    return spec


def _told(spec: Spec) -> str:
    return spec.form if isinstance(spec, ImageSpec | TableSpec) else str(spec)
