"""How the things inside a run folder are called: runs, pictures, checkpoints."""

import re
from pathlib import Path

_SAMPLE = re.compile(r"kimg-(\d{6,})\.(\d{3})\.png")
_RUN_NUMBER = re.compile(r"-(\d{3,})")
_UNFIT = re.compile(r"[^\w.-]+")


def sample_name(images: int) -> str:
    """File name of the pictures made after `images` reals were seen; names sort as the numbers do.

    >>> sample_name(120_064)
    'kimg-000120.064.png'
    """
    kimg, rest = divmod(images, 1000)
    return f"kimg-{kimg:06d}.{rest:03d}.png"


def sample_images(name: str) -> int | None:
    """The count inside a name that `sample_name` made; None for any other name.

    >>> sample_images("kimg-000120.064.png"), sample_images("real.png")
    (120064, None)
    """
    match = _SAMPLE.fullmatch(name)
    return int(match[1]) * 1000 + int(match[2]) if match else None


def fit_name(name: str) -> str:
    """A name that is one plain folder on every system: letters, digits, `-`, `_` and `.`, at most 80 of them.

    >>> fit_name("../my photos!")
    'my-photos'
    """
    return _UNFIT.sub("-", name).strip("-.")[:80] or "run"


def next_number(root: Path, name: str) -> int:
    """One more than the highest number that a run of this name has in `root`."""
    numbers = [0]
    for entry in root.iterdir():
        match = _RUN_NUMBER.fullmatch(entry.name[len(name) :]) if entry.name.startswith(name) else None
        if match:
            numbers.append(int(match[1]))
    return max(numbers) + 1
