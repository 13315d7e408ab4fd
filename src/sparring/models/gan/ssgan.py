"""The fully connected networks of the semi-supervised GAN, for small pictures.

Paper: Salimans et al. 2016, arXiv:1606.03498, section 5.1, with the sizes of the authors' code at 1x28x28. Generator:
uniform z, two hidden layers of softplus and batch norm, pixels by a sigmoid whose rows are weight-normalised.
Discriminator: five weight-normalised ReLU layers of 1000, 500, 250, 250 and 250 units, with noise on the picture and
before every later layer; their lengths are taken from the first batch and kept, those of the heads are trained.
Departures: z is uniform in [-1, 1] instead of [0, 1], which the first layer makes good; batch norm in G has gains;
the first batch has as many pictures as any other instead of 500; heads for other kinds of classes.
"""

import math
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import Annotated

import torch
from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.gan.base import (
    HEADS,
    Discriminator,
    Generator,
    HeadKind,
    NoiseKind,
    discriminators,
    generators,
    image_spec,
    joined,
)
from sparring.nn.noise import GaussianNoise
from sparring.nn.weight_norm import WeightNormLinear, fitted_to_data
from sparring.nn.wide import widened
from sparring.registry import Range

LEAST_WIDTH = 8
HALVINGS = (1, 2, 4, 4, 4)


@generators("ssgan", paper="arXiv:1606.03498")
class SSGANGenerator(Generator):
    """Two hidden layers with batch norm and softplus, pixels by a weight-normalised layer and a sigmoid."""

    noise: NoiseKind = "uniform"

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "units of the two hidden layers", Range(1)] = 500,
        z_dim: Annotated[int, "size of the noise", Range(1)] = 100,
        embedding: Annotated[int, "size of the class's embedding, joined to z", Range(1)] = 32,
        conditional: Annotated[bool, "whether it is asked for a class, where there are classes"] = True,
    ) -> None:
        super().__init__()
        spec = image_spec(spec)
        self.z_dim = z_dim
        self.classes = len(spec.classes) if conditional else 0
        self.embedding = nn.Embedding(self.classes, embedding) if self.classes else None
        self._shape = (spec.channels, spec.height, spec.width)
        inputs = z_dim + (embedding if self.classes else 0)
        layers: list[nn.Module] = []
        for before, units in ((inputs, width), (width, width)):
            layers += [nn.Linear(before, units, bias=False), nn.BatchNorm1d(units), nn.Softplus()]
        self.layers = nn.Sequential(*layers, WeightNormLinear(width, math.prod(self._shape), trained=True))

    def forward(self, z_BZ: Tensor, condition: Tensor | None = None) -> Tensor:
        """See `Generator.forward`."""
        pixel_BP: Tensor = self.layers(joined(z_BZ, self.embedding, condition))
        # A sigmoid brought from [0, 1] to [-1, 1].
        return torch.tanh(pixel_BP / 2).view(-1, *self._shape)


@discriminators("ssgan", paper="arXiv:1606.03498")
class SSGANDiscriminator(Discriminator):
    """Noise, five weight-normalised ReLU layers with noise in between, a weight-normalised head."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "units of the first layer; the others have a half and a quarter", Range(1)] = 1000,
        input_noise: Annotated[float, "standard deviation of the noise on pictures of [0, 1]", Range(0.0)] = 0.3,
        hidden_noise: Annotated[float, "standard deviation of the noise before every later layer", Range(0.0)] = 0.5,
        heads: Annotated[HeadKind, HEADS] = "projection",
    ) -> None:
        spec = image_spec(spec)
        widths = [max(LEAST_WIDTH, width // halving) for halving in HALVINGS]
        super().__init__(heads=heads, classes=len(spec.classes), features=widths[-1])
        layers: list[nn.Module] = [GaussianNoise(input_noise)]
        for inputs, units in pairwise([spec.channels * spec.height * spec.width, *widths]):
            layers += [WeightNormLinear(inputs, units, trained=False), nn.ReLU(), GaussianNoise(hidden_noise)]
        # The features are what the last layer gives; the noise on them is the heads'.
        self.layers = nn.Sequential(*layers[:-1])
        self.hidden_noise = GaussianNoise(hidden_noise)
        self.head = None if heads == "semi-supervised" else WeightNormLinear(widths[-1], 1, trained=True)
        if self.classifier is not None:
            self.classifier = WeightNormLinear(widths[-1], len(spec.classes), trained=True)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """The last hidden layer, [B, F]; never in bf16.

        G matches small differences between means of features. In bf16 D told reals from fakes ever better on MNIST with
        100 labels (99.9 % after 200 kimg, in fp32 88 %), and 12.7 % of the test pictures were wrong after 5,000 kimg.
        """
        with _full(x_BCHW.device):
            x_BP = widened(x_BCHW.flatten(1))
            h_BF: Tensor = self.layers((x_BP + 1) / 2)
        return h_BF

    def score(self, h_BF: Tensor) -> Tensor:
        """See `Discriminator.score`."""
        assert self.head is not None, "semi-supervised heads have no score of their own"
        logit_B: Tensor = self.head(self.hidden_noise(h_BF)).flatten()
        return logit_B

    def pooled(self, h_BF: Tensor) -> Tensor:
        """The features with noise, as every later layer is given them."""
        noisy_BF: Tensor = self.hidden_noise(h_BF)
        return noisy_BF

    def begin(self, x_BCHW: Tensor) -> None:
        """Take the layers' lengths and biases from the first batch."""
        with fitted_to_data(self):
            noisy_BF = self.pooled(self.features(x_BCHW))
            for head in (self.head, self.classifier):
                if head is not None:
                    head(noisy_BF)


def _full(device: torch.device) -> AbstractContextManager[object]:
    """Within it nothing is computed in fewer bits than its inputs have; on the meta device nothing is computed."""
    return nullcontext() if device.type == "meta" else torch.autocast(device.type, enabled=False)
