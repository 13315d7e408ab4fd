"""More pictures of a class from a run that can be asked for one, laid out to be trained on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sparring.errors import UsageError
from sparring.job.options import check_number
from sparring.job.records import read_counts, read_layout
from sparring.job.run import Run
from sparring.pictures import save_numbered
from sparring.runfolder import RunFolder
from sparring.runfolder.names import fit_name

PLACE = "augment"
"""Of the run's folder, where nothing else is asked for."""
MOST_COUNTED = 12


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Which pictures are asked for.

    Args:
        label: the class.
        count: how many.
        seed: picture n depends on the seed and n alone, as `sparring sample` has it.
        truncation: in (0, 1].
    """

    label: str
    count: int = 500
    seed: int = 0
    truncation: float = 1.0

    def made(self, run: Run, *, further: int = 0) -> npt.NDArray[np.uint8]:
        """The pictures, uint8 [N, H, W, C].

        Args:
            further: added to the seed.
        """
        pictures: npt.NDArray[np.uint8] = run.sample(
            self.count, label=self.label, seed=self.seed + further, truncation=self.truncation
        )
        return pictures


def check_wish(run: Run, wish: Wish) -> None:
    """Refuse what the run can't make, before anything is computed.

    Raises:
        UsageError: it makes no pictures of a class, the class is unknown, or a number is out of its range.
    """
    check_number("seed", wish.seed)
    _ = run.picture_spec
    run.labels(1, wish.label)
    run.noise(wish.count, truncation=wish.truncation)


def class_counts(run: Run) -> dict[str, int]:
    """Training pictures of each class of the run, the rarest first; nothing where it was trained without classes."""
    counts = dict(zip(run.spec.classes, read_counts(RunFolder.open(run.path)), strict=True))
    return dict(sorted(counts.items(), key=lambda each: each[1]))


def write_class(run: Run, wish: Wish, out: Path | None) -> list[Path]:
    """Write the pictures as PNGs into a folder of their class; returns the files.

    Where the run's data came with splits, that folder is one of `train`, so that none of them can be held out.

    Args:
        out: the folder around it; None: in the run's own.

    Raises:
        UsageError: as `check_wish`, or a file of the same name is there. MachineError: the disk refused.
    """
    check_wish(run, wish)
    if wish.label != Path(wish.label).name or wish.label in (".", ".."):
        raise UsageError(
            f"--class {wish.label}: can't be the name of a folder. Take `sparring sample {run.path} --class ... --npz "
            "FILE`, which has the classes as an array."
        )
    name = fit_name(f"made-by-{run.path.name}-at-{run.checkpoint.images / 1000:g}-kimg-seed-{wish.seed}")
    folder = (out or run.path / PLACE / name).absolute()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {folder}: a file. Give a folder.")
    inner = folder / ("train" if has_splits(run) else "") / wish.label
    prefix = f"{name}-"
    there = next(iter(sorted(inner.glob(f"{prefix}*.png"))), None) if inner.is_dir() else None
    if there is not None:
        raise UsageError(f"{there}: is there already, and nothing is written over. Give another --out or --seed.")
    facts = {**run.provenance(seed=wish.seed, truncation=wish.truncation), "class": wish.label}
    return save_numbered(wish.made(run), inner, lambda number: {**facts, "number": number}, prefix=prefix)


def has_splits(run: Run) -> bool:
    """Whether the run's data came with parts of their own, not cut from training pictures."""
    return "given splits" in read_layout(RunFolder.open(run.path))


def known_classes(run: Run) -> str:
    """A sentence with the run's classes, the rarest first."""
    counts = class_counts(run)
    shown = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:MOST_COUNTED])
    return f"Training pictures: {shown}{', ...' if len(counts) > MOST_COUNTED else ''}."
