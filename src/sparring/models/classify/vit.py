"""The vision transformer: patches of a picture as words, and a further word that gathers what the class is.

Papers: Dosovitskiy et al., "An image is worth 16x16 words", arXiv:2010.11929, eqs. 1 to 4; the size "tiny" is that of
Touvron et al., "Training data-efficient image transformers", arXiv:2012.12877, table 1: width 192, 12 blocks, 3 heads,
5,717,416 parameters at 224x224 with patches of 16x16 for 1,000 classes, 27.8 % top-1 error on ImageNet's validation
pictures. First weights are those of the latter's code: N(0, 0.02) cut off at two standard deviations.
Departures: small pictures have smaller patches, so that there are about 64; where patches overhang, the picture is
continued in grey.
"""

import math
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.data.spec import ImageSpec, Spec
from sparring.models.classify.base import Classifier, classifiers, picture_spec
from sparring.nn.attention import EPS, TransformerBlock
from sparring.registry import Range

LARGEST_PATCH = 16
PATCHES_A_SIDE = 8


@classifiers("vit-tiny", paper="arXiv:2010.11929")
class VisionTransformer(Classifier):
    """Linear maps of patches with their positions, transformer blocks, and the class token at the end."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "size of each patch's embedding", Range(1)] = 192,
        depth: Annotated[int, "transformer blocks", Range(1)] = 12,
        heads: Annotated[int, "of the attention; they share the width", Range(1)] = 3,
        patch: Annotated[int | None, "its side; none: 16, or such that there are about 64 patches", Range(1)] = None,
        dropout: Annotated[float, "share of embeddings and of what blocks add left out", Range(0.0, below=1.0)] = 0.0,
    ) -> None:
        super().__init__()
        spec = picture_spec(spec, "vit-tiny", least=4)
        side = patch or _patch_of(spec)
        rows, columns = -(-spec.height // side), -(-spec.width // side)
        self._overhang = (0, columns * side - spec.width, 0, rows * side - spec.height)
        self.class_token = nn.Parameter(torch.zeros(width))
        self.positions = nn.Parameter(torch.zeros(1 + rows * columns, width))
        self.patches = nn.Conv2d(spec.channels, width, side, side)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*[TransformerBlock(width, heads, dropout=dropout) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, eps=EPS)
        self.head = nn.Linear(width, len(spec.classes))
        self.apply(_init)
        nn.init.trunc_normal_(self.class_token, std=0.02, a=-0.04, b=0.04)
        nn.init.trunc_normal_(self.positions, std=0.02, a=-0.04, b=0.04)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """See `Classifier.features`: the class token behind the last block, [B, width]."""
        patch_BTC = self.patches(F.pad(x_BCHW, self._overhang)).flatten(2).transpose(1, 2)
        class_B1C = self.class_token.expand(len(patch_BTC), 1, -1)
        x_BTC = self.blocks(self.dropout(torch.cat([class_B1C, patch_BTC], 1) + self.positions))
        h_BF: Tensor = self.norm(x_BTC[:, 0])
        return h_BF


def _patch_of(spec: ImageSpec) -> int:
    return max(1, min(LARGEST_PATCH, round(math.sqrt(spec.height * spec.width) / PATCHES_A_SIDE)))


def _init(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.trunc_normal_(module.weight, std=0.02, a=-0.04, b=0.04)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
