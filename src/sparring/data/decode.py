"""Encoded bytes to uint8 [H, W, C]: one decoder for packing, checking and serving.

A picture is first brought to a canonical form, upright and in one of four modes:
- L, LA, RGB, RGBA stay as they are; a transparent colour or palette entry becomes an alpha channel;
- 1 bit becomes 0 and 255; palettes, CMYK (also Adobe's inverted), YCbCr, LAB and HSV become RGB;
- 16 bits become 8 by v / 257, rounded: 65535 is white, nothing is clipped;
- 32-bit whole numbers: within 0 .. 255 as they are, within 0 .. 65535 by v / 257, else from their own range to 0 ..
  255;
- floating point: within 0 .. 1 times 255, within 0 .. 255 as they are, else from their own range to 0 .. 255.
Of an animation or a multi-page file the first frame is taken (of an MPO, a JPEG with several, as well).

For 1 and 3 channels alpha is composited on white; for 4 it is kept. Resizing is bicubic with antialiasing (the filter
widens with the reduction): the one that clean-fid recommends for real pictures, with less ringing at edges than
Lanczos.
"""

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

# TIFF and WebP are imported for their effect on Pillow's table of formats; Pillow itself would load all forty.
from PIL import (
    Image,
    ImageOps,
    JpegImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

Fit = Literal["crop", "pad", "halves"]
Pixels = npt.NDArray[np.uint8]

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "DIB")
MODES = ("L", "RGB", "RGBA", "LA", "P", "1", "CMYK", "I;16", "I;16B", "I", "F", "PA", "YCbCr", "LAB", "HSV", "other")
SMALLEST_SIDE = 8
LARGEST_SIDE = 30_000
LARGEST_PIXELS = 178_000_000
_PLUGINS = (TiffImagePlugin, WebPImagePlugin)
_CANONICAL = frozenset({"L", "LA", "RGB", "RGBA"})
_CHANNEL_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_BEGINNINGS = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a zip archive",
    b"%!PS": "PostScript (EPS)",
    b"\x1f\x8b": "gzip data",
    b"8BPS": "a Photoshop file",
    b"\x00\x00\x00\x0cjP": "JPEG 2000",
    b"SIMPLE": "FITS",
}


class RefusedError(ValueError):
    """A picture that is not used; the message is the reason, in words for the report."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture in canonical form, with what its file was."""

    image: Image.Image
    format: str
    mode: str


def read_picture(data: bytes) -> Picture:
    """Decode to canonical form: upright, in mode L, LA, RGB or RGBA, any size within the limits.

    Raises:
        RefusedError: a bomb, a side below 8 pixels, values that are not finite.
        Exception: whatever Pillow's decoders raise on damaged bytes; `reason_of` puts it in words.
    """
    opened = open_picture(data)
    stored, name = opened.mode, opened.format or "other"
    opened.load()
    image = canonical(_upright(opened))
    return Picture(image, name, stored if stored in MODES else "other")


def open_picture(data: bytes) -> Image.Image:
    """The header of a picture, checked against the limits; pixels are not decoded yet."""
    if not data:
        raise RefusedError("an empty file (0 bytes)")
    file = io.BytesIO(data)
    # The common case directly, without asking every format: a tenth of the time of a small picture.
    is_jpeg = data.startswith(b"\xff\xd8\xff")
    opened = JpegImagePlugin.JpegImageFile(file) if is_jpeg else Image.open(file, formats=FORMATS)
    width, height = opened.size
    if max(width, height) > LARGEST_SIDE or width * height > LARGEST_PIXELS:
        raise RefusedError(
            f"{width:,} x {height:,} pixels: more than {LARGEST_PIXELS // 10**6} million,"
            f" or a side over {LARGEST_SIDE:,}"
        )
    if min(width, height) < SMALLEST_SIDE:
        raise RefusedError(f"{width} x {height} pixels: a side is under {SMALLEST_SIDE}")
    return opened


@contextmanager
def strict_pillow() -> Iterator[None]:
    """Inside, Pillow's own limit is ours and its warning an error; other warnings on odd files are not shown."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = LARGEST_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def canonical(image: Image.Image) -> Image.Image:
    """A loaded picture in mode L, LA, RGB or RGBA, by the rules at the top of this file."""
    if image.mode in _CANONICAL and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16"):
        return _from_16_bit(np.asarray(image))
    if image.mode == "I":
        return _from_numbers(image, whole=True)
    if image.mode == "F":
        return _from_numbers(image, whole=False)
    if "transparency" in image.info or image.mode in ("PA", "RGBa", "La"):
        return image.convert("LA" if image.mode in ("L", "1", "La") else "RGBA")
    return image.convert("L" if image.mode == "1" else "RGB")


def content_hash(mode: str, width: int, height: int, pixels: bytes | memoryview) -> bytes:
    """16 bytes that say what a picture shows: blake2b of mode, size and pixels before any resizing.

    Independent of the file's name, format, compression and neighbours, and of the size asked for.
    """
    digest = hashlib.blake2b(f"{mode} {width} {height}\n".encode("ascii"), digest_size=16)
    digest.update(pixels)
    return digest.digest()


def fit_picture(image: Image.Image, *, size: int, fit: Fit, channels: int) -> Pixels:
    """A canonical picture as uint8 [size, size, channels].

    Args:
        image: in mode L, LA, RGB or RGBA.
        size: pixels of a side of the result; smaller pictures are enlarged.
        fit: "crop" makes the shorter side `size` and cuts the centre, "halves" too, of what `halves` gave; "pad" makes
            the longer side `size` and fills up with the mean colour of the picture's own border.
        channels: 1 (luma), 3, or 4 (alpha kept).
    """
    flat = flatten(image, channels)
    if flat.size != (size, size):
        flat = _pad(flat, size) if fit == "pad" else _crop(flat, size)
    return np.asarray(flat).reshape(size, size, channels)


def halves(image: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The left and the right half of a picture; the middle column of an odd width belongs to none."""
    width, height = image.size
    half = width // 2
    return image.crop((0, 0, half, height)), image.crop((width - half, 0, width, height))


def flatten(image: Image.Image, channels: int) -> Image.Image:
    """A canonical picture in the mode of so many channels; alpha is composited on white unless there are four."""
    wanted = _CHANNEL_MODES[channels]
    if image.mode == wanted:
        return image
    if channels == 4 or image.mode in ("L", "RGB"):
        return image.convert(wanted)
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert(wanted)


def has_colour(image: Image.Image) -> bool:
    """Whether a canonical picture shows anything but grey."""
    if image.mode in ("L", "LA"):
        return False
    pixels = np.asarray(flatten(image, 3))
    return bool((pixels[..., :1] != pixels[..., 1:]).any())


def has_transparency(image: Image.Image) -> bool:
    """Whether a pixel of a canonical picture is not fully opaque."""
    return image.mode in ("LA", "RGBA") and int(np.asarray(image.getchannel("A")).min()) < 255


def reason_of(error: Exception, data: bytes) -> str:
    """Why a picture can't be used, in words for the report."""
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"more than {LARGEST_PIXELS // 10**6} million pixels"
    if isinstance(error, UnidentifiedImageError):
        return f"not a picture: {_looks_like(data)}"
    if isinstance(error, MemoryError):
        return "too large for the memory of this machine"
    text = str(error).strip() or type(error).__name__
    return text if isinstance(error, RefusedError) else f"can't be decoded: {text}"


def _looks_like(data: bytes) -> str:
    for beginning, name in _BEGINNINGS.items():
        if data.startswith(beginning):
            return f"it is {name}"
    if data[4:8] == b"ftyp":
        return "it is HEIC, AVIF or a film; convert it to PNG or JPEG"
    if data.lstrip()[:1] == b"<":
        return "it is HTML, XML or SVG text"
    return f"its first bytes are {data[:8].hex(' ')}"


def _upright(image: Image.Image) -> Image.Image:
    if not any(key in image.info for key in ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif")):
        return image
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a damaged EXIF block says nothing about the pixels, and its parsers raise anything
        return image


def _from_16_bit(values: npt.NDArray[np.uint16]) -> Image.Image:
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))


def _from_numbers(image: Image.Image, *, whole: bool) -> Image.Image:
    values = np.asarray(image).astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(values).all():
        raise RefusedError("holds values that are not finite (NaN or infinity)")
    offset, scale = _number_range(low, high, whole=whole, sixteen=image.format == "PPM")
    return Image.fromarray(np.rint((values - offset) * scale).clip(0, 255).astype(np.uint8))


def _number_range(low: float, high: float, *, whole: bool, sixteen: bool) -> tuple[float, float]:
    """Offset and scale to 0 .. 255. Pillow gives a 16-bit PGM as 32-bit numbers up to 65535: no guess there."""
    if low >= 0 and high <= 255 and not sixteen:
        return (0.0, 255.0) if not whole and high <= 1 else (0.0, 1.0)
    if whole and low >= 0 and high <= 65535:
        return 0.0, 1 / 257
    return low, 255 / (high - low) if high > low else 1.0


def _crop(image: Image.Image, size: int) -> Image.Image:
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))


def _pad(image: Image.Image, size: int) -> Image.Image:
    width, height = image.size
    longer = max(width, height)
    inner = (max(1, round(width * size / longer)), max(1, round(height * size / longer)))
    small = image.resize(inner, Image.Resampling.BICUBIC)
    canvas = Image.new(image.mode, (size, size), _border_colour(small))
    canvas.paste(small, ((size - inner[0]) // 2, (size - inner[1]) // 2))
    return canvas


def _border_colour(image: Image.Image) -> tuple[int, ...] | int:
    pixels = np.asarray(image)
    rows = pixels.reshape(image.height, image.width, -1)
    ring = np.concatenate([rows[0], rows[-1], rows[:, 0], rows[:, -1]])
    mean = tuple(int(value) for value in np.rint(ring.mean(axis=0)))
    return mean if len(mean) > 1 else mean[0]
