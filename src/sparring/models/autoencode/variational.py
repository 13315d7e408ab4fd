"""Variational autoencoders: the encoder gives a Gaussian for each example, the decoder what is likely given z.

Sources: Kingma and Welling, arXiv:1312.6114; Rezende, Mohamed, Wierstra, arXiv:1401.4082; told the class as by Sohn et
al. 2015 (NeurIPS).
"""

import math
from typing import Annotated

from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.autoencode.base import (
    ClassEmbedding,
    Posterior,
    Variational,
    autoencoders,
    flat_pictures,
    shape_of,
)
from sparring.models.autoencode.conv import LEAST, WIDTH, Down, Up
from sparring.models.autoencode.dense import dense
from sparring.nn.activations import ActivationKind
from sparring.registry import Range

Z_DIM = "dimensions of z"
CONDITIONAL = "whether encoder and decoder are told the class, where there are classes"


@autoencoders("vae", paper="arXiv:1312.6114")
class DenseVAE(Variational):
    """Fully connected encoder and decoder with the same hidden layers, in turned order."""

    def __init__(
        self,
        spec: Spec,
        *,
        z_dim: Annotated[int, Z_DIM, Range(1)] = 32,
        hidden: Annotated[tuple[int, ...], "units of the encoder's hidden layers; none: linear", Range(1)] = (512, 256),
        activation: Annotated[ActivationKind, "of the hidden layers"] = "relu",
        conditional: Annotated[bool, CONDITIONAL] = False,
    ) -> None:
        super().__init__(z_dim)
        self._shape = shape_of(spec)
        values = math.prod(self._shape)
        self.classes = len(spec.classes) if conditional else 0
        self.told = ClassEmbedding(self.classes)
        down, up = (values + self.told.width, *hidden), (z_dim + self.told.width, *hidden[::-1])
        self.encoder = nn.Sequential(*dense(down, activation), nn.Linear(down[-1], 2 * z_dim))
        self.decoder = nn.Sequential(*dense(up, activation), nn.Linear(up[-1], values))

    def posterior(self, x: Tensor, label: Tensor | None = None) -> Posterior:
        """See `Variational.posterior`."""
        return Posterior.of(self.encoder(self.told(x.flatten(1), label)))

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """See `Autoencoder.decode`."""
        made: Tensor = self.decoder(self.told(z, label))
        return made.view(-1, *self._shape)


@autoencoders("conv-vae", paper="arXiv:1312.6114")
class ConvVAE(Variational):
    """Strided convolutions to the Gaussian of z, transposed ones back to the picture."""

    def __init__(
        self,
        spec: Spec,
        *,
        z_dim: Annotated[int, Z_DIM, Range(1)] = 32,
        width: Annotated[int, WIDTH, Range(1)] = 32,
        conditional: Annotated[bool, CONDITIONAL] = False,
    ) -> None:
        super().__init__(z_dim)
        pictures = flat_pictures(spec, least=LEAST)
        self.classes = len(spec.classes) if conditional else 0
        self.told = ClassEmbedding(self.classes)
        self.down = Down(pictures, width)
        self.to_posterior = nn.Linear(self.down.features + self.told.width, 2 * z_dim)
        self.up = Up(pictures, width, z_dim + self.told.width)

    def posterior(self, x: Tensor, label: Tensor | None = None) -> Posterior:
        """See `Variational.posterior`."""
        return Posterior.of(self.to_posterior(self.told(self.down(x), label)))

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """See `Autoencoder.decode`."""
        made: Tensor = self.up(self.told(z, label))
        return made
