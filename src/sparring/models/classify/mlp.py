"""Fully connected layers from all values at once: without hidden layers, softmax regression.

Sources: Rosenblatt 1958 for the layer, Rumelhart, Hinton, Williams 1986 (Nature 323) for several trained by
backpropagation; ReLU and He's initialisation (arXiv:1502.01852) where they had sigmoids.
"""

import math
from itertools import pairwise
from typing import Annotated

from torch import Tensor, nn

from sparring.data.spec import ImageSpec, Spec, TableSpec
from sparring.errors import UsageError
from sparring.models.classify.base import Classifier, classifiers
from sparring.nn.activations import ActivationKind, activation_of
from sparring.nn.scaled import Scaled
from sparring.registry import Range


@classifiers("mlp")
class MLP(Classifier):
    """Hidden layers of equal width; `--set classifier.depth=0` makes it softmax regression.

    Columns of a table are standardised by the training part.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "units of a hidden layer", Range(1)] = 512,
        depth: Annotated[int, "hidden layers; none: softmax regression", Range(0)] = 2,
        activation: Annotated[ActivationKind, "of the hidden layers"] = "relu",
        dropout: Annotated[float, "share of each hidden layer left out in training", Range(0.0, below=1.0)] = 0.2,
        batch_norm: Annotated[bool, "whether hidden layers are normalised over the batch"] = False,
    ) -> None:
        super().__init__()
        widths = [_values(spec), *[width] * depth]
        self.scaled = Scaled(widths[0]) if isinstance(spec, TableSpec) else None
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in pairwise(widths):
            layers.append(nn.Linear(inputs, outputs))
            if batch_norm:
                layers.append(nn.BatchNorm1d(outputs))
            layers += [activation_of(activation), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(widths[-1], len(spec.classes))

    def features(self, x_BCHW: Tensor) -> Tensor:
        """See `Classifier.features`; without hidden layers the values themselves."""
        h_BF: Tensor = self.layers(x_BCHW if self.scaled is None else self.scaled(x_BCHW))
        return h_BF

    def begin(self, x_NCHW: Tensor) -> None:
        """See `Classifier.begin`: columns of a table are of any unit, and brought to one scale."""
        if self.scaled is not None:
            self.scaled.fit(x_NCHW)


def _values(spec: Spec) -> int:
    if isinstance(spec, ImageSpec):
        return math.prod((spec.channels, spec.depth or 1, spec.height, spec.width))
    if isinstance(spec, TableSpec):
        return len(spec.columns)
    raise UsageError("mlp is for pictures and for rows of numbers: the data are neither.")
