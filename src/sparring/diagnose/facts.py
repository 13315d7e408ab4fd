"""What training pictures look like, in two numbers that a rule can read: written to data.json when a run begins."""

from typing import Any

import numpy as np
import numpy.typing as npt

LOOKED_AT = 1_000


def picture_facts(pictures: npt.NDArray[np.uint8], *, seed: int = 0) -> dict[str, Any]:
    """Facts of up to 1,000 pictures drawn by the seed.

    Args:
        pictures: uint8 [N, H, W, C], N of 1 or more; may be mapped from a file.

    Returns:
        `looked_at`: how many; `smoothness`: correlation of a value with the one right of it, over all pictures, 0 for
        noise, near 1 for photographs, None where a picture is one pixel wide or all values are the same; `distinct`:
        share of the pictures that no other one of them is equal to, byte for byte, all but the first counted as equal.
    """
    draw = np.random.Generator(np.random.Philox(key=seed))
    some = np.asarray(pictures[np.sort(draw.permutation(len(pictures))[:LOOKED_AT])])
    different = len({picture.tobytes() for picture in some})
    return {"looked_at": len(some), "smoothness": smoothness(some), "distinct": different / len(some)}


def smoothness(pictures: npt.NDArray[np.uint8]) -> float | None:
    """Correlation of a value with the one right of it, less what the mean picture explains; pictures [N, H, W, C]."""
    around = pictures.astype(np.float64) - (pictures.mean(axis=0) if len(pictures) > 1 else pictures.mean())
    left, right = around[:, :, :-1].ravel(), around[:, :, 1:].ravel()
    length = np.sqrt((left @ left) * (right @ right))
    return float(left @ right / length) if length > 0 else None
