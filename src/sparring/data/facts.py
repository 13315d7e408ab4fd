"""What decoding tells about each picture, and what follows from all of it: the size and the channels to train at."""

import hashlib
import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sparring.data.decode import FORMATS, MODES, SMALLEST_SIDE, Fit, Picture, content_hash, has_transparency

FACT = np.dtype(
    [
        ("ok", "?"),
        ("width", "<i4"),
        ("height", "<i4"),
        ("mode", "u1"),
        ("format", "u1"),
        ("alpha", "?"),
        ("colour", "?"),
        ("hash", "u1", (16,)),
    ]
)
Facts = npt.NDArray[np.void]
LARGEST_SIZE = 256
DEFAULT_SIZE = 64
ARRAY_FORMAT = "array"
FORMAT_NAMES = (*FORMATS, ARRAY_FORMAT, "other")
NO_FACT = bytes(FACT.itemsize)
_ROW = struct.Struct("<?iiBB??16s")
_MODE_CODES = {name: code for code, name in enumerate(MODES)}
_FORMAT_CODES = {name: code for code, name in enumerate(FORMAT_NAMES)}
_SMALL_SIZES = (64, 48, 32, 16, 8)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How pictures are stored: uint8 [size, size, channels], fitted by `fit`, and the reasons for the choice.

    Of a pair the target is stored first, then its source, both in this way.
    """

    size: int
    channels: int
    fit: Fit
    size_why: str = ""
    channels_why: str = ""
    paired: bool = False

    @property
    def bytes_each(self) -> int:
        """Bytes of one stored picture, of a pair those of both."""
        return self.size * self.size * self.channels * (2 if self.paired else 1)

    def same_pixels(self, other: "Shape") -> bool:
        """Whether two shapes store the same bytes, whatever the reasons."""
        own = (self.size, self.channels, self.fit, self.paired)
        return own == (other.size, other.channels, other.fit, other.paired)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the user asked for; None where the data decides. `paired`: whether each picture comes with a source."""

    size: int | None
    channels: int | None
    fit: Fit
    paired: bool = False


def record(picture: Picture, pixels: bytes, *, colour: bool) -> bytes:
    """One row of `FACT` for a decoded picture in canonical form and its pixels, packed by hand: numpy needs 8 us."""
    image = picture.image
    width, height = image.size
    transparent, digest = has_transparency(image), content_hash(image.mode, width, height, pixels)
    return _ROW.pack(True, width, height, *codes(picture.mode, picture.format), transparent, colour, digest)


def header_record(mode: str, file_format: str, size: tuple[int, int], *, colour: bool) -> bytes:
    """One row of `FACT` for a picture of which only the header was read: without a hash."""
    return _ROW.pack(True, *size, *codes(mode, file_format), False, colour, b"")


def pair_record(target: bytes, source: bytes) -> bytes:
    """One row of `FACT` for a pair, from those of its pictures: the smaller sides, and what either of them shows.

    The first half of the hash is the target's, and decides the part: pairs of one target are never on both sides. The
    second half is of both pictures.
    """
    _, *target_size, mode, file_format, target_alpha, target_colour, digest = _ROW.unpack(target)
    _, *source_size, _, _, source_alpha, source_colour, other = _ROW.unpack(source)
    sides = map(min, target_size, source_size)
    both = hashlib.blake2b(digest + other, digest_size=8).digest()
    alpha, colour = target_alpha or source_alpha, target_colour or source_colour
    return _ROW.pack(True, *sides, mode, file_format, alpha, colour, digest[:8] + both)


def codes(mode: str, file_format: str) -> tuple[int, int]:
    """The numbers of a mode and a file format in `FACT`."""
    return _MODE_CODES.get(mode, _MODE_CODES["other"]), _FORMAT_CODES.get(file_format, _FORMAT_CODES["other"])


def decide(facts: Facts, wish: Wish) -> Shape:
    """The size and channels to store at: as asked, else from the facts of all readable pictures.

    Size: arrays keep theirs. Pictures: 64 where the median shorter side is 64 or more, else their common shorter side,
    else the largest of 8, 16, 32, 48 and 64 that is not above the median. Channels: 1 where no picture shows colour,
    else 3; 4 only on request.
    """
    known = facts[facts["ok"]]
    size, size_why = (wish.size, "as asked") if wish.size else _natural_size(known)
    channels, channels_why = (wish.channels, "as asked") if wish.channels else _natural_channels(known)
    return Shape(
        size=size,
        channels=channels,
        fit=wish.fit,
        size_why=size_why,
        channels_why=channels_why,
        paired=wish.paired,
    )


def shorter_sides(facts: Facts) -> npt.NDArray[np.int32]:
    """The shorter side of each picture, in pixels [N]."""
    shorter: npt.NDArray[np.int32] = np.minimum(facts["width"], facts["height"])
    return shorter


def count_names(codes: npt.NDArray[np.uint8], names: tuple[str, ...]) -> dict[str, int]:
    """How often each name occurs, the most frequent first."""
    values, first, counts = np.unique(codes, return_index=True, return_counts=True)
    return {names[int(values[n])]: int(counts[n]) for n in np.lexsort((first, -counts))}


def _natural_size(known: Facts) -> tuple[int, str]:
    shorter = shorter_sides(known)
    median = int(np.median(shorter))
    low, high = int(shorter.min()), int(shorter.max())
    if low == high and low <= LARGEST_SIZE and bool((known["format"] == FORMAT_NAMES.index(ARRAY_FORMAT)).all()):
        return low, "the arrays' own"
    if median >= DEFAULT_SIZE:
        return DEFAULT_SIZE, f"the median shorter side is {median}; {DEFAULT_SIZE} can be trained without a GPU"
    if low == high:
        return low, "the pictures' own"
    size = next(size for size in _SMALL_SIZES if size <= max(median, SMALLEST_SIDE))
    return size, f"the largest usual size not above the median shorter side, {median}"


def _natural_channels(known: Facts) -> tuple[int, str]:
    coloured = bool(known["colour"].any())
    return (3, "there are pictures with colour") if coloured else (1, "no picture shows colour")
