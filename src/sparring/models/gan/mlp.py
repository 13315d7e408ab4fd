"""Fully connected networks: for rows of numbers, such as points of a plane, and for small pictures.

LeakyReLU 0.2 after each hidden layer and no normalisation, for a gradient penalty on single examples needs a D that
does not mix them. Rows come out as they are, pictures through tanh. The class enters as in `dcgan`.

Measured on the grid of 25 (`benchmarks/toys.py`): of a uniform z all modes take even shares, where of a normal z the
outermost get what is left. G starts smooth, as torch initialises it: of He's larger weights (arXiv:1502.01852) it would
be a tangled sheet that has to be undone, and found 22 modes. D has He's weights, without which it takes twice as long.
"""

import math
from itertools import pairwise
from typing import Annotated

from torch import Tensor, nn

from sparring.data.spec import ImageSpec, Spec
from sparring.models.gan.base import (
    HEADS,
    Discriminator,
    Generator,
    HeadKind,
    NoiseKind,
    discriminators,
    example_shape,
    generators,
    joined,
)
from sparring.registry import Range

SLOPE = 0.2


@generators("mlp")
class MLPGenerator(Generator):
    """Uniform noise, fully connected layers with LeakyReLU; tanh at the end for pictures, nothing for rows."""

    noise: NoiseKind = "uniform"

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "values of each hidden layer", Range(1)] = 64,
        layers: Annotated[int, "hidden layers", Range(1)] = 3,
        z_dim: Annotated[int, "size of the noise", Range(1)] = 2,
        embedding: Annotated[int, "size of the class's embedding, joined to z", Range(1)] = 32,
        conditional: Annotated[bool, "whether it is asked for a class, where there are classes"] = True,
    ) -> None:
        super().__init__()
        self._shape = example_shape(spec)
        self.z_dim = z_dim
        self.classes = len(spec.classes) if conditional else 0
        self.embedding = nn.Embedding(self.classes, embedding) if self.classes else None
        inputs = z_dim + (embedding if self.classes else 0)
        self.layers = nn.Sequential(
            *_hidden((inputs, *[width] * layers)),
            nn.Linear(width, math.prod(self._shape)),
            nn.Tanh() if isinstance(spec, ImageSpec) else nn.Identity(),
        )

    def forward(self, z_BZ: Tensor, condition: Tensor | None = None) -> Tensor:
        """See `Generator.forward`; rows are [B, F]."""
        made: Tensor = self.layers(joined(z_BZ, self.embedding, condition))
        return made.view(-1, *self._shape)


@discriminators("mlp")
class MLPDiscriminator(Discriminator):
    """Fully connected layers with LeakyReLU, a linear head."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "values of each hidden layer", Range(1)] = 64,
        layers: Annotated[int, "hidden layers", Range(1)] = 3,
        heads: Annotated[HeadKind, HEADS] = "projection",
    ) -> None:
        super().__init__(heads=heads, classes=len(spec.classes), features=width)
        inputs = math.prod(example_shape(spec))
        self.layers = nn.Sequential(*_hidden((inputs, *[width] * layers)))
        self.head = nn.Linear(width, 1) if heads != "semi-supervised" else None
        self.apply(_he_init)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """The last hidden layer, [B, F]; rows come as [B, columns]."""
        h_BF: Tensor = self.layers(x_BCHW.flatten(1))
        return h_BF

    def score(self, h_BF: Tensor) -> Tensor:
        """See `Discriminator.score`."""
        assert self.head is not None, "semi-supervised heads have no score of their own"
        logit_B: Tensor = self.head(h_BF).flatten()
        return logit_B


def _hidden(widths: tuple[int, ...]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(SLOPE)]
    return layers


def _he_init(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        # Biases stay as torch draws them: with zeros all folds of the first layer would pass through the origin.
        nn.init.kaiming_normal_(module.weight, SLOPE)
