"""The picture of a comparison: what several runs make of the same noise, find hardest, or say of a plane."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from sparring.data import TableSpec
from sparring.errors import UsageError
from sparring.job.regions import MOST, Plane, in_a_plane, regions_of
from sparring.job.run import Run
from sparring.pictures import grid, heated, padded
from sparring.planes import Points, Window, class_regions, scatter
from sparring.recipe import Task

COLUMNS = 10
ROWS = 3
POINTS = 1_000
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """The picture, or None where rows of many columns can't be drawn.

    Args:
        told: what is seen, or why nothing is.
    """

    image: Image.Image | None
    told: str


def sheet_of(runs: Sequence[Run], names: Sequence[str], seed: int) -> Sheet:
    """Rows of pictures for each run, or panels of a plane.

    Raises:
        UsageError: some make examples and some tell classes, or some are of pictures and some of rows.
    """
    kinds = {(run.recipe.task, isinstance(run.spec, TableSpec)) for run in runs}
    if len(kinds) > 1:
        raise UsageError(
            "some of these runs make pictures, some points, some tell classes or rebuild: compare those of a kind."
        )
    (task, rows), *_ = kinds
    if not rows:
        return Sheet(image=_pictures(runs, names, seed), told=_TOLD[task].format(seed=seed))
    if task == "classify":
        return _classes(runs, names, seed)
    if any(len(run.spec.columns) > 2 for run in runs if isinstance(run.spec, TableSpec)):
        return Sheet(image=None, told=_MANY)
    points = [_points(run, seed) for run in runs]
    image = scatter(list(zip(names, points, strict=True)), Window.around(np.concatenate(points)))
    return Sheet(image=image, told=f"{POINTS:,} points a run, of seed {seed}.")


_TOLD: Mapping[Task, str] = {
    "generate": "Three rows a run; the same place is the same noise (seed {seed}, each generator in its own dimension) "
    "and the same class, where there are classes.",
    "classify": "Three rows a run: unseen pictures to whose class it gives the least probability, the hardest first.",
    "rebuild": "Three rows a run: unseen pictures (seed {seed}), what it rebuilt of them, how far the two are apart.",
    "anomaly": "Three rows a run: unseen pictures (seed {seed}), where they are unlike all that it remembers, and "
    "where it sees a blemish.",
}
_REGIONS = (
    "The class that each run gives to every place, paler where it is less sure; crosses: unseen rows it gets wrong."
)
_MANY = "Rows of more than two columns are not drawn."


def _classes(runs: Sequence[Run], names: Sequence[str], seed: int) -> Sheet:
    """What each run says of its plane, with rows that it did not learn from."""
    if not all(in_a_plane(run.spec) for run in runs):
        return Sheet(image=None, told=_MANY)
    panels, window = [], None
    for name, run in zip(names, runs, strict=True):
        x, y = run.unseen_labelled(MOST, seed=seed)
        plane = Plane(x)
        window = plane.window
        panels.append(regions_of(name, run.classify, x, y, plane, run.spec.classes))
    assert window is not None
    return Sheet(image=class_regions(panels, window), told=_REGIONS)


def _pictures(runs: Sequence[Run], names: Sequence[str], seed: int) -> Image.Image:
    """Rows for each run, each column from the same noise and class; all at the size of the largest."""
    blocks = [_BLOCKS[run.recipe.task](run, seed) for run in runs]
    side = (max(block.shape[1] for block in blocks), max(block.shape[2] for block in blocks))
    channels = max(block.shape[3] for block in blocks)
    stacked = np.concatenate([_fitted(block, side, channels) for block in blocks])
    captions = [
        caption
        for name, run in zip(names, runs, strict=True)
        for caption in (name, f"{run.checkpoint.images / 1000:g} kimg", "")
    ]
    return grid(stacked, columns=COLUMNS, captions=captions)


def _hardest(run: Run, seed: int) -> Pixels:
    count = ROWS * COLUMNS
    return padded(run.hardest(count), count)


def _made(run: Run, seed: int) -> Pixels:
    count = ROWS * COLUMNS
    if run.generator.conditional:
        return run.pictures(run.noise(count, seed=seed), np.arange(count, dtype=np.int64) % len(run.spec.classes))
    return run.sample(count, seed=seed)


def _rebuilt(run: Run, seed: int) -> Pixels:
    originals, labels = run.unseen(COLUMNS, seed=seed)
    rebuilt = run.rebuild(originals, labels)
    apart = np.abs(originals.astype(np.int16) - rebuilt).astype(np.uint8)
    return np.concatenate([originals, rebuilt, apart])


def _suspected(run: Run, seed: int) -> Pixels:
    originals, _ = run.unseen(COLUMNS, seed=seed)
    plain = originals.repeat(3, 3) if originals.shape[3] == 1 else originals[..., :3]
    finders = [run.finder(by) for by in ("memory", "blemishes")]
    return np.concatenate(
        [plain, *(heated(originals, finder.heated(finder.look(originals).maps)) for finder in finders)]
    )


_BLOCKS: Mapping[Task, Callable[[Run, int], Pixels]] = {
    "generate": _made,
    "classify": _hardest,
    "rebuild": _rebuilt,
    "anomaly": _suspected,
}


def _points(run: Run, seed: int) -> Points:
    if run.recipe.task == "rebuild":
        return run.rebuild(*run.unseen(POINTS, seed=seed))
    return run.sample(POINTS, seed=seed)


def _fitted(pictures: Pixels, side: tuple[int, int], channels: int) -> Pixels:
    """Pictures enlarged by repeating points and with channels filled up, so that different runs fit on one sheet."""
    if pictures.shape[1:3] != side:
        rows = np.arange(side[0]) * pictures.shape[1] // side[0]
        columns = np.arange(side[1]) * pictures.shape[2] // side[1]
        pictures = pictures[:, rows][:, :, columns]
    if pictures.shape[3] == 1 and channels > 1:
        pictures = pictures.repeat(3, axis=3)
    if pictures.shape[3] == 3 and channels == 4:
        pictures = np.concatenate([pictures, np.full((*pictures.shape[:3], 1), 255, np.uint8)], axis=3)
    return pictures
