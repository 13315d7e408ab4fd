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
        `looked_at`: how many; `smoothness`: see there: 0 for noise, near 1 for photographs, None where a picture is one
        pixel or all are the same; `distinct`: how many different ones there are, as a share.
    """
    draw = np.random.Generator(np.random.Philox(key=seed))
    some = np.asarray(pictures[np.sort(draw.permutation(len(pictures))[:LOOKED_AT])])
    different = len({picture.tobytes() for picture in some})
    return {"looked_at": len(some), "smoothness": smoothness(some), "distinct": different / len(some)}


def smoothness(pictures: npt.NDArray[np.uint8]) -> float | None:
    """Correlation of a value with the one right of it or below it, the larger; pictures [N, H, W, C].

    What the mean picture explains does not count: noise in a frame is noise.
    """
    around = pictures.astype(np.float64) - (pictures.mean(axis=0) if len(pictures) > 1 else pictures.mean())
    found = [
        _correlation(around[:, :, :-1].ravel(), around[:, :, 1:].ravel()),
        _correlation(around[:, :-1].ravel(), around[:, 1:].ravel()),
    ]
    return max((value for value in found if value is not None), default=None)


def _correlation(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float | None:
    length = np.sqrt((one @ one) * (other @ other))
    return float(one @ other / length) if length > 0 else None
