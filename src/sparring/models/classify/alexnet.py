"""AlexNet: five convolutions, three fully connected layers, ReLU.

Paper: Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks", NIPS 2012, for
3x227x227 (it says 224; 55 places come from 227): 2,334,080 parameters of convolutions, of which the second, fourth and
fifth were cut in two for two GPUs (`groups`), and 58,631,144 of fully connected layers with 1,000 classes. Without the
cut the sum is 62,378,344 instead of 60,965,224. Top-1 error on ImageNet 2010's test part 39.0 %, 37.5 with ten crops.
Departures: sides below 112 have smaller first kernels and strides, so that the last map has two to six places a side as
the paper's, and hidden layers of 1,024 units; He's initial weights (arXiv:1502.01852), with which signals pass from the
start (`initial=paper`: normal, deviation 0.01, some biases 1). Pictures are in [-1, 1] and not in [-128, 127], so that
local response normalisation with the paper's alpha comes close to a division by k^beta, 1.68.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from torch import Tensor, nn

from sparring.data.spec import ImageSpec, Spec
from sparring.models.classify.base import Classifier, classifiers, picture_spec
from sparring.nn.convolution import Conv2d
from sparring.nn.initial import he_init
from sparring.nn.local_response_norm import LocalResponseNorm
from sparring.registry import Range

FirstKind = Literal["auto", "11x11", "7x7", "5x5"]
FIRST: Mapping[FirstKind, tuple[int, int, int]] = {"11x11": (11, 4, 0), "7x7": (7, 2, 3), "5x5": (5, 1, 2)}
"""Kernel, stride and padding of the first convolution."""


@classifiers("alexnet", paper="Krizhevsky et al. 2012")
class AlexNet(Classifier):
    """Five convolutions with overlapping pools, two hidden layers with dropout, a linear head."""

    def __init__(
        self,
        spec: Spec,
        *,
        first: Annotated[FirstKind, "kernel; auto: 11x11 (stride 4) from 112, 7x7 (2) from 48, else 5x5 (1)"] = "auto",
        groups: Annotated[int, "parts of the second, fourth and fifth convolution that do not mix", Range(1, 3)] = 2,
        local_norm: Annotated[bool, "local response normalisation after the first two convolutions"] = True,
        hidden: Annotated[int, "units of each hidden layer; 0: 4096 for sides from 112, 1024 below", Range(0)] = 0,
        dropout: Annotated[float, "share of each hidden layer left out in training", Range(0.0, below=1.0)] = 0.5,
        initial: Annotated[Literal["he", "paper"], "weights to begin with"] = "he",
    ) -> None:
        super().__init__()
        spec = picture_spec(spec, "alexnet", least=16)
        kernel, stride, padding = FIRST[_first_for(spec) if first == "auto" else first]
        hidden = hidden or (4096 if _first_for(spec) == "11x11" else 1024)
        norm = LocalResponseNorm if local_norm else nn.Identity
        self.layers = nn.Sequential(
            *(Conv2d(spec.channels, 96, kernel, stride, padding), nn.ReLU(), norm(), nn.MaxPool2d(3, 2)),
            *(Conv2d(96, 256, 5, padding=2, groups=groups), nn.ReLU(), norm(), nn.MaxPool2d(3, 2)),
            *(Conv2d(256, 384, 3, padding=1), nn.ReLU()),
            *(Conv2d(384, 384, 3, padding=1, groups=groups), nn.ReLU()),
            *(Conv2d(384, 256, 3, padding=1, groups=groups), nn.ReLU(), nn.MaxPool2d(3, 2)),
        )
        places = 1
        for side in (spec.height, spec.width):
            places *= _pooled(_pooled(_pooled((side - kernel + 2 * padding) // stride + 1)))
        self.hidden = nn.Sequential(
            *(nn.Flatten(), nn.Linear(256 * places, hidden), nn.ReLU(), nn.Dropout(dropout)),
            *(nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout)),
        )
        self.head = nn.Linear(hidden, len(spec.classes))
        self._init_weights(initial)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """See `Classifier.features`: the second hidden layer."""
        h_BF: Tensor = self.hidden(self.layers(x_BCHW))
        return h_BF

    def _init_weights(self, initial: Literal["he", "paper"]) -> None:
        if initial == "he":
            self.layers.apply(he_init)
            self.hidden.apply(he_init)
            return
        weighted = [module for module in self.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
        for module, bias in zip(weighted, (0, 1, 0, 1, 1, 1, 1, 0), strict=True):
            nn.init.normal_(module.weight, std=0.01)
            assert module.bias is not None
            nn.init.constant_(module.bias, bias)


def _first_for(spec: ImageSpec) -> FirstKind:
    side = min(spec.height, spec.width)
    return "11x11" if side >= 112 else "7x7" if side >= 48 else "5x5"


def _pooled(side: int) -> int:
    return (side - 3) // 2 + 1
