"""Pictures as rows of patches, and the transformer that reads them.

Paper: Dosovitskiy et al., "An image is worth 16x16 words", arXiv:2010.11929, eqs. 1 to 4. First weights are those of
Touvron et al.'s code (arXiv:2012.12877): N(0, 0.02) cut off at two standard deviations.

Shape suffixes: B pictures, T patches in R rows and K columns, N patches that are shown, V values of a patch, S its
side, C channels of a token.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparring.nn.attention import EPS, TransformerBlock

LARGEST_PATCH = 16
PATCHES_A_SIDE = 8


def usual_side(height: int, width: int) -> int:
    """Side of a patch where none is asked for: 16, or such that there are about 64 patches."""
    return max(1, min(LARGEST_PATCH, round(math.sqrt(height * width) / PATCHES_A_SIDE)))


class Patches:
    """Where the patches of a picture lie; those that overhang see grey.

    Attributes:
        side: of a patch.
        count: how many there are, row by row.
    """

    def __init__(self, height: int, width: int, side: int) -> None:
        self.height, self.width, self.side = height, width, side
        self.rows, self.columns = -(-height // side), -(-width // side)
        self.count = self.rows * self.columns
        self._overhang = (0, self.columns * side - width, 0, self.rows * side - height)

    def padded(self, x_BCHW: Tensor) -> Tensor:
        """Continued in grey to whole patches."""
        return F.pad(x_BCHW, self._overhang)

    def joined(self, patch_BTV: Tensor) -> Tensor:
        """Pictures [B, C, H, W] of patches, whose values lie channel by channel, row by row."""
        part_BRKCSS = patch_BTV.view(len(patch_BTV), self.rows, self.columns, -1, self.side, self.side)
        whole_BCHW = part_BRKCSS.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)
        return whole_BCHW[:, :, : self.height, : self.width]

    def shown(self, place_BN: Tensor) -> Tensor:
        """Whether each point is of one of these patches, bool [B, 1, H, W]."""
        flag_BT = torch.zeros(len(place_BN), self.count, dtype=torch.bool, device=place_BN.device)
        flag_BTV = flag_BT.scatter(1, place_BN, True)[:, :, None].expand(-1, -1, self.side * self.side)
        return self.joined(flag_BTV.contiguous())


def taken(token_BTC: Tensor, place_BN: Tensor) -> Tensor:
    """The tokens at these places, in their order: [B, N, C]."""
    return token_BTC.gather(1, place_BN[:, :, None].expand(-1, -1, token_BTC.shape[2]))


class PatchEncoder(nn.Module):
    """Linear maps of patches with their positions, a class token before them, transformer blocks.

    Attributes:
        places: where its patches lie.
    """

    def __init__(
        self, channels: int, places: Patches, *, width: int, depth: int, heads: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.places = places
        self.class_token = nn.Parameter(torch.zeros(width))
        self.positions = nn.Parameter(torch.zeros(1 + places.count, width))
        self.patches = nn.Conv2d(channels, width, places.side, places.side)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*[TransformerBlock(width, heads, dropout=dropout) for _ in range(depth)])
        self.norm = nn.LayerNorm(width, eps=EPS)
        self.apply(small_weights)
        for tokens in (self.class_token, self.positions):
            small(tokens)

    def forward(self, x_BCHW: Tensor, shown_BN: Tensor | None = None) -> Tensor:
        """The class token and those of the patches behind the last block, [B, 1 + T, C].

        Args:
            shown_BN: numbers of the patches that are read, int64; None: all.
        """
        patch_BTC = self.patches(self.places.padded(x_BCHW)).flatten(2).transpose(1, 2) + self.positions[1:]
        if shown_BN is not None:
            patch_BTC = taken(patch_BTC, shown_BN)
        class_B1C = (self.class_token + self.positions[0]).expand(len(patch_BTC), 1, -1)
        token_BTC: Tensor = self.norm(self.blocks(self.dropout(torch.cat([class_B1C, patch_BTC], 1))))
        return token_BTC


def small(weight: Tensor) -> None:
    """N(0, 0.02), cut off at two standard deviations."""
    nn.init.trunc_normal_(weight, std=0.02, a=-0.04, b=0.04)


def small_weights(module: nn.Module) -> None:
    """Small weights and no biases, for `Module.apply`."""
    if isinstance(module, nn.Linear | nn.Conv2d):
        small(module.weight)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
