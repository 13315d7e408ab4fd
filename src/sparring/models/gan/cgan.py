"""Conditional GAN: both players are told the class at their inputs, so that the generator draws from P(x|y).

Paper: Mirza, Osindero, "Conditional generative adversarial nets", arXiv:1411.1784, section 4.1. Generator: z to 200
and the class, one of K numbers 1, to 1000 units of ReLU, both to 1200, those to the picture. Discriminator: the picture
to 240 maxout units of 5 pieces, the class to 50 of 5 pieces, both to 240 of 4 pieces, those to a logit. Departures: z
is uniform in [-1, 1] and not [0, 1], with pictures in [-1, 1] and tanh; the generator has no dropout; weights start as
torch's linear layers do, but for those that noise runs through in the generator, which are He's (arXiv:1502.01852). A
class that is not known is the vector of zeros. Without classes the units that read them are left out.

Measured on the digits: with torch's smaller weights noise arrives at the picture weakly beside the class, the first way
to fool D is one picture for each class, and G does not come back from there: diversity 0.03 of the reals' 0.85, with or
without D's dropout, R1 or label smoothing; with the first GAN's 0.05, 0.07.
"""

import math
from typing import Annotated

import torch
from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.gan.base import Discriminator, Generator, NoiseKind, discriminators, generators, image_spec
from sparring.nn.maxout import Maxout
from sparring.registry import Range


def one_hot(label_B: Tensor, classes: int, dtype: torch.dtype) -> Tensor:
    """[B, classes]: 1 at the label, 0 elsewhere; all 0 where it is -1."""
    return (label_B[:, None] == torch.arange(classes, device=label_B.device)).to(dtype)


@generators("cgan", paper="arXiv:1411.1784")
class ConditionalGenerator(Generator):
    """Noise and class each through ReLU units of their own, then together to every point of the picture."""

    noise: NoiseKind = "uniform"

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "units that read noise and class together", Range(1)] = 1200,
        noise_units: Annotated[int, "units that read the noise", Range(1)] = 200,
        label_units: Annotated[int, "units that read the class", Range(1)] = 1000,
        z_dim: Annotated[int, "size of the noise", Range(1)] = 100,
    ) -> None:
        super().__init__()
        spec = image_spec(spec)
        self._shape = (spec.channels, spec.height, spec.width)
        self.z_dim = z_dim
        self.classes = len(spec.classes)
        self.from_noise = nn.Sequential(nn.Linear(z_dim, noise_units), nn.ReLU(inplace=True))
        self.from_label = None
        if self.classes:
            self.from_label = nn.Sequential(nn.Linear(self.classes, label_units), nn.ReLU(inplace=True))
        self.joint = nn.Sequential(
            nn.Linear(noise_units + (label_units if self.classes else 0), width),
            nn.ReLU(inplace=True),
            nn.Linear(width, math.prod(self._shape)),
            nn.Tanh(),
        )
        for layer in (*self.from_noise, *self.joint):
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def forward(self, z_BZ: Tensor, condition: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        h_BF = self.from_noise(z_BZ)
        if self.from_label is not None:
            assert condition is not None, "a conditional generator needs labels"
            h_BF = torch.cat([h_BF, self.from_label(one_hot(condition, self.classes, z_BZ.dtype))], 1)
        pictures: Tensor = self.joint(h_BF).unflatten(1, self._shape)
        return pictures


@discriminators("cgan", paper="arXiv:1411.1784")
class ConditionalDiscriminator(Discriminator):
    """Picture and class each through maxout units of their own, then together to one logit."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "units that read the picture, and as many that read all", Range(1)] = 240,
        label_units: Annotated[int, "units that read the class", Range(1)] = 50,
        dropout: Annotated[float, "share of each layer's units that is left out in training", Range(0.0, 1.0)] = 0.5,
    ) -> None:
        spec = image_spec(spec)
        self._classes = len(spec.classes)
        # The label enters before the last layer, not beside the logit.
        super().__init__(heads="none", classes=self._classes, features=width)
        values = spec.channels * spec.height * spec.width
        self.from_picture = nn.Sequential(nn.Flatten(), Maxout(values, width, pieces=5), nn.Dropout(dropout))
        self.from_label = None
        if self._classes:
            self.from_label = nn.Sequential(Maxout(self._classes, label_units, pieces=5), nn.Dropout(dropout))
        inputs = width + (label_units if self._classes else 0)
        self.joint = nn.Sequential(Maxout(inputs, width, pieces=4), nn.Dropout(dropout), nn.Linear(width, 1))

    def features(self, x_BCHW: Tensor) -> Tensor:
        """The units that read the picture alone, [B, width]."""
        h_BF: Tensor = self.from_picture(x_BCHW)
        return h_BF

    def score(self, h_BF: Tensor) -> Tensor:
        """See `Discriminator.score`."""
        return self.logit(h_BF)

    def logit(self, h_BF: Tensor, label: Tensor | None = None) -> Tensor:
        """See `Discriminator.logit`; the label joins the features in the last hidden layer."""
        if self.from_label is not None:
            if label is None:
                label = torch.full((len(h_BF),), -1, device=h_BF.device)
            h_BF = torch.cat([h_BF, self.from_label(one_hot(label, self._classes, h_BF.dtype))], 1)
        logit_B: Tensor = self.joint(h_BF).flatten()
        return logit_B
