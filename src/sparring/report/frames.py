"""The pictures of a run, chosen over time and put into the page itself."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from sparring.planes import animate
from sparring.runfolder import RunFolder, sample_images

ANIMATION = "animation.webp"
MOST = 12
_LARGEST = 1400  # points; a larger sheet is made smaller, so that the page stays one that can be mailed


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One picture of the page: a PNG, or a WebP that moves, as a data: address, its size in points, and when it was
    made, in words."""

    address: str
    width: int
    height: int
    when: str


def frames_of(folder: RunFolder) -> list[Frame]:
    """At most 12 pictures of what the generator made, oldest first, always with the first and the last."""
    made = sorted((images, path) for path in _pictures(folder) if (images := sample_images(path.name)) is not None)
    init = folder.samples / "init.png"
    named = [("before training", init)] if init.is_file() else []
    named += [(f"{images / 1000:,.3f} kimg", path) for images, path in made]
    return [_frame(path, when) for when, path in _spread(named)]


def real_frame(folder: RunFolder) -> Frame | None:
    """The picture of reals; None where the run has none."""
    path = folder.samples / "real.png"
    return _frame(path, "reals") if path.is_file() else None


def animate_frames(folder: RunFolder) -> None:
    """Write samples/animation.webp of all frames of a run in a plane; of other runs nothing."""
    if not (folder.path / "data.json").exists() or "columns" not in folder.read_json("data.json").get("spec", {}):
        return
    made = sorted((images, path) for path in _pictures(folder) if (images := sample_images(path.name)) is not None)
    init = folder.samples / "init.png"
    frames = [*([init] if init.is_file() else []), *(path for _, path in made)]
    if frames:
        animate(frames, folder.samples / ANIMATION)


def animation(folder: RunFolder) -> Frame | None:
    """The frames of a run in a plane as one picture that moves; None where there is none."""
    path = folder.samples / ANIMATION
    if not path.is_file():
        return None
    with Image.open(path, formats=["WEBP"]) as image:
        width, height = image.size
    address = "data:image/webp;base64," + base64.b64encode(path.read_bytes()).decode()
    return Frame(address=address, width=width, height=height, when="all frames")


def _pictures(folder: RunFolder) -> list[Path]:
    return list(folder.samples.iterdir()) if folder.samples.is_dir() else []


def _spread(named: list[tuple[str, Path]]) -> list[tuple[str, Path]]:
    if len(named) <= MOST:
        return named
    return [named[round(step * (len(named) - 1) / (MOST - 1))] for step in range(MOST)]


def _frame(path: Path, when: str) -> Frame:
    data = path.read_bytes()
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        width, height = image.size
        if max(image.size) > _LARGEST:
            image.thumbnail((_LARGEST, _LARGEST), Image.Resampling.LANCZOS)
            smaller = io.BytesIO()
            image.save(smaller, format="PNG")
            (width, height), data = image.size, smaller.getvalue()
    address = "data:image/png;base64," + base64.b64encode(data).decode()
    return Frame(address=address, width=width, height=height, when=when)
