"""Networks that others trained: those of timm by name, with a head for the classes at hand.

First the head alone is trained on the frozen network's features, then both, the network at a lower rate. Pictures are
scaled inside as each network was trained.
"""

from typing import Annotated

import torch
from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.classify.base import Classifier, classifiers, picture_spec
from sparring.nn.pretrained import Network, Weights, backbone_of, scale_of
from sparring.registry import Range


@classifiers("timm", behind_colon="network")
class Pretrained(Classifier):
    """A network of timm and a linear layer on its features: `timm:resnet18`, `timm:convnext_tiny`, and many more.

    Attributes:
        backbone: the network without its own classifier, [B, C, H, W] to [B, F]. It begins unfrozen.
    """

    mean: Tensor
    sd: Tensor

    def __init__(
        self,
        spec: Spec,
        *,
        network: Network = "",
        weights: Weights = True,
        dropout: Annotated[float, "share of the features left out in training", Range(0.0, below=1.0)] = 0.0,
    ) -> None:
        super().__init__()
        spec = picture_spec(spec, f"timm:{network}")
        self.backbone = backbone_of(network, weights, spec, player="classifier")
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(self.backbone.head_hidden_size, len(spec.classes))
        mean, sd = scale_of(self.backbone, spec.channels)
        self.register_buffer("mean", mean)
        self.register_buffer("sd", sd)
        self.frozen = False

    def features(self, x_BCHW: Tensor) -> Tensor:
        """See `Classifier.features`."""
        unit_BCHW = (x_BCHW + 1) / 2
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            h_BF: Tensor = self.backbone((unit_BCHW - self.mean) / self.sd)
        dropped_BF: Tensor = self.dropout(h_BF)
        return dropped_BF

    def freeze(self, frozen: bool = True) -> None:
        """See `Classifier.freeze`: the backbone's batch norms stand still too, and no memory is kept for gradients."""
        self.frozen = frozen
        self.train(self.training)

    def train(self, mode: bool = True) -> "Pretrained":
        """Training or evaluation mode; a frozen backbone is always in the latter."""
        super().train(mode)
        self.backbone.train(mode and not self.frozen)
        return self
