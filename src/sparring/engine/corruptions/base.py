"""Changes to what an autoencoder is shown, while what it is to rebuild stays as it is, or is drawn anew with it."""

from sparring.engine.distortions.base import Distortion
from sparring.registry import Registry

corruptions: Registry[Distortion] = Registry("corruption", package="sparring.engine.corruptions")
"""Each adds `seen` to a batch beside the target `x`, or changes `x` itself."""
