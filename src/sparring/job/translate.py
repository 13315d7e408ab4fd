"""New pictures through a run that translates: a folder in, a file for each of them out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparring.data.collection import Skipped
from sparring.data.listing import Entry
from sparring.errors import DataError, UsageError
from sparring.job.new_pictures import list_pictures, read_new, refuse_none
from sparring.job.run import TRANSLATED, Pixels, Run
from sparring.pictures import grid, read_provenance, save_png
from sparring.runfolder import machine_errors


@dataclass(frozen=True, kw_only=True)
class Translated:
    """What came of a folder.

    Args:
        written: a PNG for each picture, in the order of their names.
        skipped: files that are no pictures or can't be read, with the reasons.
    """

    written: Sequence[Path]
    skipped: Sequence[Skipped]


def translate_folder(run: Run, source: Path, out: Path) -> Translated:
    """Write what the run makes of each picture below `source` to `out`, under its name and in its folder.

    Pictures are fitted as those that it was trained on. `dog.jpg` becomes `dog.png`; where there is a `dog.webp` as
    well, they become `dog.jpg.png` and `dog.webp.png`.

    Raises:
        UsageError: the run does not translate, or a file in `out` is not from sparring.
        DataError: no folder, or nothing in it can be read.
        MachineError: the disk refused.
    """
    channels = run.source_channels
    listing = list_pictures(source, option="--from ")
    names = names_of_made(listing.entries)
    refuse_foreign([out / name for name in names.values()])
    skipped, written = list(listing.skipped), []
    for start in range(0, len(listing.entries), TRANSLATED):
        entries = listing.entries[start : start + TRANSLATED]
        read = list(read_new(run, entries, channels=channels, skipped=skipped))
        if read:
            made = run.translate(np.stack([picture for _, picture in read]))
            written += [_saved(run, out / names[e.name], p) for (e, _), p in zip(read, made, strict=True)]
    if not written:
        raise refuse_none(source, skipped, option="--from ")
    return Translated(written=written, skipped=skipped)


def names_of_made(entries: Sequence[Entry]) -> dict[str, str]:
    """Of what is written, by what is read."""
    stems = [entry.name.rpartition(".")[0] for entry in entries]
    often = Counter(stems)
    pairs = zip(stems, entries, strict=True)
    return {entry.name: f"{stem if often[stem] == 1 else entry.name}.png" for stem, entry in pairs}


def refuse_foreign(paths: Sequence[Path]) -> None:
    """A user's own picture must not be written over; what was translated before may."""
    for path in paths:
        try:
            if path.exists():
                read_provenance(path)
        except DataError:
            raise UsageError(
                f"--out {path.parent}: {path.name} there is not from sparring. Give another folder."
            ) from None


def _saved(run: Run, path: Path, picture: Pixels) -> Path:
    with machine_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    facts: dict[str, str | int | float] = {"run": run.path.name, "kimg": run.checkpoint.images / 1000}
    save_png(grid(picture[None], columns=1, scale=1), path, facts, durable=False)
    return path
