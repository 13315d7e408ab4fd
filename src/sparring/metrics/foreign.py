"""Reference extractors with weights of others: Inception-v3 as FID means it, and DINOv2. Extra `reference`.

Pictures are resized as clean-fid does (`shapes.by_pillow`), whatever size they have.
"""

import importlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from sparring.engine.precision import choose_device
from sparring.errors import DataError, UsageError
from sparring.metrics.base import Features, Floats, Pictures
from sparring.metrics.shapes import blocks, by_pillow, with_channels
from sparring.metrics.weights import Proved, Published, Tensors, open_weights

BLOCK = 50
INCEPTION_SIDE = 299
DINOV2_SIDE = 224

INCEPTION_FILES = (
    Published(
        name="inception",
        sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        url="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    ),
)
"""The network of December 2015 that FID was defined with; pt_inception-2015-12-05-6726825d.pth is the same file."""

_DINOV2 = "https://dl.fbaipublicfiles.com/dinov2/dinov2_{0}/dinov2_{0}_pretrain.pth"
DINOV2_FILES = (
    Published(
        name="dinov2-s",
        sha256="b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9",
        url=_DINOV2.format("vits14"),
    ),
    Published(
        name="dinov2-b",
        sha256="0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73",
        url=_DINOV2.format("vitb14"),
    ),
    Published(
        name="dinov2-l",
        sha256="d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428",
        url=_DINOV2.format("vitl14"),
    ),
)
_DINOV2_SIZES = {384: "small", 768: "base", 1024: "large"}


class ForeignExtractor:
    """An extractor, see `base.Extractor`, around a network of others.

    Args:
        proved: which weights these are; the extractor takes their name and digest.
        side: pictures are resized to this height and width.
        answer: RGB float32 [B, 3, side, side] of 0 .. 255 to features [B, d] and probabilities [B, K] or None.
    """

    def __init__(
        self,
        proved: Proved,
        side: int,
        answer: Callable[[Tensor], tuple[Tensor, Tensor | None]],
        device: torch.device,
    ) -> None:
        self.name = proved.name
        self.sha256 = proved.sha256
        self._side = side
        self._answer = answer
        self._device = device

    @torch.inference_mode()
    def __call__(self, pictures: Pictures) -> Features:
        """Features float64 [N, d] of pictures of any size and 1, 3 or 4 channels."""
        vectors: list[Floats] = []
        probabilities: list[Floats] = []
        for part in blocks(len(pictures), BLOCK):
            rgb = by_pillow(with_channels(pictures[part], 3), self._side, self._side)
            h_BF, likely_BK = self._answer(torch.from_numpy(rgb).permute(0, 3, 1, 2).to(self._device))
            vectors.append(h_BF.double().cpu().numpy())
            if likely_BK is not None:
                probabilities.append(likely_BK.double().cpu().numpy())
        joined = np.concatenate(probabilities) if probabilities else None
        return Features(vectors=np.concatenate(vectors), probabilities=joined)


def inception(
    weights: Path | None, *, sha256: str | None = None, cache: Path | None = None, device: torch.device | None = None
) -> ForeignExtractor:
    """Inception-v3 of 2015: 2,048 pooled features and 1,008 probabilities (Heusel et al., arXiv:1706.08500).

    Probabilities are those of the Inception score: without the last bias, as its reference has it. Measures in this
    space are called FID, KID and IS where the weights are the reference's; with others it is `inception-<digest>`.

    Raises:
        UsageError: the extra `reference` is not installed, or the file of weights is not given or not proved.
        DataError: the file does not hold this network.
        MachineError: the cache can't be used.
    """
    parts = reference_module("torch_fidelity.feature_extractor_inceptionv3")
    proved = open_weights("inception", weights, INCEPTION_FILES, dict, sha256=sha256, cache=cache)
    network = _filled(_inception_network(parts), proved, weights, device or choose_device(None))
    body, head = network[:-1], network[-1]
    assert isinstance(head, nn.Linear)

    def answer(rgb_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        h_BF = body((rgb_BCHW - 128) / 128).flatten(1)
        return h_BF, (h_BF @ head.weight.T).double().softmax(1)

    return ForeignExtractor(proved, INCEPTION_SIDE, answer, head.weight.device)


def dinov2(
    weights: Path | None, *, sha256: str | None = None, cache: Path | None = None, device: torch.device | None = None
) -> ForeignExtractor:
    """DINOv2 ViT-S, -B or -L/14: the class token after the last norm, 384, 768 or 1,024 features (arXiv:2304.07193).

    As a space to judge generators in: Stein et al., arXiv:2306.04675. The size follows from the file.

    Raises:
        as `inception`.
    """
    timm = reference_module("timm")
    filters = reference_module("timm.models.vision_transformer")
    proved = open_weights("dinov2", weights, DINOV2_FILES, lambda tensors: tensors, sha256=sha256, cache=cache)
    width = int(proved.tensors["cls_token"].shape[-1]) if "cls_token" in proved.tensors else 0
    if width not in _DINOV2_SIZES or "pos_embed" not in proved.tensors:
        raise DataError(f"--weights {weights}: no DINOv2 ViT-S, -B or -L/14 without registers. {_get(DINOV2_FILES)}")
    network = timm.create_model(f"vit_{_DINOV2_SIZES[width]}_patch14_dinov2", img_size=DINOV2_SIDE, num_classes=0)
    tensors = filters.checkpoint_filter_fn(with_positions_for(proved.tensors, DINOV2_SIDE // 14), network)
    fitted = Proved(name=proved.name, sha256=proved.sha256, tensors=tensors)
    network = _filled(network, fitted, weights, device or choose_device(None))
    mean, spread = (
        255 * torch.tensor(rgb, device=network.cls_token.device)[:, None, None]
        for rgb in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    return ForeignExtractor(
        proved, DINOV2_SIDE, lambda rgb_BCHW: (network((rgb_BCHW - mean) / spread), None), network.cls_token.device
    )


def with_positions_for(tensors: Tensors, cells: int) -> dict[str, Tensor]:
    """DINOv2's weights with the positions of `cells` by `cells` patches: bicubic, with an offset of 0.1, as its own
    `interpolate_pos_encoding` makes them."""
    positions_1NF = tensors["pos_embed"]
    first, rest = positions_1NF[:, :1], positions_1NF[:, 1:]
    side = round(rest.shape[1] ** 0.5)
    grid_1FSS = rest.reshape(1, side, side, -1).permute(0, 3, 1, 2)
    scale = (cells + 0.1) / side
    if side != cells:
        grid_1FSS = interpolate(grid_1FSS, scale_factor=(scale, scale), mode="bicubic")
    resized = grid_1FSS.permute(0, 2, 3, 1).reshape(1, cells * cells, -1)
    return {**tensors, "pos_embed": torch.cat([first, resized], 1)}


def reference_module(name: str) -> ModuleType:
    """A module of the extra `reference`.

    Raises:
        UsageError: it is not installed, or its torchvision does not go with this torch.
    """
    try:
        return importlib.import_module(name)
    except (ImportError, RuntimeError) as error:
        first = str(error).split("\n", 1)[0]
        raise UsageError(
            f"the reference extractors need `pip install sparring[reference]`, with a torchvision of the same build as "
            f"torch {torch.__version__} ({first})."
        ) from None


def _inception_network(parts: Any) -> nn.Sequential:
    """torch-fidelity's blocks under the names of its weights; its own class reads weights in a way that runs code."""
    layers: list[tuple[str, nn.Module]] = [
        ("Conv2d_1a_3x3", parts.BasicConv2d(3, 32, kernel_size=3, stride=2)),
        ("Conv2d_2a_3x3", parts.BasicConv2d(32, 32, kernel_size=3)),
        ("Conv2d_2b_3x3", parts.BasicConv2d(32, 64, kernel_size=3, padding=1)),
        ("MaxPool_1", nn.MaxPool2d(3, stride=2)),
        ("Conv2d_3b_1x1", parts.BasicConv2d(64, 80, kernel_size=1)),
        ("Conv2d_4a_3x3", parts.BasicConv2d(80, 192, kernel_size=3)),
        ("MaxPool_2", nn.MaxPool2d(3, stride=2)),
        ("Mixed_5b", parts.InceptionA(192, pool_features=32)),
        ("Mixed_5c", parts.InceptionA(256, pool_features=64)),
        ("Mixed_5d", parts.InceptionA(288, pool_features=64)),
        ("Mixed_6a", parts.InceptionB(288)),
        ("Mixed_6b", parts.InceptionC(768, channels_7x7=128)),
        ("Mixed_6c", parts.InceptionC(768, channels_7x7=160)),
        ("Mixed_6d", parts.InceptionC(768, channels_7x7=160)),
        ("Mixed_6e", parts.InceptionC(768, channels_7x7=192)),
        ("Mixed_7a", parts.InceptionD(768)),
        ("Mixed_7b", parts.InceptionE_1(1280)),
        ("Mixed_7c", parts.InceptionE_2(2048)),
        ("AvgPool", nn.AdaptiveAvgPool2d(1)),
        ("fc", nn.Linear(2048, 1008)),
    ]
    return nn.Sequential(OrderedDict(layers))


def _filled(network: Any, proved: Proved, path: Path | None, device: torch.device) -> Any:
    try:
        network.load_state_dict(dict(proved.tensors), strict=True)
    except RuntimeError as error:
        first = " ".join(str(error).split()[:30])
        raise DataError(f"--weights {path}: these are weights of another network ({first} ...).") from None
    return network.to(device).requires_grad_(False).eval()


def _get(files: tuple[Published, ...]) -> str:
    return "Get " + " or ".join(file.url for file in files) + "."
