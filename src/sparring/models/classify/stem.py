"""How much of a stem for large pictures is kept for small ones."""

import math

from sparring.data.spec import ImageSpec
from sparring.errors import UsageError

HALVINGS = "of the stem, the later ones are kept; none: by the size of the pictures"


def halvings_of(spec: ImageSpec, asked: int | None, *, most: int, leaving: int, least: int) -> int:
    """How often the stem halves its map.

    Args:
        asked: by the user; None: as often as `leaving` places a side, or more, are left.
        most: in the paper.
        least: places a side that what follows needs.

    Raises:
        UsageError: what is asked for leaves fewer.
    """
    side = min(spec.height, spec.width)
    if asked is None:
        return max(0, min(most, int(math.log2(side / leaving))))
    if side >> asked < least:
        raise UsageError(
            f"halvings={asked} leaves {side >> asked} of {side} places a side, and {least} are needed: give fewer."
        )
    return asked
