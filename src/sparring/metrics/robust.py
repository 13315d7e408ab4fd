"""How a classifier's accuracy falls as its pictures are shifted, turned, lit, blurred or partly covered."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from sparring.errors import DataError
from sparring.metrics.base import Floats, Labels, Pictures
from sparring.metrics.intervals import wilson

Predict = Callable[[Pictures], Floats]
BLOCK = 1_000
DEGREES = (0.0, 5.0, 10.0, 20.0, 30.0)
LIGHT = (1.0, 1.25, 1.5, 2.0, 3.0)
SIGMAS = (0.0, 0.5, 1.0, 1.5, 2.0)
COVERED = (0.0, 0.05, 0.1, 0.2, 0.4)
SHIFTED = (0.0, 1 / 32, 1 / 16, 1 / 8, 1 / 4)


@dataclass(frozen=True, kw_only=True)
class RobustRow:
    """Accuracy under one change at one strength, with the interval of 95 % confidence; the first strength is none."""

    kind: str
    strength: float
    unit: str
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """The table: rows by kind, then by strength; `count` pictures each, changed under `seed`."""

    count: int
    seed: int
    rows: tuple[RobustRow, ...]


@dataclass(frozen=True)
class _Draw:
    """What chance decides about one picture, equal at every strength, so that only the strength differs."""

    sign: int
    direction: int
    place: tuple[float, float]


@dataclass(frozen=True)
class _Change:
    kind: str
    unit: str
    strengths: tuple[float, ...]
    apply: Callable[[Image.Image, float, _Draw], Image.Image]


def robustness(predict: Predict, pictures: Pictures, labels: Labels, *, seed: int = 0) -> Robustness:
    """Accuracy along five changes of five strengths, the first of which is none.

    - shift: pixels, in one of four directions; the border is continued. Up to a quarter of the shorter side;
    - rotation: degrees to either side, bilinear; the border is continued;
    - light: factor by which all values are multiplied or divided; what passes white is white;
    - blur: sigma in pixels of a Gaussian (Pillow's, by box filters);
    - occlusion: share of the picture under one rectangle of the data's mean colour.

    The picture decides nothing: directions and places are drawn from the seed and the picture's number.

    Args:
        predict: pictures uint8 [n, H, W, C] to probabilities [n, K]; called with blocks of 1,000 at most.
        pictures: uint8 [N, H, W, C], C of 1, 3 or 4, N of 1 or more; not changed.
        labels: int64 [N], 0 to K - 1.

    Raises:
        DataError: other shapes or types, of the arguments or of what `predict` gives.
    """
    _check(pictures, labels)
    draws = list(_draws(len(pictures), seed))
    plain = _hits(predict, _blocks(pictures), labels)
    rows = []
    for change in _changes(pictures):
        rows.append(_row(change, change.strengths[0], plain, len(labels)))
        for strength in change.strengths[1:]:
            hits = _hits(predict, _changed(pictures, change, strength, draws), labels)
            rows.append(_row(change, strength, hits, len(labels)))
    return Robustness(count=len(labels), seed=seed, rows=tuple(rows))


def _row(change: _Change, strength: float, hits: int, count: int) -> RobustRow:
    low, high = wilson(hits, count)
    return RobustRow(kind=change.kind, strength=strength, unit=change.unit, accuracy=hits / count, low=low, high=high)


def _check(pictures: Pictures, labels: Labels) -> None:
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or 0 in pictures.shape or pictures.shape[3] not in (1, 3, 4):
        raise DataError(
            f"pictures are {pictures.dtype} {list(pictures.shape)}; expected uint8 [N, H, W, C], C of 1, 3 or 4."
        )
    if labels.shape != (len(pictures),) or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise DataError(
            f"labels are {labels.dtype} {list(labels.shape)} from {labels.min(initial=0)}; "
            f"expected whole numbers of 0 or more, [{len(pictures)}]."
        )


def _draws(count: int, seed: int) -> Iterator[_Draw]:
    draw = np.random.Generator(np.random.Philox(key=seed))
    for sign, direction, x, y in draw.random((count, 4)).tolist():
        yield _Draw(sign=1 if sign < 0.5 else -1, direction=int(4 * direction), place=(x, y))


def _changes(pictures: Pictures) -> tuple[_Change, ...]:
    height, width = pictures.shape[1:3]
    # At least a pixel more each time, for pictures of a few pixels as well.
    pixels = tuple(float(max(step, round(share * min(height, width)))) for step, share in enumerate(SHIFTED))
    # The share is that of whole pixels, as covered.
    covers = {h * w / (height * width): (h, w) for h, w in (_rectangle(height, width, share) for share in COVERED)}
    return (
        _Change("shift", "pixels", pixels, _shifted),
        _Change("rotation", "degrees", DEGREES, _turned),
        _Change("light", "times or divided by", LIGHT, _lit),
        _Change("blur", "sigma, pixels", SIGMAS, _blurred),
        _Change("occlusion", "share covered", tuple(covers), _covering(covers, _mean_colour(pictures))),
    )


def _rectangle(height: int, width: int, share: float) -> tuple[int, int]:
    return round(height * math.sqrt(share)), round(width * math.sqrt(share))


def _mean_colour(pictures: Pictures) -> tuple[int, ...]:
    mean = [round(float(pictures[..., channel].mean())) for channel in range(pictures.shape[3])]
    return (*mean[:3], 255) if len(mean) == 4 else tuple(mean)


def _blocks(pictures: Pictures) -> Iterator[Pictures]:
    # Copies: what a user's function does to its pictures stays there.
    return (pictures[start : start + BLOCK].copy() for start in range(0, len(pictures), BLOCK))


def _changed(pictures: Pictures, change: _Change, strength: float, draws: Sequence[_Draw]) -> Iterator[Pictures]:
    drawn = iter(draws)
    for block in _blocks(pictures):
        yield np.stack([_as_array(change.apply(_as_image(one), strength, next(drawn)), one.shape) for one in block])


def _hits(predict: Predict, blocks: Iterable[Pictures], labels: Labels) -> int:
    found = start = 0
    for block in blocks:
        wanted = labels[start : start + len(block)]
        start += len(block)
        answers = np.asarray(predict(block))
        if answers.ndim != 2 or len(answers) != len(wanted) or answers.shape[1] <= wanted.max():
            raise DataError(
                f"predict gave {list(answers.shape)} for {len(wanted)} pictures with labels up to {wanted.max()}; "
                "expected probabilities [N, K], one column a class."
            )
        found += int((answers.argmax(1) == wanted).sum())
    return found


def _as_image(picture: Pictures) -> Image.Image:
    return Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)


def _as_array(image: Image.Image, shape: tuple[int, ...]) -> Pictures:
    return np.asarray(image, np.uint8).reshape(shape)


def _framed(image: Image.Image, margin: int) -> Image.Image:
    """The picture with its border continued by `margin` pixels on each side."""
    pixels = np.asarray(image)
    around = [(margin, margin), (margin, margin), (0, 0)][: pixels.ndim]
    return Image.fromarray(np.pad(pixels, around, mode="edge"))


def _shifted(image: Image.Image, strength: float, draw: _Draw) -> Image.Image:
    margin = int(strength)
    x, y = ((1, 0), (-1, 0), (0, 1), (0, -1))[draw.direction]
    left, top = margin * (1 - x), margin * (1 - y)
    return _framed(image, margin).crop((left, top, left + image.width, top + image.height))


def _turned(image: Image.Image, strength: float, draw: _Draw) -> Image.Image:
    # A corner comes from no farther away than the diagonal.
    margin = max(image.size)
    turned = _framed(image, margin).rotate(draw.sign * strength, resample=Image.Resampling.BILINEAR)
    return turned.crop((margin, margin, margin + image.width, margin + image.height))


def _lit(image: Image.Image, strength: float, draw: _Draw) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(strength**draw.sign)


def _blurred(image: Image.Image, strength: float, draw: _Draw) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(strength))


def _covering(
    covers: Mapping[float, tuple[int, int]], colour: tuple[int, ...]
) -> Callable[[Image.Image, float, _Draw], Image.Image]:
    def apply(image: Image.Image, strength: float, draw: _Draw) -> Image.Image:
        height, width = covers[strength]
        left = round(draw.place[0] * (image.width - width))
        top = round(draw.place[1] * (image.height - height))
        covered = image.copy()
        covered.paste(colour if len(colour) > 1 else colour[0], (left, top, left + width, top + height))
        return covered

    return apply
