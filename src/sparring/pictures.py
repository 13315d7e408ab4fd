"""Pictures for people: grids that can be seen, and PNG files that carry where they came from.

Everything here is uint8 at the edge: [N, H, W, C] with C = 1 (grey), 3 (RGB) or 4 (RGBA).
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngImageFile, PngInfo

from sparring.errors import DataError
from sparring.runfolder import machine_errors, replace_file
from sparring.runfolder import sample_images as sample_images
from sparring.runfolder import sample_name as sample_name

KEY = "sparring"
COLUMNS = 8
MOST_ROWS = 16
"""Of the grids that a run saves: rows are classes where there are some."""
Pictures = npt.NDArray[np.uint8]
Provenance = Mapping[str, str | int | float]
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_PAPER: dict[str, int | tuple[int, ...]] = {"L": 255, "RGB": (255, 255, 255), "RGBA": (255, 255, 255, 255)}
_INK: dict[str, int | tuple[int, ...]] = {"L": 40, "RGB": (40, 40, 40), "RGBA": (40, 40, 40, 255)}
_SEEN = 48  # a picture is enlarged until its shorter side has this many points
_WIDEST = 1600  # unless the grid would become wider than this
_CAPTION_WIDTH = 160


def grid(
    pictures: Pictures,
    *,
    columns: int,
    scale: int | None = None,
    gap: int = 2,
    captions: Sequence[str] | None = None,
) -> Image.Image:
    """Lay pictures out in rows, left to right, on white.

    Args:
        pictures: uint8 [N, H, W, C], C = 1, 3 or 4.
        columns: pictures a row; the last row may be shorter.
        scale: whole number by which each point is repeated; None: so that small pictures can be seen.
        gap: white points between pictures.
        captions: a text left of each row, such as its class; one a row.

    Returns:
        An image of mode L, RGB or RGBA.

    Raises:
        ValueError: no pictures, another shape or type, or captions that do not fit the rows.

    >>> grid(np.zeros((10, 8, 8, 1), np.uint8), columns=5).size
    (248, 98)
    """
    mode = _mode(pictures)
    number, height, width, _ = pictures.shape
    rows = -(-number // columns)
    if captions is not None and len(captions) != rows:
        raise ValueError(f"{len(captions)} captions were given for {rows} rows")
    scale = scale or _seen_scale(height, width, columns)
    step_x, step_y = width * scale + gap, height * scale + gap
    left = _caption_width(captions, step_y) if captions else 0
    sheet = Image.new(mode, (left + columns * step_x - gap, rows * step_y - gap), _PAPER[mode])
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        sheet.paste(_enlarged(picture, scale), (left + column * step_x, row * step_y))
    for row, caption in enumerate(captions or ()):
        _write_caption(sheet, caption, (left - 8, row * step_y + (step_y - gap) // 2), _font_size(step_y))
    return sheet


def padded(pictures: Pictures, count: int) -> Pictures:
    """So many pictures uint8 [N, H, W, C]: white ones behind those that are there."""
    missing = count - len(pictures)
    return np.concatenate([pictures, np.full((missing, *pictures.shape[1:]), 255, np.uint8)])


def in_turn(*kinds: Pictures, columns: int) -> Pictures:
    """Pictures for a grid in which what belongs together is in one column: a row of each kind, then the next rows.

    Args:
        kinds: uint8 [N, H, W, C] each.
        columns: of the grid; the last rows are filled up with white.

    >>> in_turn(np.zeros((10, 8, 8, 1), np.uint8), np.zeros((10, 8, 8, 1), np.uint8), columns=8).shape
    (32, 8, 8, 1)
    """
    filled = [padded(kind, -(-len(kind) // columns) * columns) for kind in kinds]
    starts = range(0, len(filled[0]), columns)
    return np.concatenate([kind[start : start + columns] for start in starts for kind in filled])


def save_png(image: Image.Image, path: Path, provenance: Provenance, *, durable: bool = True) -> None:
    """Write a PNG that says where it came from, whole or not at all; the same image gives the same bytes.

    Args:
        image: mode L, RGB or RGBA.
        path: the file, new or to be replaced.
        provenance: run, seed, class and the like: kept as JSON in the text chunk "sparring".
        durable: also outlive a power cut; needless for what can be made again.

    Raises:
        MachineError: the disk refused.
    """
    info = PngInfo()
    info.add_text(KEY, json.dumps(dict(provenance)))
    data = io.BytesIO()
    image.save(data, format="PNG", pnginfo=info)
    with machine_errors(path):
        replace_file(path, data.getvalue(), durable=durable)


def read_provenance(path: Path) -> dict[str, str | int | float]:
    """What `save_png` was told about a picture.

    Raises:
        DataError: the file is no PNG, or none that this package wrote.
    """
    try:
        with Image.open(path, formats=["PNG"]) as image:
            assert isinstance(image, PngImageFile)
            found = json.loads(image.text[KEY])
    except (OSError, SyntaxError) as error:
        raise DataError(f"{path}: not a PNG that can be read ({error}). Give a picture that `sample` wrote.") from None
    except (KeyError, ValueError):
        raise DataError(f"{path}: does not say where it came from. Give a picture that `sample` wrote.") from None
    return dict(found)


def save_numbered(
    pictures: Pictures, folder: Path, provenance_of: Callable[[int], Provenance], *, prefix: str = ""
) -> list[Path]:
    """Write each picture as a PNG of its own: 0000.png, 0001.png, ...

    Args:
        pictures: uint8 [N, H, W, C], C = 1, 3 or 4.
        folder: where to; made where it is absent. Files of the same names are replaced.
        provenance_of: what to note in the picture of an index.
        prefix: of every file's name.

    Returns:
        The files, in order.

    Raises:
        ValueError: no pictures, or another shape or type.
        MachineError: the disk refused.
    """
    mode = _mode(pictures)
    digits = max(4, len(str(len(pictures) - 1)))
    with machine_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{prefix}{index:0{digits}d}.png" for index in range(len(pictures))]
    for index, path in enumerate(paths):
        image = _image(pictures[index])
        assert image.mode == mode
        save_png(image, path, provenance_of(index), durable=False)
    return paths


def _mode(pictures: Pictures) -> str:
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[-1] not in _MODES or 0 in pictures.shape:
        raise ValueError(
            f"pictures are uint8 [N, H, W, C] with C = 1, 3 or 4, at least one; these are {pictures.dtype} "
            f"{list(pictures.shape)}"
        )
    return _MODES[pictures.shape[-1]]


def _image(picture: Pictures) -> Image.Image:
    return Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture)


def _enlarged(picture: Pictures, scale: int) -> Image.Image:
    height, width, _ = picture.shape
    return _image(picture).resize((width * scale, height * scale), Image.Resampling.NEAREST)


def _seen_scale(height: int, width: int, columns: int) -> int:
    wanted = -(-_SEEN // min(height, width))
    return max(1, min(wanted, _WIDEST // (columns * width)))


def _font_size(step_y: int) -> int:
    return max(9, min(16, step_y - 4))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    # Pillow's own font has no Greek, no Cyrillic; the one that comes with matplotlib has.
    import matplotlib

    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)


def _caption_width(captions: Sequence[str], step_y: int) -> int:
    font = _font(_font_size(step_y))
    return 16 + int(max(font.getlength(_shortened(text, font)) for text in captions))


def _shortened(text: str, font: ImageFont.FreeTypeFont) -> str:
    line = " ".join(text.split())
    if font.getlength(line) <= _CAPTION_WIDTH:
        return line
    while line and font.getlength(line + "…") > _CAPTION_WIDTH:
        line = line[:-1]
    return line + "…"


def _write_caption(sheet: Image.Image, text: str, right_middle: tuple[int, int], size: int) -> None:
    font = _font(size)
    ImageDraw.Draw(sheet).text(right_middle, _shortened(text, font), fill=_INK[sheet.mode], font=font, anchor="rm")


def heated(pictures: Pictures, heat: npt.NDArray[np.floating]) -> Pictures:
    """Pictures in grey under a map that goes from nothing over red to yellow.

    Args:
        pictures: uint8 [N, H, W, C], C = 1, 3 or 4.
        heat: [N, H, W]; 0 and less shows the picture as it is, 1 and more is the hottest.

    Returns:
        uint8 [N, H, W, 3].
    """
    from matplotlib import colormaps

    grey = pictures[..., :3].mean(3, keepdims=True)
    share = np.clip(heat, 0, 1)[..., None]
    colour = 255 * colormaps["hot"](0.25 + 0.5 * share[..., 0])[..., :3]
    strength = 0.85 * share**0.7
    return np.asarray(grey * (1 - strength) + colour * strength).round().astype(np.uint8)
