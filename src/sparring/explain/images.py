"""Arrays as pictures within a page: coloured, and as addresses that hold the whole file."""

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.floating]
Pixels = npt.NDArray[np.uint8]


def address(pixels: Pixels) -> str:
    """A PNG as a data address, of uint8 [H, W], [H, W, 1] or [H, W, 3]."""
    flat = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    data = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(flat)).save(data, format="PNG")
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


def coloured(values: Floats, *, low: float, high: float, colours: str = "viridis") -> Pixels:
    """Values [H, W] as uint8 [H, W, 3]: `low` gets the first colour of a map of matplotlib's, `high` the last."""
    from matplotlib import colormaps

    share = (values - low) / max(high - low, 1e-12)
    return np.asarray(colormaps[colours](np.clip(share, 0, 1))[..., :3] * 255).round().astype(np.uint8)


def around_grey(values: Floats) -> Pixels:
    """Signed values [H, W, C] as uint8: 0 is grey, the largest is white or a full colour, its negative black."""
    largest = max(float(np.abs(values).max()), 1e-12)
    return np.asarray((values / largest + 1) * 127.5).round().astype(np.uint8)


def overlaid(picture: Pixels, values: Floats) -> Pixels:
    """A map [H, W] over a picture uint8 [H, W, C] in grey: red where it is positive, blue where negative."""
    grey = picture.mean(2, keepdims=True).repeat(3, 2)
    share = values / max(float(np.abs(values).max()), 1e-12)
    colour = coloured(share, low=-1, high=1, colours="RdBu_r").astype(np.float64)
    strength = 0.8 * np.abs(share)[..., None] ** 0.7
    return np.asarray(grey * (1 - strength) + colour * strength).round().astype(np.uint8)
