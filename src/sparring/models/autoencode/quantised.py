"""VQ-VAE: each place of a small map is one of the vectors of a codebook.

Source: van den Oord, Vinyals, Kavukcuoglu, arXiv:1711.00937; the codebook as moving averages of what falls to its
vectors: appendix A.1.
"""

from itertools import pairwise
from typing import Annotated, NamedTuple

import torch
from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.autoencode.base import Autoencoder, autoencoders, flat_pictures
from sparring.models.autoencode.conv import LEAST
from sparring.models.gan.base import Sides
from sparring.nn.convolution import Conv2d, ConvTranspose2d
from sparring.nn.residual_pair import ResidualPair
from sparring.registry import Range


class Quantised(NamedTuple):
    """What became of a map of vectors [B, C, H, W].

    Args:
        chosen: the nearest vector of the codebook at each place, [B, C, H, W], with the codebook's gradient.
        index: its number, int64 [B, H, W].
    """

    chosen_BCHW: Tensor
    index_BHW: Tensor


class Codebook(nn.Module):
    """K vectors of C numbers.

    Attributes:
        vectors: [K, C], trained by a loss or moved as averages.
        counts: how many places fall to each vector, a moving average, [K].
        sums: of what falls to each vector, a moving average, [K, C].
    """

    vectors: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, size: int, channels: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(size, channels))
        self.register_buffer("counts", torch.ones(size))
        self.register_buffer("sums", self.vectors.detach().clone())

    def nearest(self, h_NC: Tensor) -> Tensor:
        """Numbers int64 [N] of the vectors nearest to each row (eq. 1)."""
        found: Tensor = (self.vectors.square().sum(1) - 2 * h_NC @ self.vectors.T).argmin(1)
        return found

    def forward(self, h_BCHW: Tensor) -> Quantised:
        """The nearest vector at each place."""
        h_BHWC = h_BCHW.movedim(1, -1)
        index_BHW = self.nearest(h_BHWC.detach().flatten(0, 2).to(self.vectors.dtype)).view(h_BHWC.shape[:3])
        return Quantised(self.at(index_BHW), index_BHW)

    def at(self, index_BHW: Tensor) -> Tensor:
        """The vectors of given numbers, [B, C, H, W]."""
        return nn.functional.embedding(index_BHW, self.vectors).movedim(-1, 1)


@autoencoders("vq", paper="arXiv:1711.00937")
class VectorQuantised(Autoencoder):
    """Strided convolutions and residual blocks to a map of codebook vectors, and back (section 4.1)."""

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "channels of the hidden layers", Range(1)] = 64,
        channels: Annotated[int, "numbers of a vector of the codebook", Range(1)] = 32,
        codebook: Annotated[int, "vectors of the codebook", Range(2)] = 128,
        halvings: Annotated[int, "times that the sides are halved, fewer where they are below 8 then", Range(1)] = 2,
    ) -> None:
        super().__init__()
        pictures = flat_pictures(spec, least=LEAST)
        sides = Sides(pictures.height, pictures.width)
        times = min(halvings, sides.stages)
        self.code = sides.chain[times]
        self.codebook = Codebook(codebook, channels)
        widths = (pictures.channels, *[width] * times)
        down: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            down += [Conv2d(inputs, outputs, 4, 2, 1), nn.ReLU()]
        self.encoder = nn.Sequential(*down, ResidualPair(width), ResidualPair(width), Conv2d(width, channels, 1))
        up: list[nn.Module] = [Conv2d(channels, width, 3, 1, 1), ResidualPair(width), ResidualPair(width)]
        rising = [*[width] * (times - 1), pictures.channels]
        for number, odd in zip(rising, sides.paddings[sides.stages - times :], strict=True):
            up += [nn.ReLU(), ConvTranspose2d(width, number, 4, 2, 1, output_padding=odd)]
        self.decoder = nn.Sequential(*up)

    @torch.no_grad()
    def begin(self, x: Tensor) -> None:
        """See `Autoencoder.begin`: the codebook is laid onto places of these examples, or all would fall to the vector
        next to 0."""
        h_NC = self.vectors(x).movedim(1, -1).flatten(0, 2)
        draw = torch.Generator().manual_seed(0)
        chosen_K = torch.randint(len(h_NC), (len(self.codebook.counts),), generator=draw).to(h_NC.device)
        self.codebook.vectors.copy_(h_NC[chosen_K])
        self.codebook.sums.copy_(self.codebook.vectors)

    def vectors(self, x: Tensor) -> Tensor:
        """What the encoder gives before it is quantised, [B, C, H, W]."""
        h_BCHW: Tensor = self.encoder(x)
        return h_BCHW

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """Numbers of the nearest vectors, int64 [B, H, W]."""
        quantised: Quantised = self.codebook(self.vectors(x))
        return quantised.index_BHW

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Pictures of codes int64 [B, H, W]."""
        return self.decode_vectors(self.codebook.at(z))

    def decode_vectors(self, h_BCHW: Tensor) -> Tensor:
        """Pictures of maps of vectors."""
        made: Tensor = self.decoder(h_BCHW)
        return made
