"""`m2`: a variational autoencoder that is told the class, and that guesses it where nobody knows.

Source: Kingma et al. 2014, arXiv:1406.5298, section 2.2: p(y) p(z) p(x | y, z), and q(y | x) q(z | x, y).
"""

import math
from typing import Annotated

import torch
from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.errors import UsageError
from sparring.models.autoencode.base import autoencoders, shape_of
from sparring.models.autoencode.dense import dense
from sparring.models.autoencode.variational import Z_DIM, DenseVAE
from sparring.nn.activations import ActivationKind
from sparring.registry import Range


@autoencoders("m2", paper="arXiv:1406.5298")
class M2(DenseVAE):
    """`vae` that is told the class, and beside it a network of the encoder's size for q(y | x)."""

    def __init__(
        self,
        spec: Spec,
        *,
        z_dim: Annotated[int, Z_DIM, Range(1)] = 50,
        hidden: Annotated[tuple[int, ...], "units of the hidden layers of each network", Range(1)] = (500,),
        activation: Annotated[ActivationKind, "of the hidden layers"] = "relu",
    ) -> None:
        shape = shape_of(spec)
        if not spec.classes:
            raise UsageError("m2 tells classes apart, and these data have none: take --recipe vae.")
        super().__init__(spec, z_dim=z_dim, hidden=hidden, activation=activation, conditional=True)
        sizes = (math.prod(shape), *hidden)
        self.classifier = nn.Sequential(*dense(sizes, activation), nn.Linear(sizes[-1], self.classes))

    def class_logits(self, x: Tensor) -> Tensor:
        """Of q(y | x), [B, K]."""
        found: Tensor = self.classifier(x.flatten(1))
        return found

    def known(self, x: Tensor, label: Tensor | None) -> Tensor:
        """The labels int64 [B], guessed where they are -1 or None."""
        guess_B = self.class_logits(x).argmax(1)
        return guess_B if label is None else torch.where(label >= 0, label, guess_B)

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """The mean of q(z | x, y), [B, Z]."""
        return self.posterior(x, self.known(x, label)).mean_BZ

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """What examples come back as, of their class or of what they are taken for."""
        label_B = self.known(x, label)
        return self.decode(self.posterior(x, label_B).mean_BZ, label_B)
