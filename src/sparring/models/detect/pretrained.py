"""Networks that others trained, as they are: what they see of a place of a picture is remembered, and read by a head.

Source: Roth et al., "Towards Total Recall in Industrial Anomaly Detection" (PatchCore), arXiv:2106.08265, section 3.1:
features of the middle of the network, which neither are of edges alone nor of the classes that it was trained to name.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.errors import UsageError
from sparring.models.detect.base import Detector, detectors, flat_pictures
from sparring.nn.conv_norm import conv_norm
from sparring.nn.convolution import Conv2d
from sparring.nn.pretrained import Network, Weights, backbone_of, scale_of
from sparring.nn.resized import brought_to
from sparring.registry import Range

MIDDLE = (8, 16, 32)
"""Points of a side that one place of a map is for, of the maps that are taken."""
LEAST = 32
"""Where the coarsest of these maps is one place."""


@detectors("timm", paper="arXiv:2106.08265", behind_colon="network")
class Pretrained(Detector):
    """A network of timm that stays as it is, and a small head that learns to see blemishes in three of its maps.

    Attributes:
        backbone: the network without its own classifier, always in evaluation mode and never given a gradient.
    """

    mean: Tensor
    sd: Tensor

    def __init__(
        self,
        spec: Spec,
        *,
        network: Network = "",
        weights: Weights = True,
        width: Annotated[int, "channels of the head", Range(1)] = 64,
    ) -> None:
        super().__init__()
        spec = flat_pictures(spec, least=LEAST)
        self.backbone = backbone_of(network, weights, spec, player="detector")
        mean, sd = scale_of(self.backbone, spec.channels)
        self.register_buffer("mean", mean)
        self.register_buffer("sd", sd)
        self._taken, channels = _middle(self.backbone, network)
        self.read = nn.ModuleList(conv_norm(inputs, width, 1) for inputs in channels)
        self.joined = conv_norm(len(channels) * width, width, 3)
        self.out = Conv2d(width, 1, 1)

    def layers(self, x_BCHW: Tensor) -> tuple[Tensor, ...]:
        """See `Detector.layers`: maps of the middle of the network, without gradients."""
        scaled_BCHW = ((x_BCHW + 1) / 2 - self.mean) / self.sd
        with torch.no_grad():
            found = self.backbone.forward_intermediates(
                scaled_BCHW, indices=self._taken, intermediates_only=True, output_fmt="NCHW", stop_early=True
            )
        return tuple(found)

    def places(self, layers: tuple[Tensor, ...], size: tuple[int, int]) -> Tensor:
        """See `Detector.places`."""
        finest = layers[0].shape[2:]
        read = [brought_to(one(h_BCHW), finest) for one, h_BCHW in zip(self.read, layers, strict=True)]
        return brought_to(self.out(self.joined(torch.cat(read, 1))), size)

    def train(self, mode: bool = True) -> "Pretrained":
        """Training or evaluation mode of the head; the backbone is always in the latter."""
        super().train(mode)
        self.backbone.eval()
        return self


def _middle(backbone: Any, name: str) -> tuple[list[int], list[int]]:
    """Which of a network's maps are taken, finer ones first, and their channels.

    The last map of each size of the middle; of a network whose maps are all of one size, as those of patches are, the
    ones a quarter, a half and three quarters on the way.

    Raises:
        UsageError: the network gives out no maps, or none of these sizes.
    """
    if not callable(getattr(backbone, "forward_intermediates", None)):
        raise UsageError(f"timm:{name} does not give out its maps: take another network, as timm:resnet18.")
    reductions = [info["reduction"] for info in backbone.feature_info]
    taken = _last_of_each(reductions) if len(set(reductions)) > 1 else _quarters(len(reductions))
    if len(taken) < 2:
        raise UsageError(
            f"timm:{name} has maps of one place for {sorted(set(reductions))} points of a side, and two of {MIDDLE} "
            "are needed: take another network, as timm:resnet18."
        )
    return taken, [backbone.feature_info[index]["num_chs"] for index in taken]


def _last_of_each(reductions: Sequence[int]) -> list[int]:
    last = {reduction: index for index, reduction in enumerate(reductions)}
    return [last[reduction] for reduction in MIDDLE if reduction in last]


def _quarters(count: int) -> list[int]:
    return sorted({count // 4, count // 2, 3 * count // 4})
