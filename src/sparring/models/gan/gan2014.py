"""The networks of the first GAN: fully connected, for pictures and for tables of real-valued columns.

Paper: Goodfellow et al., "Generative adversarial networks", arXiv:1406.2661, section 5; sizes of the authors' MNIST
configuration: z of 100 uniform numbers, two layers of 1200 ReLU, a sigmoid; two layers of 240 maxout units with 5
pieces and dropout of 0.5, a logit. Departures: pictures lie in [-1, 1], so tanh takes the sigmoid's place (it is the
sigmoid of twice the value, scaled), and a table's columns are a linear output; weights start as torch's linear layers
do, U(+-1 / sqrt(inputs)), where the authors took +-0.05 and +-0.005, made for 784 values; the discriminator's input
is not dropped, and the generator's last bias does not start at the marginals; with classes, z is joined by an
embedding of the class and the logit by a projection.
"""

import math
from itertools import pairwise
from typing import Annotated, Literal

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
from sparring.nn.maxout import Maxout
from sparring.registry import Range

PIECES = 5


@generators("gan2014", paper="arXiv:1406.2661")
class FullyConnectedGenerator(Generator):
    """Uniform noise, layers of ReLU, and every value of the example at once."""

    noise: NoiseKind = "uniform"

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "units of a layer", Range(1)] = 1200,
        depth: Annotated[int, "layers of ReLU", Range(1)] = 2,
        z_dim: Annotated[int, "size of the noise", Range(1)] = 100,
        embedding: Annotated[int, "size of the class's embedding, joined to z", Range(1)] = 32,
        conditional: Annotated[bool, "whether it is asked for a class, where there are classes"] = True,
    ) -> None:
        super().__init__()
        self._shape = example_shape(spec)
        self.z_dim = z_dim
        self.classes = len(spec.classes) if conditional else 0
        self.embedding = nn.Embedding(self.classes, embedding) if self.classes else None
        widths = (z_dim + (embedding if self.classes else 0), *[width] * depth)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.ReLU(inplace=True)]
        layers.append(nn.Linear(width, math.prod(self._shape)))
        if isinstance(spec, ImageSpec):
            layers.append(nn.Tanh())
        self.layers = nn.Sequential(*layers)

    def forward(self, z_BZ: Tensor, condition: Tensor | None = None) -> Tensor:
        """See `Generator.forward`; rows [B, F], unbounded, for a table."""
        value_BF: Tensor = self.layers(joined(z_BZ, self.embedding, condition))
        return value_BF.view(-1, *self._shape)


@discriminators("gan2014", paper="arXiv:1406.2661")
class FullyConnectedDiscriminator(Discriminator):
    """Every value of the example at once, layers of maxout with dropout, one logit."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "units of a layer", Range(1)] = 240,
        depth: Annotated[int, "layers of units", Range(1)] = 2,
        activation: Annotated[Literal["maxout", "relu"], "maxout of 5 pieces, or LeakyReLU 0.2"] = "maxout",
        dropout: Annotated[float, "share of each layer's units that is left out in training", Range(0.0, 1.0)] = 0.5,
        heads: Annotated[HeadKind, HEADS] = "projection",
    ) -> None:
        super().__init__(heads=heads, classes=len(spec.classes), features=width)
        widths = (math.prod(example_shape(spec)), *[width] * depth)
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in pairwise(widths):
            if activation == "maxout":
                layers.append(Maxout(inputs, outputs, pieces=PIECES))
            else:
                layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2, inplace=True)]
            layers.append(nn.Dropout(dropout))
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(width, 1) if heads != "semi-supervised" else None

    def features(self, x_BCHW: Tensor) -> Tensor:
        """The last layer's units, [B, F]; of pictures, or of a table's rows."""
        h_BF: Tensor = self.layers(x_BCHW)
        return h_BF

    def score(self, h_BF: Tensor) -> Tensor:
        """See `Discriminator.score`."""
        assert self.head is not None, "semi-supervised heads have no score of their own"
        logit_B: Tensor = self.head(h_BF).flatten()
        return logit_B
