"""What the two players' networks are, and how a picture's size becomes a number of stages."""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from sparring.data.spec import ImageSpec, Spec
from sparring.errors import UsageError
from sparring.registry import Registry


class Generator(nn.Module):
    """Noise, and a class where there are classes, to pictures.

    A subclass sets `z_dim` and defines `forward`.
    """

    z_dim: int

    def forward(self, z_BZ: Tensor, condition: Tensor | None = None) -> Tensor:
        """Pictures [B, C, H, W] in [-1, 1] from standard normal `z_BZ` and labels `condition` int64 [B]."""
        raise NotImplementedError


def joined(z_BZ: Tensor, embedding: nn.Embedding | None, condition: Tensor | None) -> Tensor:
    """`z_BZ` beside the embedding of each label: [B, Z + E]; `z_BZ` itself where there are no classes."""
    if embedding is None:
        return z_BZ
    assert condition is not None, "a conditional generator needs labels"
    return torch.cat([z_BZ, embedding(condition).to(z_BZ.dtype)], 1)


class Discriminator(nn.Module):
    """Pictures to features, and features to one logit: high for real."""

    def features(self, x_BCHW: Tensor) -> Tensor:
        """Features h [B, F] that every head reads."""
        raise NotImplementedError

    def forward(self, x_BCHW: Tensor, label: Tensor | None = None) -> Tensor:
        """Logits [B]; `label` int64 [B] conditions it, -1 means unknown and conditions on nothing."""
        raise NotImplementedError


generators: Registry[Generator] = Registry("generator", package="sparring.models.gan")
discriminators: Registry[Discriminator] = Registry("discriminator", package="sparring.models.gan")


def image_spec(spec: Spec) -> ImageSpec:
    """The spec if it is one of flat pictures with sides of 8 points or more, else a `UsageError`."""
    if not isinstance(spec, ImageSpec) or spec.depth is not None:
        raise UsageError(f"this network is for flat pictures; the data are {spec}.")
    if min(spec.height, spec.width) < 2 * Sides.smallest:
        raise UsageError(f"this network is for pictures of 8x8 and more; these are {spec.height}x{spec.width}.")
    return spec


class Sides:
    """Heights and widths from the picture down, halved (rounded down) while the shorter side is `smallest` * 2 or more.

    >>> Sides(64, 64).chain
    ((64, 64), (32, 32), (16, 16), (8, 8), (4, 4))
    >>> Sides(28, 28).chain
    ((28, 28), (14, 14), (7, 7))
    """

    smallest: ClassVar[int] = 4

    def __init__(self, height: int, width: int) -> None:
        chain = [(height, width)]
        while min(chain[-1]) >= 2 * self.smallest:
            chain.append((chain[-1][0] // 2, chain[-1][1] // 2))
        self.chain = tuple(chain)

    @property
    def base(self) -> tuple[int, int]:
        """The smallest height and width, from which a generator starts."""
        return self.chain[-1]

    @property
    def stages(self) -> int:
        """How often the side is halved."""
        return len(self.chain) - 1

    @property
    def paddings(self) -> tuple[tuple[int, int], ...]:
        """Output padding of each transposed convolution of stride 2 on the way up: 1 where a side is odd.

        >>> Sides(30, 30).paddings
        ((1, 1), (0, 0))
        """
        up = pairwise(self.chain[::-1])
        return tuple((large[0] - 2 * small[0], large[1] - 2 * small[1]) for small, large in up)

    def widths(self, first: int, *, most: int = 8) -> tuple[int, ...]:
        """Channels after each halving: `first`, doubled each time up to `most` times `first`."""
        return tuple(first * min(2**stage, most) for stage in range(self.stages))


class Projection(nn.Module):
    """Inner product of pooled features with an embedding of the class (Miyato and Koyama, arXiv:1802.05637, eq. 3)."""

    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, features)
        # The discriminator begins by telling reals from fakes, and learns the classes from there.
        nn.init.zeros_(self.embedding.weight)

    def forward(self, pooled_BF: Tensor, label_B: Tensor) -> Tensor:
        """The class's part of the logit, [B]; 0 where the label is -1."""
        known_B = label_B >= 0
        embedded_BF = self.embedding(label_B.clamp_min(0))
        part_B: Tensor = (pooled_BF * embedded_BF).sum(1) * known_B
        return part_B
