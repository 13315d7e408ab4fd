"""New pictures through a run that translates: a folder in, a file for each of them out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparring.data.collection import Skipped
from sparring.data.decode import fit_picture, read_picture, reason_of, strict_pillow
from sparring.data.folder import list_folder
from sparring.data.listing import Entry, printable
from sparring.data.places import read_bytes
from sparring.errors import DataError, UsageError
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
    if not source.is_dir():
        raise DataError(f"--from {source}: no such folder. Give a folder of pictures.")
    listing = list_folder(source)
    names = _names(listing.entries)
    _refuse_foreign([out / name for name in names])
    skipped, written = list(listing.skipped), []
    for start in range(0, len(names), TRANSLATED):
        stop = start + TRANSLATED
        read = list(_read(run, listing.entries[start:stop], names[start:stop], channels, skipped))
        if read:
            made = run.translate(np.stack([picture for _, picture in read]))
            written += [_saved(run, out / name, picture) for (name, _), picture in zip(read, made, strict=True)]
    if not written:
        shown = "".join(f"\n  {lost.name}: {lost.reason}" for lost in skipped[:5])
        raise DataError(f"--from {source}: there is no picture in it.{' Found:' if shown else ''}{shown}")
    return Translated(written=written, skipped=skipped)


def _names(entries: Sequence[Entry]) -> list[str]:
    stems = [entry.name.rpartition(".")[0] for entry in entries]
    often = Counter(stems)
    return [f"{stem if often[stem] == 1 else entry.name}.png" for stem, entry in zip(stems, entries, strict=True)]


def _refuse_foreign(paths: Sequence[Path]) -> None:
    """A user's own picture must not be written over; what was translated before may."""
    for path in paths:
        try:
            if path.exists():
                read_provenance(path)
        except DataError:
            raise UsageError(
                f"--out {path.parent}: {path.name} there is not from sparring. Give another folder."
            ) from None


def _read(
    run: Run, entries: Sequence[Entry], names: Sequence[str], channels: int, skipped: list[Skipped]
) -> Iterator[tuple[str, Pixels]]:
    for entry, name in zip(entries, names, strict=True):
        data = b""
        try:
            data = read_bytes(entry.place)
            with strict_pillow():
                image = read_picture(data).image
        except Exception as error:  # damaged bytes make decoders raise anything; the picture is named and skipped
            skipped.append(Skipped(name=printable(entry.name), reason=reason_of(error, data)))
            continue
        yield name, fit_picture(image, size=run.picture_spec.height, fit=run.recipe.data.fit, channels=channels)


def _saved(run: Run, path: Path, picture: Pixels) -> Path:
    with machine_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    facts: dict[str, str | int | float] = {"run": run.path.name, "kimg": run.checkpoint.images / 1000}
    save_png(grid(picture[None], columns=1, scale=1), path, facts, durable=False)
    return path
