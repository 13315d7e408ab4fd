"""The index of blemishes: changes to normal pictures that come with a map of where they are."""

from sparring.engine.distortions.base import Distortion
from sparring.registry import Registry

blemishes: Registry[Distortion] = Registry("blemish", package="sparring.engine.blemishes")
"""Each gives the batch with `x` changed and `changed` [B, 1, H, W], 1 where it can be seen that something was put
there, 0 elsewhere."""
