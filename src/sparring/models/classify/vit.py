"""The vision transformer: patches of a picture as words, and a further word that gathers what the class is.

Papers: Dosovitskiy et al., "An image is worth 16x16 words", arXiv:2010.11929, eqs. 1 to 4; the size "tiny" is that of
Touvron et al., "Training data-efficient image transformers", arXiv:2012.12877, table 1: width 192, 12 blocks, 3 heads,
5,717,416 parameters at 224x224 with patches of 16x16 for 1,000 classes, 27.8 % top-1 error on ImageNet's validation
pictures. First weights are those of the latter's code: N(0, 0.02) cut off at two standard deviations.
Departures: small pictures have smaller patches, so that there are about 64; where patches overhang, the picture is
continued in grey.
"""

from typing import Annotated, Literal

from torch import Tensor, nn

from sparring.data.spec import Spec
from sparring.models.classify.base import Classifier, classifiers, picture_spec
from sparring.nn.patches import PatchEncoder, Patches, small_weights, usual_side
from sparring.registry import Range

Pool = Literal["class", "mean"]
NORMALISED = "whether what the head reads is normalised over the batch, for a head alone (arXiv:2111.06377, A.1)"


@classifiers("vit-tiny", paper="arXiv:2010.11929")
class VisionTransformer(Classifier):
    """Linear maps of patches with their positions, transformer blocks, and the class token at the end.

    With `pool=mean` it is the mean of the patches' tokens instead (Beyer et al., arXiv:2205.01580), which in a masked
    autoencoder are what was trained to tell patches from patches.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        width: Annotated[int, "size of each patch's embedding", Range(1)] = 192,
        depth: Annotated[int, "transformer blocks", Range(1)] = 12,
        heads: Annotated[int, "of the attention; they share the width", Range(1)] = 3,
        patch: Annotated[int | None, "its side; none: 16, or such that there are about 64 patches", Range(1)] = None,
        dropout: Annotated[float, "share of embeddings and of what blocks add left out", Range(0.0, below=1.0)] = 0.0,
        pool: Annotated[Pool, "what the head reads: the class token, or the mean of the patches'"] = "class",
        normalised: Annotated[bool, NORMALISED] = False,
    ) -> None:
        super().__init__()
        spec = picture_spec(spec, "vit-tiny", least=4)
        places = Patches(spec.height, spec.width, patch or usual_side(spec.height, spec.width))
        self.encoder = PatchEncoder(spec.channels, places, width=width, depth=depth, heads=heads, dropout=dropout)
        self.pool = pool
        self.normal = nn.BatchNorm1d(width, affine=False) if normalised else nn.Identity()
        self.head = nn.Linear(width, len(spec.classes))
        small_weights(self.head)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """See `Classifier.features`: one token behind the last block, [B, width]."""
        token_BTC: Tensor = self.encoder(x_BCHW)
        read_BC: Tensor = self.normal(token_BTC[:, 0] if self.pool == "class" else token_BTC[:, 1:].mean(1))
        return read_BC
