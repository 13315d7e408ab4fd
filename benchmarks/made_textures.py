"""Three made textures with scratches, holes and stains in them, laid out as MVTec AD is (Bergmann et al., CVPR 2019).

    <root>/<texture>/train/good/000.png ...  test/good  test/scratch  test/hole  test/stain
    <root>/<texture>/ground_truth/scratch/000_mask.png ...

The same seed gives the same pictures. Faults are made faint on purpose: a part of them is hard to see.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

SIDE = 128
TRAIN, GOOD, EACH = 160, 40, 20
"""Normal pictures to learn from, normal ones to test with, and faulty ones of each kind."""
Field = npt.NDArray[np.float64]
Draw = np.random.Generator
_ROWS, _COLUMNS = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64)


def smooth(draw: Draw, scale: float) -> Field:
    """Noise [H, W] without details below `scale` points, mean 0, standard deviation 1."""
    spectrum = np.fft.rfft2(draw.standard_normal((SIDE, SIDE)))
    reach = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    field: Field = np.fft.irfft2(spectrum * np.exp(-((reach * scale) ** 2) * 2), s=(SIDE, SIDE))
    scaled: Field = (field - field.mean()) / field.std()
    return scaled


def cloth(draw: Draw) -> Field:
    """A weave of two threads, a little uneven, seen at a slight angle; values 0 to 1, [H, W, 3]."""
    turn, pitch = draw.normal(0, 0.04), draw.uniform(7.5, 8.5)
    across = (_COLUMNS + turn * _ROWS + 1.2 * smooth(draw, 40)) * 2 * np.pi / pitch + draw.uniform(0, 7)
    down = (_ROWS - turn * _COLUMNS + 1.2 * smooth(draw, 40)) * 2 * np.pi / pitch + draw.uniform(0, 7)
    over = np.sin(across / 2) * np.sin(down / 2) > 0
    height = np.where(over, np.abs(np.sin(across)), np.abs(np.sin(down))) ** 0.7
    light = 0.35 + 0.35 * height + 0.03 * smooth(draw, 30) + 0.03 * smooth(draw, 1)
    return tinted(light, 0.75, 0.9, 1.1)


def wood(draw: Draw) -> Field:
    """Grain that runs along the picture, with lighter and darker boards; values 0 to 1, [H, W, 3]."""
    bent = _ROWS + 5 * smooth(draw, 60) + draw.uniform(0, 99)
    grain = np.sin(bent * 2 * np.pi / 11 + 1.5 * np.sin(bent / 17)) * 0.5 + np.sin(bent * 2 * np.pi / 3.7) * 0.2
    fibre = np.repeat(smooth(draw, 1)[:, :1] * 0.6, SIDE, 1) + 0.4 * smooth(draw, 1)
    light = 0.55 + 0.10 * grain + 0.04 * fibre + 0.04 * smooth(draw, 50) + draw.normal(0, 0.02)
    return tinted(light, 1.15, 0.85, 0.55)


def stone(draw: Draw) -> Field:
    """Grains of three minerals; values 0 to 1, [H, W, 3]."""
    first, second = smooth(draw, 5), smooth(draw, 4)
    colours = np.array([[0.62, 0.60, 0.58], [0.42, 0.40, 0.42], [0.75, 0.66, 0.60]])
    kind = np.where(first > 0.5, 1, np.where(second > 0.8, 2, 0))
    grains: Field = colours[kind] + (0.05 * smooth(draw, 1) + 0.02 * smooth(draw, 30))[..., None]
    return grains


def tinted(light: Field, red: float, green: float, blue: float) -> Field:
    """Light [H, W] of one colour, [H, W, 3]."""
    return np.stack([red * light, green * light, blue * light], 2)


def scratch(draw: Draw) -> Field:
    """How much of each point a thin bent line covers, 0 to 1 [H, W]."""
    start, angle = draw.uniform(0.2, 0.8, 2) * SIDE, draw.uniform(0, 2 * np.pi)
    points, bend = [tuple(start)], draw.normal(0, 0.03)
    for _ in range(int(draw.uniform(12, 32))):
        angle += bend + draw.normal(0, 0.05)
        x, y = points[-1]
        points.append((x + 2 * np.cos(angle), y + 2 * np.sin(angle)))
    sheet = Image.new("L", (4 * SIDE, 4 * SIDE))
    line = [(4 * x, 4 * y) for x, y in points]
    ImageDraw.Draw(sheet).line(line, fill=255, width=int(draw.uniform(4, 9)), joint="curve")
    covered: Field = np.asarray(sheet.resize((SIDE, SIDE), Image.Resampling.BOX)) / 255
    return covered


def hole(draw: Draw) -> Field:
    """The same of a ragged disc."""
    return _disc(draw, draw.uniform(3, 7), 0.25, 0.4)


def stain(draw: Draw) -> Field:
    """The same of a large disc with a soft border."""
    return _disc(draw, draw.uniform(8, 18), 0.2, 1.5)


def _disc(draw: Draw, radius: float, ragged: float, soft: float) -> Field:
    row, column = draw.uniform(0.15, 0.85, 2) * SIDE
    distance = np.hypot(_ROWS - row, (_COLUMNS - column) * draw.uniform(0.8, 1.25))
    edge = radius * (1 + ragged * smooth(draw, 12))
    covered: Field = (distance < 2.5 * radius) / (1 + np.exp(np.clip((distance - edge) / soft, -50, 50)))
    return covered


def _scratched(picture: Field, cover: Field, draw: Draw) -> Field:
    light = draw.choice([-1, 1]) * draw.uniform(0.10, 0.30)
    spoilt: Field = picture + light * cover[..., None]
    return spoilt


def _pierced(picture: Field, cover: Field, draw: Draw) -> Field:
    dark = picture.mean() * draw.uniform(0.25, 0.7)
    spoilt: Field = picture * (1 - cover[..., None]) + dark * cover[..., None]
    return spoilt


def _stained(picture: Field, cover: Field, draw: Draw) -> Field:
    tint = 1 - draw.uniform(0.06, 0.22) * np.array([draw.uniform(0.2, 1), draw.uniform(0.2, 1), 1.0])
    spoilt: Field = picture * (1 - cover[..., None] * (1 - tint))
    return spoilt


TEXTURES: dict[str, Callable[[Draw], Field]] = {"cloth": cloth, "wood": wood, "stone": stone}
Faulty = Callable[[Field, Field, Draw], Field]
DEFECTS: dict[str, tuple[Callable[[Draw], Field], Faulty]] = {
    "scratch": (scratch, _scratched),
    "hole": (hole, _pierced),
    "stain": (stain, _stained),
}


def write_textures(root: Path, *, seed: int = 0, train: int = TRAIN, good: int = GOOD, each: int = EACH) -> None:
    """Write all textures below a folder; what is there already is left as it is."""
    for texture in TEXTURES:
        if not (root / texture / "ground_truth").is_dir():
            write_texture(root / texture, texture, seed=seed, train=train, good=good, each=each)


def write_texture(
    place: Path, texture: str, *, seed: int = 0, train: int = TRAIN, good: int = GOOD, each: int = EACH
) -> None:
    """One texture: normal pictures, and for each kind of fault pictures and masks."""
    draw = np.random.Generator(np.random.Philox(key=[seed, sorted(TEXTURES).index(texture)]))
    for part, count in (("train", train), ("test", good)):
        for number in range(count):
            _save(TEXTURES[texture](draw), place / part / "good" / f"{number:03d}.png")
    for name, (covering, spoil) in DEFECTS.items():
        for number in range(each):
            picture, cover = TEXTURES[texture](draw), covering(draw)
            _save(spoil(picture, cover, draw), place / "test" / name / f"{number:03d}.png")
            _save((cover > 0.3).astype(np.float64), place / "ground_truth" / name / f"{number:03d}_mask.png")


def _save(values: Field, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray((values.clip(0, 1) * 255).round().astype(np.uint8))
    # A camera's blur: no point differs from its neighbours by more than optics allow.
    (image if values.ndim == 2 else image.filter(ImageFilter.GaussianBlur(0.5))).save(path)
