"""What a detector is: a network that is shown normal pictures with and without blemishes, and says where they are."""

from torch import Tensor, nn

from sparring.data.spec import ImageSpec, Spec
from sparring.errors import UsageError
from sparring.registry import Registry


class Detector(nn.Module):
    """Pictures to maps: what each layer sees of a place, and how likely something was put there.

    A subclass defines `layers` and `places`.
    """

    def layers(self, x_BCHW: Tensor) -> tuple[Tensor, ...]:
        """Feature maps [B, F, H', W'] of pictures in [-1, 1], the finest first."""
        raise NotImplementedError

    def places(self, layers: tuple[Tensor, ...], size: tuple[int, int]) -> Tensor:
        """A logit for each point [B, 1, H, W], of what `layers` gave for pictures of that height and width."""
        raise NotImplementedError

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """A logit for each point, [B, 1, H, W]: above 0 where it is not as in normal pictures."""
        return self.places(self.layers(x_BCHW), (x_BCHW.shape[2], x_BCHW.shape[3]))


detectors: Registry[Detector] = Registry("detector", package="sparring.models.detect")


def flat_pictures(spec: Spec, *, least: int = 8) -> ImageSpec:
    """The spec if it is one of flat pictures with sides of `least` points or more.

    Raises:
        UsageError: it is something else, or they are smaller.
    """
    if not isinstance(spec, ImageSpec) or spec.depth is not None:
        told = "volumes" if isinstance(spec, ImageSpec) else "rows of numbers"
        raise UsageError(
            f"this network is for flat pictures, and the data are {told}: an autoencoder finds anomalies there by what "
            "it can't rebuild, --task rebuild."
        )
    if min(spec.height, spec.width) < least:
        raise UsageError(
            f"this network is for pictures of {least}x{least} and more; these are {spec.height}x{spec.width}."
        )
    return spec
