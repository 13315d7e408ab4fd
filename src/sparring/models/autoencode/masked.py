"""The masked autoencoder: most patches are hidden, a transformer reads the others, a lighter one fills the gaps.

Paper: He, Chen, Xie, Li, Dollar, Girshick, "Masked autoencoders are scalable vision learners", arXiv:2111.06377,
section 3. The encoder is that of `vit-tiny`, under the same names, so that a classifier can begin with it.
Departures: positions are learned, as the classifier's are; targets are the points as they are, so that what is filled
in can be drawn (the paper's best features come of patches normalised one by one).
"""

from collections.abc import Mapping
from typing import Annotated

import torch
from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.errors import UsageError
from sparring.models.autoencode.base import Autoencoder, autoencoders, flat_pictures
from sparring.nn.attention import EPS, TransformerBlock
from sparring.nn.patches import PatchEncoder, Patches, small, small_weights, usual_side
from sparring.registry import Range

TURNS = 4
"""A quarter of the patches is shown at a time, as in training."""


@autoencoders("masked", paper="arXiv:2111.06377")
class MaskedAutoencoder(Autoencoder):
    """A transformer over the patches that are shown, and a narrow one that guesses the others.

    A code is a token for the picture and one for each patch, [1 + T, width].

    Attributes:
        encoder: what is kept of it, see `sparring train --begin-with`.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "size of each patch's embedding", Range(1)] = 192,
        depth: Annotated[int, "blocks of the encoder", Range(1)] = 12,
        heads: Annotated[int, "of the attention, in both; they share the widths", Range(1)] = 3,
        patch: Annotated[int | None, "its side; none: 16, or such that there are about 64 patches", Range(1)] = None,
        decoder_width: Annotated[int, "size of a token in the decoder", Range(1)] = 96,
        decoder_depth: Annotated[int, "blocks of the decoder", Range(1)] = 2,
    ) -> None:
        super().__init__()
        pictures = flat_pictures(spec, least=4)
        side = patch or usual_side(pictures.height, pictures.width)
        self.places = Patches(pictures.height, pictures.width, side)
        if self.places.count < 2:
            raise UsageError(f"patch={side}: one patch is the whole picture. Give a side of {side // 2} or less.")
        self.code = (1 + self.places.count, width)
        self.encoder = PatchEncoder(pictures.channels, self.places, width=width, depth=depth, heads=heads)
        self.to_decoder = nn.Linear(width, decoder_width)
        self.hidden_token = nn.Parameter(torch.zeros(decoder_width))
        self.positions = nn.Parameter(torch.zeros(1 + self.places.count, decoder_width))
        self.decoder = nn.Sequential(*[TransformerBlock(decoder_width, heads) for _ in range(decoder_depth)])
        self.norm = nn.LayerNorm(decoder_width, eps=EPS)
        self.to_points = nn.Linear(decoder_width, pictures.channels * side * side)
        for part in (self.to_decoder, self.decoder, self.to_points):
            part.apply(small_weights)
        small(self.hidden_token)
        small(self.positions)

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """The tokens of all patches, and of the picture before them: [B, 1 + T, width]."""
        token_BTC: Tensor = self.encoder(x)
        return token_BTC

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """See `Autoencoder.decode`: of a code of all patches. It was taught to guess hidden ones, so see `forward`."""
        return self._made(self.to_decoder(z))

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """Each patch as it is guessed from others: one in four, of few one in fewer, is shown in turn, and guesses are
        averaged."""
        turns = min(TURNS, self.places.count)
        number_T = torch.arange(self.places.count, device=x.device)
        guessed = torch.zeros_like(x)
        for turn in range(turns):
            shown_BN = number_T[number_T % turns == turn].expand(len(x), -1)
            made = self.rebuild({"x": x, "shown": shown_BN}).to(x.dtype)
            guessed += made.masked_fill(self.places.shown(shown_BN), 0.0)
        return guessed / (turns - 1)

    def rebuild(self, batch: Mapping[str, Tensor]) -> Tensor:
        """The patches that are shown, `shown` [B, N] of the batch, as they are, and guesses in the place of the others.

        Where the batch does not say, `forward` hides each in turn.
        """
        x_BCHW, shown_BN = batch["x"], batch.get("shown")
        if shown_BN is None:
            return super().rebuild(batch)
        token_BNC = self.to_decoder(self.encoder(x_BCHW, shown_BN))
        place_BNC = (shown_BN + 1)[:, :, None].expand(-1, -1, token_BNC.shape[2])
        hidden_BTC = self.hidden_token.to(token_BNC.dtype).expand(len(x_BCHW), 1 + self.places.count, -1)
        # The first is the picture's own token; a patch's stands one behind its number.
        first_BTC = torch.cat([token_BNC[:, :1], hidden_BTC[:, 1:]], 1)
        guess_BCHW = self._made(first_BTC.scatter(1, place_BNC, token_BNC[:, 1:]))
        return torch.where(self.places.shown(shown_BN), x_BCHW, guess_BCHW.to(x_BCHW.dtype))

    def _made(self, token_BTC: Tensor) -> Tensor:
        behind_BTC = self.norm(self.decoder(token_BTC + self.positions))
        return self.places.joined(self.to_points(behind_BTC[:, 1:]))
