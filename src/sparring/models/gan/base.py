"""What the two players' networks are, and how a picture's size becomes a number of stages."""

from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from sparring.data.spec import ImageSpec, Spec, TableSpec
from sparring.errors import UsageError
from sparring.nn.mixing import MixesExamples
from sparring.registry import Registry

NoiseKind = Literal["normal", "uniform"]
HeadKind = Literal["projection", "auxiliary", "semi-supervised", "none"]

HEADS = "what it does with classes: projection, auxiliary (names them), semi-supervised (K + 1 classes), none"


class Generator(nn.Module):
    """Noise, and a class where there are classes, to pictures; or a picture to a picture.

    A subclass sets `z_dim` and defines `forward`.

    Attributes:
        z_dim: numbers in z.
        noise: their distribution: standard normal, or uniform in [-1, 1].
        classes: how many classes it can be asked for; 0 where it takes no label.
        bounded: whether its pictures stay in [-1, 1]. Else they are aimed there, and cut off where they are written.
        source_channels: of the picture that it translates, where its condition is one; else 0.
    """

    bounded: ClassVar[bool] = True
    z_dim: int
    noise: NoiseKind = "normal"
    classes: int = 0
    source_channels: int = 0

    @property
    def conditional(self) -> bool:
        """Whether it is asked for a class."""
        return self.classes > 0

    def forward(self, z_BZ: Tensor, condition: Tensor | None = None) -> Tensor:
        """Pictures [B, C, H, W] in [-1, 1], see `bounded`, from noise `z_BZ` and `condition`: labels int64 [B], or the
        pictures to be translated [B, C', H, W]."""
        raise NotImplementedError

    def begin(self, z_BZ: Tensor, condition: Tensor | None) -> None:
        """Shown the first batch before the first round: a place for what is taken from data and then kept."""


SOFTLY = 0.1
"""Strength of a class in generators that follow Adam at a rate of 0.0002. What z is joined by is the same for all
samples of a class, so its weights move alike at every step, and those of z at random: at full strength the class is
soon all that is heard. Of MNIST `dcgan` then drew one picture a class (recall 0.05 at 97 kimg, softly 0.71)."""


def joined(z_BZ: Tensor, embedding: nn.Embedding | None, condition: Tensor | None, *, strength: float = 1.0) -> Tensor:
    """`z_BZ` beside the embedding of each label: [B, Z + E]; `z_BZ` itself where there are no classes."""
    if embedding is None:
        return z_BZ
    assert condition is not None, "a conditional generator needs labels"
    return torch.cat([z_BZ, strength * embedding(condition).to(z_BZ.dtype)], 1)


class Discriminator(nn.Module):
    """Pictures to features, and features to one logit, high for real, and perhaps to a logit for each class.

    A subclass defines `features` and `score`, and `pooled` where a class is told from less than all features.

    Args:
        heads: what it does with classes, where there are some. `projection`: the label it is shown adds an inner
            product to the logit (arXiv:1802.05637). `auxiliary`: it takes no label, and names the class beside the
            logit (arXiv:1610.09585). `semi-supervised`: it names the class, and its logit is that of being of any
            class rather than a fake (arXiv:1606.03498, section 5). `none`: it knows nothing of classes.
        classes: how many there are.
        features: how many `pooled` gives.
    """

    scale: float = 1.0
    """Factor on every logit: a head with large weights and a small factor learns more slowly."""

    source_channels: int = 0
    """Channels of the sources that it sees beside the pictures; 0 where it sees none."""

    def __init__(self, *, heads: HeadKind, classes: int, features: int) -> None:
        super().__init__()
        if heads in ("auxiliary", "semi-supervised") and not classes:
            raise UsageError(
                f"--set discriminator.heads={heads} names classes, and there are none: give data with labels, without "
                "--unconditional, or another head."
            )
        self.heads: HeadKind = heads
        named = heads in ("auxiliary", "semi-supervised")
        self.projection = Projection(classes, features) if heads == "projection" and classes else None
        self.classifier = nn.Linear(features, classes) if named else None

    def features(self, x_BCHW: Tensor) -> Tensor:
        """Features h [B, F] that every head reads."""
        raise NotImplementedError

    def score(self, h_BF: Tensor) -> Tensor:
        """The logit [B] without regard to classes, before `scale`; or [B, P], one for each of P patches of a picture.

        Not asked for with `semi-supervised` heads.
        """
        raise NotImplementedError

    def pooled(self, h_BF: Tensor) -> Tensor:
        """What classes are told from, [B, features]."""
        return h_BF

    def class_logits(self, h_BF: Tensor) -> Tensor:
        """A logit for each class, [B, K]; with `semi-supervised` heads that of a fake is 0.

        Raises:
            UsageError: it has no such head.
        """
        if self.classifier is None:
            raise UsageError(
                f"this discriminator names no classes (its heads are '{self.heads}'): train it with "
                "--set discriminator.heads=auxiliary or semi-supervised."
            )
        logit_BK: Tensor = self.classifier(self.pooled(h_BF)) * self.scale
        return logit_BK

    def logit(self, h_BF: Tensor, label: Tensor | None = None) -> Tensor:
        """Logits [B] of features, or [B, P] of patches; `label` int64 [B] conditions them, -1 means unknown and
        conditions on nothing."""
        if self.heads == "semi-supervised":
            return self.class_logits(h_BF).logsumexp(1)
        logit = self.score(h_BF)
        if self.projection is not None and label is not None:
            logit_B = self.projection(self.pooled(h_BF), label)
            logit = logit + (logit_B if logit.ndim == 1 else logit_B[:, None])
        return logit * self.scale

    def beside(self, x_BCHW: Tensor, source_BCHW: Tensor | None) -> Tensor:
        """What `features` takes: pictures joined by their sources along the channels, where it sees these.

        Pictures may be a whole number of times as many as their sources, which are then repeated.
        """
        if not self.source_channels:
            return x_BCHW
        assert source_BCHW is not None, "it was built for pairs"
        times = len(x_BCHW) // len(source_BCHW)
        return torch.cat([x_BCHW, source_BCHW.repeat(times, 1, 1, 1).to(x_BCHW.dtype)], 1)

    def forward(self, x_BCHW: Tensor, label: Tensor | None = None, source_BCHW: Tensor | None = None) -> Tensor:
        """Logits [B] of pictures, see `logit`; means over their patches where it judges these."""
        return per_picture(self.logit(self.features(self.beside(x_BCHW, source_BCHW)), label))

    def begin(self, x_BCHW: Tensor) -> None:
        """Shown the first batch before the first round: a place for what is taken from data and then kept."""


def per_picture(logit: Tensor) -> Tensor:
    """Logits [B]: as they are, or of patches [B, P] their means."""
    return logit.mean(1) if logit.ndim == 2 else logit


def mixes_examples(module: nn.Module) -> bool:
    """Whether any part of `module` mixes the examples of a batch."""
    kinds = (nn.modules.batchnorm._BatchNorm, MixesExamples)
    return any(isinstance(part, kinds) for part in module.modules())


generators: Registry[Generator] = Registry("generator", package="sparring.models.gan")
discriminators: Registry[Discriminator] = Registry("discriminator", package="sparring.models.gan")


def image_spec(spec: Spec) -> ImageSpec:
    """The spec if it is one of flat pictures with sides of 8 points or more, else a `UsageError`."""
    if not isinstance(spec, ImageSpec) or spec.depth is not None:
        told = spec.form if isinstance(spec, TableSpec) else spec
        raise UsageError(
            f"this network is for flat pictures; the data are {told}. For rows take --recipe gan, gan2014 or wgan-gp."
        )
    if min(spec.height, spec.width) < 2 * Sides.smallest:
        raise UsageError(f"this network is for pictures of 8x8 and more; these are {spec.height}x{spec.width}.")
    return spec


def example_shape(spec: Spec) -> tuple[int, ...]:
    """Shape of one example: (C, H, W) of flat pictures, (F,) of real-valued columns; else a `UsageError`."""
    if isinstance(spec, TableSpec):
        return (len(spec.columns),)
    spec = image_spec(spec)
    return spec.channels, spec.height, spec.width


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
